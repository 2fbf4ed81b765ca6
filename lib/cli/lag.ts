import { existsSync } from 'node:fs'
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { readArgs } from '#cli/args.ts'
import { brokersOf } from '#cli/brokers.ts'
import { locateData } from '#cli/data-location.ts'
import { type Lag, type PartitionLag, readLag } from '#cli/partition-lag.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'
import { alignTable, count, isoTime } from '#cli/text.ts'
import { type Duration, parseDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import { floorTo, SECOND } from '#core/time.ts'
import { type DataFolder, type FolderPipeline, inspectDataFolder } from '#local/data-folder.ts'
import { checkFolderTopic } from '#local/data-folder-topic.ts'
import { readableEnds } from '#local/readable-ends.ts'
import { openSource, type TopicLocation, topicCluster } from '#local/topics.ts'
import type { PlanShape } from '#plan/fingerprint.ts'
import { servingFingerprint } from '#runtime/epochs.ts'

const HELP = `sluice lag [options]

How far each partition of the topic is: records applied and waiting, newest event time, watermark, and which partition holds
the watermark back. A pipeline may be running in the data folder.

  --data DIR     data folder (default: the only one below .sluice)
  --topic NAME   the topic that the folder has read, if you want to be sure
  --zone ZONE    times in that zone (default: UTC)
  --json         as one JSON document
  --alarm        exit with 1 if a partition holds the watermark back

KAFKA_BROKERS=host:port,…   the broker, where the folder has read from one
`

export const lagCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = {
      data: { type: 'string' },
      topic: { type: 'string' },
      zone: { type: 'string' },
      json: { type: 'boolean' },
      alarm: { type: 'boolean' },
    } as const
    const options = readArgs('lag', args, specs, 0)
    const { folder, pipeline } = inspectDataFolder(locateData(options.text('data'), terminal))
    const topic = await topicOf(folder, pipeline, options.text('topic'), terminal)
    const lag = await lagOf(folder, pipeline, topic)
    if (options.flag('json')) terminal.out(`${JSON.stringify(asJson(pipeline.name, topic.name, lag))}\n`)
    else terminal.out(asText(pipeline.name, topic.name, lag, options.text('zone') ?? 'UTC'))
    return options.flag('alarm') && lag.partitions.some((one) => one.holdsBack) ? EXIT.failed : EXIT.done
  },
}

/** The topic that the data folder has read. @throws SluiceError TOPIC_MISMATCH, TOPIC_NOT_FOUND */
export async function topicOf(
  folder: DataFolder,
  pipeline: FolderPipeline,
  named: string | undefined,
  terminal: Terminal,
): Promise<TopicLocation> {
  const stored = pipeline.topic
  const name = named ?? stored.name
  const brokers = brokersOf(terminal)
  checkFolderTopic(folder.path, stored, { kind: brokers === undefined ? 'embedded' : stored.kind, name })
  if (stored.kind === 'embedded') return { kind: 'embedded', folder: folder.topics, name, partitions: 1 }
  const topic = { kind: 'kafka', brokers: brokers!, name, partitions: 1 } as const
  const cluster = await topicCluster(topic)
  if (cluster !== null) checkFolderTopic(folder.path, stored, { kind: 'kafka', name, cluster })
  return topic
}

/** The definition that the data folder holds, in words. */
export const shapeOf = ({ shape }: FolderPipeline): PlanShape => (shape ?? {}) as PlanShape

/** How far each partition of a data folder's topic is. @throws SluiceError DATA_FOLDER_NOT_FOUND where nothing has run */
export async function lagOf(folder: DataFolder, pipeline: FolderPipeline, topic: TopicLocation): Promise<Lag> {
  if (!existsSync(folder.state)) {
    throw new SluiceError(
      'DATA_FOLDER_NOT_FOUND',
      `Nothing has run in ${folder.path} yet: there is no ${folder.state}.`,
    )
  }
  const shape = shapeOf(pipeline)
  const state = new SqliteStateStore(folder.state, { readonly: true })
  const source = await openSource(topic, systemClock)
  const plan = { name: pipeline.name, topic: { name: shape['topic'] ?? topic.name } }
  try {
    return await readLag({
      state,
      scope: { plan, fingerprint: await servingFingerprint({ plan, state, fingerprint: pipeline.fingerprint }) },
      endOffsets: (applied) => readableEnds(source, applied),
      outOfOrder: parseDuration((shape['out of order'] ?? '0 seconds') as Duration, { allowZero: true }),
      hasWindows: Object.keys(shape).some((key) => key.startsWith('window of ')),
      now: systemClock.now(),
    })
  } finally {
    await source.close()
    await state.close()
  }
}

/** What the partition has to do with the watermark: one that is busy sets it, one that lags holds it back. */
function roleOf(one: PartitionLag, { watermark }: Lag): string {
  if (one.holdsBack) return ', holds the watermark back'
  return one.state === 'live' && one.watermark === watermark ? ', sets the watermark' : ''
}

const sum = (partitions: readonly PartitionLag[], pick: (one: PartitionLag) => number): number =>
  partitions.reduce((total, one) => total + pick(one), 0)

function asJson(pipeline: string, topic: string, lag: Lag): object {
  const time = (instant: number | null): string | null => (instant === null ? null : isoTime(instant))
  return {
    pipeline,
    topic,
    lag: sum(lag.partitions, (one) => one.lag),
    maxEventTime: time(lag.maxEventTime),
    watermark: time(lag.watermark),
    closedUpTo: time(lag.closedUpTo),
    heldBackBy: lag.partitions.flatMap(({ partition, holdsBack }) => (holdsBack ? [partition] : [])),
    partitions: lag.partitions.map((one) => ({
      ...one,
      maxEventTime: time(one.maxEventTime),
      maxEventAppendTime: time(one.maxEventAppendTime),
      watermark: time(one.watermark),
    })),
  }
}

function asText(pipeline: string, topic: string, lag: Lag, zone: string): string {
  const time = (instant: number | null): string => (instant === null ? '–' : isoTime(floorTo(instant, SECOND), zone))
  const rows = lag.partitions.map((one) => [
    String(one.partition),
    count(one.offset),
    count(one.endOffset),
    count(one.lag),
    count(one.lakeLag),
    time(one.maxEventTime),
    time(one.watermark),
    one.state + roleOf(one, lag),
  ])
  const total = (pick: (one: PartitionLag) => number): string => count(sum(lag.partitions, pick))
  rows.push([
    'all',
    total((one) => one.offset),
    total((one) => one.endOffset),
    total((one) => one.lag),
    total((one) => one.lakeLag),
    time(lag.maxEventTime),
    time(lag.watermark),
    '',
  ])
  const header = ['partition', 'offset', 'end', 'lag', 'lag to lake', 'newest event', 'watermark', 'state']
  const held = lag.partitions.flatMap(({ partition, holdsBack }) => (holdsBack ? [partition] : []))
  const who = held.length === 0 ? '' : `Held back by partition ${held.join(', ')}. `
  const closed =
    lag.closedUpTo === null ? 'No window is closed yet.' : `Windows are closed up to ${time(lag.closedUpTo)}.`
  return `pipeline ${pipeline}, topic ${topic}\n\n${alignTable(header, rows, [0, 1, 2, 3, 4])}\n${who}${closed}\n`
}
