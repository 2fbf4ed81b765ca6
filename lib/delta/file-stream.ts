import type { Bytes } from '#core/time.ts'
import { type AddFile, fileKey, type RemoveFile } from '#delta/actions.ts'
import { readCheckpoint } from '#delta/checkpoint-read.ts'
import { Reconciliation } from '#delta/contents.ts'
import type { LogPaths } from '#delta/log.ts'
import { type ContentsHeader, fold, foldHeader, fromPlan, type ReplayPlan, type VersionChoice } from '#delta/replay.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Some of the files that are in a version, and of those that are no longer. */
export interface FileBatch {
  readonly files: readonly AddFile[]
  readonly tombstones: readonly RemoveFile[]
}

/** A version whose files are not in memory: what the commits after its checkpoint say of them is. */
export interface StreamedContents {
  readonly header: ContentsHeader
  /** All files and tombstones, up to 10,000 at a time: reads the checkpoint once more. @throws SluiceError DELTA_CHECKPOINT_CORRUPT */
  batches(): AsyncIterable<FileBatch>
}

/**
 * A version as `replay` builds it, for tables of any size: memory grows with the commits since the checkpoint only.
 *
 * Cost: as `replay`, and the checkpoint once more for each call of `batches`.
 *
 * @throws SluiceError as `replay`
 */
export function streamContents(
  store: ObjectStore,
  paths: LogPaths,
  choice: VersionChoice = {},
): Promise<StreamedContents> {
  return withContents(store, paths, choice, async (contents) => contents)
}

/** Up to this size, some ten thousands of files, a checkpoint is read once, and what it says of files stays in memory. */
const IN_MEMORY: Bytes = 1_000_000

/**
 * The latest version, to be looked through once: as `streamContents`, but a checkpoint of up to 1 MB is not read a second time.
 *
 * @throws SluiceError as `replay`
 */
export function lookThrough(store: ObjectStore, paths: LogPaths): Promise<StreamedContents> {
  return fromPlan(store, paths, {}, async (plan) => {
    const bytes = plan.checkpoint?.files.reduce((sum, { size }) => sum + size, 0) ?? 0
    if (bytes > IN_MEMORY) return streamed(store, paths, plan)
    const { files, tombstones, ...header } = await fold(store, paths, plan)
    return { header, batches: () => inMemory({ files: [...files.values()], tombstones: [...tombstones.values()] }) }
  })
}

async function* inMemory(batch: FileBatch): AsyncGenerator<FileBatch, void, undefined> {
  yield batch
}

/** What `make` makes of a version's streamed contents; of those from an older checkpoint when it finds the newest damaged. */
export function withContents<T>(
  store: ObjectStore,
  paths: LogPaths,
  choice: VersionChoice,
  make: (contents: StreamedContents) => Promise<T>,
): Promise<T> {
  return fromPlan(store, paths, choice, async (plan) => make(await streamed(store, paths, plan)))
}

async function streamed(store: ObjectStore, paths: LogPaths, plan: ReplayPlan): Promise<StreamedContents> {
  const tail = new Reconciliation()
  const header = await foldHeader(store, paths, plan, tail)
  return { header, batches: () => batchesOf(store, paths, plan, tail) }
}

async function* batchesOf(
  store: ObjectStore,
  paths: LogPaths,
  { checkpoint }: ReplayPlan,
  tail: Reconciliation,
): AsyncGenerator<FileBatch, void, undefined> {
  const untouched = (file: AddFile | RemoveFile): boolean => {
    const key = fileKey(file)
    return !tail.files.has(key) && !tail.tombstones.has(key)
  }
  if (checkpoint !== null) {
    for await (const { adds, removes } of readCheckpoint(store, paths, checkpoint, 'files')) {
      yield { files: adds.filter(untouched), tombstones: removes.filter(untouched) }
    }
  }
  yield { files: [...tail.files.values()], tombstones: [...tail.tombstones.values()] }
}
