/** One process of a chaos run: a consumer of some partitions, or a keeper that commits and closes. Its job is its first argument, JSON. */
import { KafkaRecordSource } from '#adapters/kafka/topic.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { Housekeeper } from '#local/housekeeper.ts'
import { ReadableEnds } from '#local/readable-ends.ts'
import { StageLoop } from '#local/stage-loop.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { runtimeAt, type Site } from './site.ts'

export interface Job {
  readonly site: Site
  /** Of a consumer; a keeper has none. */
  readonly partitions: readonly number[] | null
}

const { site, partitions } = JSON.parse(process.argv[2]!) as Job
const runtime = runtimeAt(site)
const source = await KafkaRecordSource.open({ brokers: site.brokers, name: site.topic, clock: systemClock })
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
process.send?.('ready')

if (partitions === null) {
  const ends = new ReadableEnds(source)
  const settings = { commitEvery: 1_000, closeEvery: 500, checkpointEvery: 20 }
  const keeper = new Housekeeper(runtime, (applied) => ends.of(applied), settings, {})
  keeper.start()
  await new Promise((resolve) => stop.signal.addEventListener('abort', resolve))
  await keeper.stop()
} else {
  const relieve = async (): Promise<void> => void (await commitAccepted(runtime))
  await new StageLoop(runtime, source, { batchSize: 5_000, batchWindow: 500, partitions }, { relieve }).run(stop.signal)
}
process.exit(0)
