import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import type { Actions, Sidecar } from '#delta/actions.ts'
import { getIfPresent } from '#delta/checkpoint.ts'
import type { CheckpointFiles, LogPaths } from '#delta/log.ts'
import { ActionCollector, parseCommit } from '#delta/parse.ts'
import { dataPath } from '#delta/paths.ts'
import { parsedStatsFormat } from '#delta/stats-parsed.ts'
import { parquetMetadata } from '#parquet/metadata.ts'
import { type ParquetRow, type ParquetTree, readParquetRows } from '#parquet/reader.ts'
import { bytesSource, FileTail, type ParquetSource } from '#parquet/source.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** The columns of a checkpoint, and the field that each of their actions must have. */
const IDENTITY: Readonly<Record<string, string>> = {
  txn: 'appId',
  add: 'path',
  remove: 'path',
  metaData: 'id',
  protocol: 'minReaderVersion',
  domainMetadata: 'domain',
  sidecar: 'path',
}
/** Columns without which a checkpoint says nothing of its files; in a V2 checkpoint sidecars have the first. */
const NEEDED = ['add', 'metaData', 'protocol']

/** Which actions of a checkpoint to read: the others' columns are not even fetched of a large file. */
export type CheckpointPart = 'all' | 'files' | 'header'

const FILE_COLUMNS = ['add', 'remove']
const COLUMNS: Readonly<Record<CheckpointPart, readonly string[]>> = {
  all: Object.keys(IDENTITY),
  files: [...FILE_COLUMNS, 'sidecar'],
  header: Object.keys(IDENTITY).filter((kind) => !FILE_COLUMNS.includes(kind)),
}
const STATE_COLUMNS = ['txn', 'metaData', 'protocol', 'sidecar']

/** A file up to this size is fetched whole; of a larger one a row group at a time. */
const WHOLE_FILE_MAX: Bytes = 16_000_000
const WHOLE_FILE_MAX_FOR_STATE: Bytes = 1_000_000

/**
 * The actions of a checkpoint, up to 10,000 rows at a time, its sidecars' last (PROTOCOL.md, "Checkpoints": classic, multi-part and
 * V2 ones, as Parquet and as JSON). One GET a file of up to 16 MB, more for a larger one.
 *
 * @throws SluiceError DELTA_CHECKPOINT_CORRUPT when it can't be read whole, or lacks protocol or metadata
 */
export async function* readCheckpoint(
  store: ObjectStore,
  paths: LogPaths,
  checkpoint: CheckpointFiles,
  part: CheckpointPart = 'all',
): AsyncGenerator<Actions, void, undefined> {
  const sidecars: Sidecar[] = []
  let hasProtocol = false
  let hasMetadata = false
  for (const { path, size } of checkpoint.files) {
    const batches = path.endsWith('.json') ? jsonActions(store, path) : parquetActions(store, path, size, COLUMNS[part])
    for await (const actions of orCorrupt(batches, path)) {
      hasProtocol ||= actions.protocol !== null
      hasMetadata ||= actions.metadata !== null
      sidecars.push(...(actions.sidecars ?? []))
      yield actions
    }
  }
  for (const { path, sizeInBytes } of part === 'header' ? [] : sidecars) {
    const file = dataPath(paths, store.uri, path.includes('/') ? path : `_delta_log/_sidecars/${path}`)
    yield* orCorrupt(parquetActions(store, file, sizeInBytes, FILE_COLUMNS), file)
  }
  if (part === 'files') return
  const path = checkpoint.files[0]!.path
  if (!hasProtocol) throw corruptCheckpoint(path, 'it has no protocol action', undefined)
  if (!hasMetadata) throw corruptCheckpoint(path, 'it has no metaData action', undefined)
}

/** A checkpoint as far as it was read. */
export interface CheckpointRows {
  /** Actions in it, those that were passed over included; not those in sidecars. */
  rows: number
  sidecars: boolean
}

/**
 * The actions of a checkpoint but for its files: what an append needs. Of a large checkpoint only these columns are read, and no
 * sidecars: 2 or 3 GETs for 100,000 actions.
 *
 * @throws SluiceError DELTA_CHECKPOINT_CORRUPT when it can't be read
 */
export async function* readCheckpointState(
  store: ObjectStore,
  checkpoint: CheckpointFiles,
  read: CheckpointRows,
): AsyncGenerator<Actions, void, undefined> {
  for (const { path, size } of checkpoint.files) {
    const batches = path.endsWith('.json') ? jsonActions(store, path, read) : stateActions(store, path, size, read)
    for await (const actions of orCorrupt(batches, path)) {
      read.sidecars ||= (actions.sidecars ?? []).length > 0
      yield { ...actions, adds: [], removes: [] }
    }
  }
}

async function* jsonActions(
  store: ObjectStore,
  path: string,
  read?: CheckpointRows,
): AsyncGenerator<Actions, void, undefined> {
  const actions = parseCommit(await presentBytes(store, path), path)
  if (read !== undefined) read.rows += actions.adds.length + actions.removes.length
  yield actions
}

async function* parquetActions(
  store: ObjectStore,
  path: string,
  size: Bytes,
  columns: readonly string[],
): AsyncGenerator<Actions, void, undefined> {
  let statsText: ((value: unknown) => string | undefined) | undefined
  const select = (schema: ParquetTree): readonly string[] => {
    const add = schema.children.find(({ element }) => element.name === 'add')
    const parsed = add?.children.find(({ element }) => element.name === 'stats_parsed')
    statsText = parsed && parsedStatsFormat(parsed)
    checkColumns(schema, columns, path)
    return columns
  }
  let row = 0
  const source = await open(store, path, size, WHOLE_FILE_MAX)
  for await (const rows of readParquetRows(source, { columns: select, name: path })) {
    const actions = new ActionCollector()
    for (const action of rows) {
      row++
      for (const kind of columns) {
        // Some writers give every row all structs, with nothing in those that it has not.
        const value = action[kind] as ParquetRow | null
        if (value?.[IDENTITY[kind]!] == null) {
          if (kind === 'add' && Number(value?.size ?? 0) > 0) throw lacks(path, `the path of the file in row ${row}`)
          continue
        }
        if (kind === 'add' && statsText !== undefined && value.stats == null && value.stats_parsed != null) {
          value.stats = statsText(value.stats_parsed)
        }
        actions.take(kind, withoutMaps(value), { file: path, at: `row ${row}` })
      }
    }
    yield actions
  }
}

/** Kind by kind, and only of row groups that have any: the structs of 100,000 rows take tens of megabytes, though they are null. */
async function* stateActions(
  store: ObjectStore,
  path: string,
  size: Bytes,
  read: CheckpointRows,
): AsyncGenerator<Actions, void, undefined> {
  // Keeps the footer, which is asked for once a row group.
  const source = new FileTail(await open(store, path, size, WHOLE_FILE_MAX_FOR_STATE), path)
  const { rowGroups } = await parquetMetadata(source, { name: path })
  let first = 0
  for (const { rows, chunks } of rowGroups) {
    const range = { rowStart: first, rowEnd: first + rows }
    for (const kind of STATE_COLUMNS) {
      const leaf = chunks.find(
        (chunk) => chunk.path.length === 2 && chunk.path.join('.') === `${kind}.${IDENTITY[kind]}`,
      )
      if (leaf === undefined && chunks.some((chunk) => chunk.path[0] === kind)) {
        throw lacks(path, `a column ${kind}.${IDENTITY[kind]}`)
      }
      if (leaf === undefined || leaf.nullCount === leaf.valueCount) continue
      for await (const found of readParquetRows(source, { columns: [kind], name: path, ...range })) {
        const actions = new ActionCollector()
        for (const action of found) {
          const value = action[kind] as ParquetRow | null
          if (value?.[IDENTITY[kind]!] != null) actions.take(kind, withoutMaps(value), { file: path, at: `a ${kind}` })
        }
        yield actions
      }
    }
    first += rows
  }
  read.rows += first
}

async function open(store: ObjectStore, path: string, size: Bytes, wholeMax: Bytes): Promise<ParquetSource> {
  if (size <= wholeMax) return bytesSource(await presentBytes(store, path))
  return {
    byteLength: size,
    slice: async (start, end = size) => new Uint8Array(await store.get(path, { start, end })).buffer,
  }
}

async function presentBytes(store: ObjectStore, path: string): Promise<Uint8Array> {
  const bytes = await getIfPresent(store, path)
  if (bytes === undefined) throw corruptCheckpoint(path, 'it is gone', undefined)
  return bytes
}

/**
 * A column that is not there would read as one without any actions.
 *
 * @throws SluiceError DELTA_CHECKPOINT_CORRUPT
 */
function checkColumns({ children }: ParquetTree, columns: readonly string[], path: string): void {
  const found = new Map(children.map((child) => [child.element.name, child]))
  for (const kind of columns) {
    const struct = found.get(kind)
    if (struct === undefined) {
      const elsewhere = kind === 'add' && found.has('sidecar')
      if (NEEDED.includes(kind) && !elsewhere) throw lacks(path, `a column ${kind}`)
    } else if (!struct.children.some(({ element }) => element.name === IDENTITY[kind])) {
      throw lacks(path, `a column ${kind}.${IDENTITY[kind]}`)
    }
  }
}

function lacks(path: string, what: string): SluiceError {
  return corruptCheckpoint(path, `it lacks ${what}`, undefined)
}

/** What the store could not do for now is no damage. */
async function* orCorrupt(batches: AsyncIterable<Actions>, path: string): AsyncGenerator<Actions, void, undefined> {
  try {
    yield* batches
  } catch (cause) {
    if (isSluiceError(cause, 'OBJECT_NOT_FOUND')) throw corruptCheckpoint(path, 'it is gone', cause)
    if (!isSluiceError(cause, 'PARQUET_INVALID') && !isSluiceError(cause, 'DELTA_LOG_CORRUPT')) throw cause
    throw corruptCheckpoint(path, `it can't be read (${reasonOf(cause)})`, cause)
  }
}

/** Parquet's maps as the objects that they are in JSON. */
function withoutMaps(value: ParquetRow): ParquetRow {
  for (const name in value) {
    const item = value[name]
    if (item instanceof Map) value[name] = Object.fromEntries(item)
    else if (name === 'format' && item !== null) withoutMaps(item as ParquetRow)
  }
  return value
}

function reasonOf(error: SluiceError): string {
  return error.cause instanceof Error ? error.cause.message : error.message
}

function corruptCheckpoint(path: string, why: string, cause: unknown): SluiceError {
  return new SluiceError(
    'DELTA_CHECKPOINT_CORRUPT',
    `Expected a whole Delta checkpoint at ${path}, but ${why}. Restore it from a copy; until then only versions whose commits are all there can be read.`,
    { details: { path }, cause },
  )
}
