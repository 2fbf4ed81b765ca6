import { systemClock } from '#adapters/system/clock.ts'
import { acceptDefinition } from '#local/data-folder.ts'
import { lockDataFolder } from '#local/data-folder-lock.ts'
import { openSql } from '#local/open-sql.ts'
import { openRebuild, type Rebuilding } from '#local/rebuilding.ts'
import { consumerGroup } from '#local/stage-loop.ts'
import { openSource, type TopicLocation } from '#local/topics.ts'
import { planShape } from '#plan/fingerprint.ts'
import { loadEpochs } from '#runtime/epochs.ts'
import { stateIdentity } from '#runtime/identity.ts'
import { progressGroup } from '#runtime/keys.ts'
import { listProgress } from '#runtime/progress.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { beginSwitch, endSwitch, forget, switchSql, switchTables } from '#runtime/switch.ts'

export interface SwitchOptions {
  /** Brokers of the topic, where it isn't the folder's own. */
  readonly brokers: readonly string[] | undefined
  readonly databaseUrl: string | undefined
  /** False leaves the SQL tables as they are. */
  readonly withSql: boolean
}

export interface Switched {
  readonly epoch: number
  readonly tables: readonly string[]
}

/**
 * Makes the rebuild what serves: its tables, its SQL rows, its window state. Started again after whatever stopped it, it goes on.
 *
 * @throws SluiceError DATA_FOLDER_IN_USE while the pipeline runs, REBUILD_NOT_FOUND, REBUILD_INCOMPLETE, those of SQL and of the topic
 */
export async function switchToRebuild(rebuilding: Rebuilding, options: SwitchOptions): Promise<Switched> {
  const { folder, serving, fingerprint } = rebuilding
  const release = lockDataFolder(folder.path)
  try {
    const rebuilt = await openRebuild(rebuilding)
    const item = await beginSwitch(serving, rebuilt, await loadEpochs(serving))
    const epoch = rebuilt.rebuild!
    const tables = await switchTables(serving, rebuilt, epoch)
    const sql = options.withSql ? openSql(serving.plan, folder.postgres, options.databaseUrl) : null
    try {
      if (sql !== null) await switchSql(serving, rebuilt, sql, epoch)
    } finally {
      await sql?.close()
    }
    await readAgain(rebuilding, rebuilt, options)
    acceptDefinition(folder.path, { fingerprint, shape: planShape(serving.plan) })
    await endSwitch(serving, item)
    await forget(serving, rebuilt, serving)
    return { epoch, tables }
  } finally {
    release()
  }
}

/** The windows stage may have been further than the lake, from which the rebuild was made: it reads on after what the rebuild has. */
async function readAgain(
  { folder, manifest, serving }: Rebuilding,
  rebuilt: Runtime,
  { brokers }: SwitchOptions,
): Promise<void> {
  const { kind, name } = manifest.topic
  const topic: TopicLocation =
    kind === 'embedded'
      ? { kind, folder: folder.topics, name, partitions: 1 }
      : { kind, brokers: brokers ?? [], name, partitions: 1 }
  const source = await openSource(topic, systemClock)
  try {
    const group = consumerGroup(serving, 'windows', kind === 'kafka' ? await stateIdentity(serving) : '')
    const progress = await listProgress(rebuilt.state, progressGroup(rebuilt))
    for (const [partition, next] of await source.committed(group)) {
      const wanted = (progress.get(partition)?.last.offset ?? -1) + 1
      if (wanted < next) await source.commit(group, partition, wanted)
    }
  } finally {
    await source.close()
  }
}
