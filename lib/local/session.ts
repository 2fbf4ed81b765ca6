import { join } from 'node:path'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import { type DataFolder, type FolderPipeline, openDataFolder } from '#local/data-folder.ts'
import type { HousekeeperEvents } from '#local/housekeeper.ts'
import { LocalPipeline } from '#local/local-pipeline.ts'
import { openSql } from '#local/open-sql.ts'
import { readTopicDescription, topicFolder } from '#local/topic-log-source.ts'
import { type TopicLocation, topicCluster } from '#local/topics.ts'
import { describeChange, fingerprint, type PlanShape, planShape } from '#plan/fingerprint.ts'
import type { Plan } from '#plan/plan.ts'
import type { SqlSink } from '#ports/sql-sink.ts'

export interface SessionOptions {
  readonly plan: Plan
  /** Module of the plan, for worker threads; null keeps everything in this thread. */
  readonly pipelinePath: string | null
  readonly dataFolder: string
  /** Partitions of a new topic; default: the plan's, or what the topic has. */
  readonly partitions: number | undefined
  readonly batchSize: number
  readonly batchWindow: Millis
  readonly workers: number
  readonly commitEvery: Millis
  readonly closeEvery: Millis
  /** Brokers of a real Kafka; undefined for the embedded topic. */
  readonly brokers: readonly string[] | undefined
  /** Name of the topic where it isn't the plan's. */
  readonly topicName: string | undefined
  readonly databaseUrl: string | undefined
  /** False leaves the SQL sinks out. */
  readonly withSql: boolean
  readonly events: HousekeeperEvents
}

/** A data folder that is locked, and the pipeline that runs in it. */
export interface Session {
  readonly pipeline: LocalPipeline
  readonly folder: DataFolder
  close(): Promise<void>
}

/** @throws SluiceError DATA_FOLDER_IN_USE, DATA_FOLDER_READ_ONLY, WINDOW_STATE_MISMATCH, TOPIC_MISMATCH, and those of LocalPipeline.start */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { plan } = options
  const definition: FolderPipeline = {
    name: plan.name,
    fingerprint: fingerprint(plan),
    shape: planShape(plan),
    topic: { kind: options.brokers === undefined ? 'embedded' : 'kafka', name: options.topicName ?? plan.topic.name },
  }
  const folder = openDataFolder(options.dataFolder, definition, {
    clock: systemClock,
    describeChange: (stored, now) => describeChange(stored as PlanShape, now as PlanShape),
  })
  let sql: SqlSink | null = null
  try {
    const topic = topicOf(options, folder)
    const cluster = await topicCluster(topic)
    if (cluster !== null) folder.acceptCluster(cluster)
    sql = options.withSql ? openSql(plan, folder.postgres, options.databaseUrl) : null
    const pipeline = await LocalPipeline.start({
      ...options,
      folders: folder,
      topic,
      sql,
      clock: systemClock,
      ids: randomIds,
    })
    return {
      pipeline,
      folder,
      async close() {
        await pipeline.stop()
        folder.release()
      },
    }
  } catch (error) {
    await sql?.close()
    folder.release()
    throw error
  }
}

function topicOf(options: SessionOptions, folder: DataFolder): TopicLocation {
  const { plan, brokers } = options
  const name = options.topicName ?? plan.topic.name
  if (brokers !== undefined) {
    return { kind: 'kafka', brokers, name, partitions: options.partitions ?? plan.topic.partitions }
  }
  const existing = readTopicDescription(topicFolder(folder.topics, name))?.partitions
  const partitions = options.partitions ?? existing ?? plan.topic.partitions
  if (existing !== undefined && existing !== partitions) throw partitionsChanged(name, existing, partitions)
  return { kind: 'embedded', folder: folder.topics, name, partitions }
}

/** Default data folder of a pipeline. */
export function defaultDataFolder(workingFolder: string, plan: Plan): string {
  return join(workingFolder, '.sluice', plan.name)
}

/** With another count a key may move to another partition: an input that is half fed would be fed twice in part. */
function partitionsChanged(topic: string, existing: number, asked: number): SluiceError {
  return new SluiceError(
    'TOPIC_PARTITIONS_MISMATCH',
    `The topic ${topic} in this data folder has ${existing} partitions, and --partitions asks for ${asked}. ` +
      'Leave the option out, or choose another --data folder.',
    { details: { topic, existing, asked } },
  )
}
