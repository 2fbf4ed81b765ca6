import { existsSync } from 'node:fs'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { SluiceError } from '#core/errors.ts'
import { type DataFolder, type FolderPipeline, inspectDataFolder } from '#local/data-folder.ts'
import { createTables } from '#local/ports.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { Plan } from '#plan/plan.ts'
import { epochFingerprint, loadEpochs } from '#runtime/epochs.ts'
import {
  beginRebuild,
  bronzeTable,
  closeRebuild,
  rebuildNotFound,
  rebuildRuntime,
  replayBronze,
} from '#runtime/rebuild.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { forget } from '#runtime/switch.ts'

/** A data folder with what serves in it, for whoever builds its tables anew. */
export interface Rebuilding {
  readonly folder: DataFolder
  /** What the folder's manifest says: maybe of another definition than the plan's. */
  readonly manifest: FolderPipeline
  /** The plan, on the tables and the state that serve. Its fingerprint is that of the state, whatever the plan is. */
  readonly serving: Runtime
  /** Of the plan. */
  readonly fingerprint: string
  close(): Promise<void>
}

/**
 * Opens a data folder beside whatever runs in it: no lock.
 *
 * @throws SluiceError DATA_FOLDER_NOT_FOUND, WINDOW_STATE_MISMATCH for another pipeline's folder, STATE_CORRUPT
 */
export async function openRebuilding(plan: Plan, dataFolder: string): Promise<Rebuilding> {
  const { folder, pipeline: manifest } = inspectDataFolder(dataFolder)
  if (manifest.name !== plan.name) {
    throw new SluiceError(
      'WINDOW_STATE_MISMATCH',
      `Expected data folder ${folder.path} to hold pipeline "${plan.name}", found pipeline "${manifest.name}". Choose its folder with --data.`,
      { details: { folder: folder.path, stored: manifest.name, now: plan.name } },
    )
  }
  if (!existsSync(folder.state)) {
    throw new SluiceError(
      'DATA_FOLDER_NOT_FOUND',
      `Nothing has run in ${folder.path} yet: there is no ${folder.state}.`,
    )
  }
  const state = new SqliteStateStore(folder.state)
  const store = new DirectoryObjectStore(folder.lake)
  const where = { plan, state, fingerprint: manifest.fingerprint }
  try {
    const { number, fingerprint: built } = (await loadEpochs(where)).epochs.serving
    const runtime = { plan, store, state, clock: systemClock, ids: randomIds, sql: null }
    return {
      folder,
      manifest,
      serving: { ...runtime, fingerprint: epochFingerprint(built ?? manifest.fingerprint, number) },
      fingerprint: fingerprint(plan),
      close: () => state.close(),
    }
  } catch (error) {
    await state.close()
    throw error
  }
}

export interface Rebuilt {
  readonly epoch: number
  readonly runtime: Runtime
  /** Records that were applied now. */
  readonly records: number
  /** Number of the one for another definition whose place it took; null for none. */
  readonly abandoned: number | null
}

/**
 * Builds all tables but bronze anew beside those that serve, or brings them up to date with what bronze got since.
 *
 * @throws SluiceError REBUILD_NEEDS_BRONZE, SWITCH_INTERRUPTED
 */
export async function rebuildTables(
  { serving, fingerprint }: Rebuilding,
  onRecords: (records: number) => void,
): Promise<Rebuilt> {
  bronzeTable(serving.plan)
  const { item, abandoned } = await beginRebuild(serving, fingerprint)
  const epoch = item.epochs.rebuild!.number
  const runtime = rebuildRuntime(serving, fingerprint, epoch)
  if (abandoned !== null) {
    const old = rebuildRuntime(serving, abandoned.fingerprint!, abandoned.number)
    await forget(serving, old, old)
  }
  await createTables(runtime)
  const { records, last } = await replayBronze(serving, runtime, onRecords)
  await closeRebuild(runtime, serving, last)
  return { epoch, runtime, records, abandoned: abandoned?.number ?? null }
}

/** The rebuild of this definition. @throws SluiceError REBUILD_NOT_FOUND */
export async function openRebuild({ serving, fingerprint }: Rebuilding): Promise<Runtime> {
  const { rebuild } = (await loadEpochs(serving)).epochs
  if (rebuild?.fingerprint !== fingerprint) throw rebuildNotFound(serving.plan, rebuild)
  return rebuildRuntime(serving, fingerprint, rebuild.number)
}
