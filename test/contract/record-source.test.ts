import { MemoryTopic } from '#adapters/memory/topic.ts'
import { TopicLog, TopicLogReader } from '#local/topic-log.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { recordSourceContract } from './record-source.ts'
import { ManualClock } from './record-source-builders.ts'

recordSourceContract('The topic in memory', async () => {
  const clock = new ManualClock()
  const topic = new MemoryTopic({ topic: 'events', partitions: 3, clock })
  return {
    source: topic,
    writer: topic,
    clock,
    skipOffsets: (partition, count) => topic.skipOffsets(partition, count),
    close: () => topic.close(),
  }
})

recordSourceContract('The topic log', async () => {
  const clock = new ManualClock()
  const folder = createTemporaryFolder()
  const log = TopicLog.open({ folder: folder.path, name: 'events', partitions: 3, clock })
  return {
    source: log,
    writer: log,
    clock,
    async close() {
      await log.close()
      folder[Symbol.dispose]()
    },
  }
})

recordSourceContract('A follower of the topic log', async () => {
  const clock = new ManualClock()
  const folder = createTemporaryFolder()
  const log = TopicLog.open({ folder: folder.path, name: 'events', partitions: 3, clock })
  const reader = TopicLogReader.open({ folder: folder.path, name: 'events', clock })
  return {
    source: reader,
    writer: log,
    clock,
    async close() {
      await reader.close()
      await log.close()
      folder[Symbol.dispose]()
    },
  }
})
