import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import { type AddFile, fileKey, type Metadata, type Txn } from '#delta/actions.ts'
import type { TableState } from '#delta/checksum.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { readFileRows } from '#delta/file-rows.ts'
import { type FileBatch, lookThrough } from '#delta/file-stream.ts'
import { layoutOf, type TableLayout } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { checkReadable, checkWritable } from '#delta/protocol.ts'
import { type ContentsHeader, replay } from '#delta/replay.ts'
import type { Row } from '#delta/row-check.ts'

/** A version before anybody looked at its files. */
export interface OpenedHeader {
  readonly deps: DeltaDeps
  readonly paths: LogPaths
  readonly header: ContentsHeader
  readonly layout: TableLayout
}

/** The version that an operation was planned on, with all that it needs to read and to write files. */
export interface OpenedVersion {
  readonly deps: DeltaDeps
  readonly paths: LogPaths
  /** `files`: those that were asked for, by `fileKey`, in the order in which they came. */
  readonly contents: ContentsHeader & { readonly files: ReadonlyMap<string, AddFile> }
  readonly state: TableState
  readonly layout: TableLayout
  readonly metadata: Metadata
}

/** Says, when the table's schema is known, which files are to be held. */
export type FileChoice = (opened: OpenedHeader) => ((file: AddFile) => boolean) | Promise<(file: AddFile) => boolean>

const ALL: FileChoice = () => () => true

/** What a write came to. */
export interface WriteResult {
  /** The version that holds it; the one that was there when there was nothing to do. */
  readonly version: number
  /** False when nothing was committed: nothing to do, or the transaction was in already. */
  readonly committed: boolean
  /** As in the commit: `numOutputRows`, `numDeletedRows`, … */
  readonly metrics: Readonly<Record<string, number>>
}

/** An application and how far a write takes it: the write is done once, however often it is tried. */
export interface WriteTxn {
  readonly appId: string
  readonly version: number
}

/** Times that an operation is planned anew after others changed what it had read. */
export const ATTEMPTS = 5

/**
 * The latest version. Of a table with a large checkpoint only the chosen files are in memory, 10,000 others at a time.
 *
 * Cost: as `replay`, and a checkpoint above 1 MB is read twice, the first time but for its list of files.
 *
 * @throws SluiceError as `replay`; DELTA_FEATURE_UNSUPPORTED naming what we can't read or write; what `choice` throws
 */
export async function openVersion(deps: DeltaDeps, paths: LogPaths, choice: FileChoice = ALL): Promise<OpenedVersion> {
  const { header, batches } = await lookThrough(deps.store, paths)
  const { metadata, protocol } = header
  checkReadable(protocol, paths.name)
  checkWritable(protocol, metadata, paths.name)
  const layout = layoutOf(metadata)
  const isWanted = await choice({ deps, paths, header, layout })
  const found = await chosen(batches(), isWanted).catch(async (error: unknown) => {
    if (!isSluiceError(error, 'DELTA_CHECKPOINT_CORRUPT')) throw error
    // An older checkpoint may do.
    const { files } = await replay(deps.store, paths, { version: header.version })
    return chosen([{ files: [...files.values()] }], isWanted)
  })
  const { files, ...counts } = found
  const { version, txns } = header
  return {
    deps,
    paths,
    contents: { ...header, files },
    state: { version, protocol, metadata, txns, ...counts },
    layout,
    metadata,
  }
}

async function chosen(
  batches: AsyncIterable<Pick<FileBatch, 'files'>> | Iterable<Pick<FileBatch, 'files'>>,
  isWanted: (file: AddFile) => boolean,
): Promise<{
  readonly files: ReadonlyMap<string, AddFile>
  readonly numFiles: number
  readonly tableSizeBytes: Bytes
}> {
  const files = new Map<string, AddFile>()
  let numFiles = 0
  let tableSizeBytes = 0
  for await (const batch of batches) {
    for (const file of batch.files) {
      numFiles++
      tableSizeBytes += file.size
      if (isWanted(file)) files.set(fileKey(file), file)
    }
  }
  return { files, numFiles, tableSizeBytes }
}

/** Rows of one file, without those that a deletion vector hides; all columns, or some. */
export async function* rowsOfFile(
  version: OpenedVersion,
  file: AddFile,
  columns?: readonly string[],
): AsyncGenerator<readonly Row[]> {
  const { deps, paths, contents, layout } = version
  for await (const { rows } of readFileRows({ store: deps.store, paths, contents, layout }, file, columns)) yield rows
}

/** @throws SluiceError DELTA_APPEND_ONLY for tables with `delta.appendOnly` */
export function checkMayRemove(version: OpenedVersion, operation: string): void {
  if (version.metadata.configuration['delta.appendOnly'] !== 'true') return
  throw new SluiceError(
    'DELTA_APPEND_ONLY',
    `Can't ${operation} on ${version.paths.name}: its property delta.appendOnly keeps every row. Append instead, or unset the property.`,
    { details: { table: version.paths.name, operation } },
  )
}

/** Whether the transaction is in already. */
export function isApplied(state: Pick<TableState, 'txns'>, txn: WriteTxn | undefined): boolean {
  if (txn === undefined) return false
  if (!Number.isSafeInteger(txn.version))
    throw new RangeError(`expected a whole number below 2^53, found ${txn.version}`)
  const stored = state.txns.get(txn.appId)?.version
  return stored !== undefined && stored >= txn.version
}

export function txnsOf(txn: WriteTxn | undefined): readonly Txn[] {
  return txn === undefined ? [] : [txn]
}

export function nothingDone(version: number): WriteResult {
  return { version, committed: false, metrics: {} }
}

/** As the log has metrics: text. */
export function metricTexts(metrics: Readonly<Record<string, number>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, String(value)]))
}

export function totalSize(files: readonly { readonly size: number }[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}
