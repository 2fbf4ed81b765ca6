import { SluiceError } from '#core/errors.ts'
import type { AddFile, Metadata, Txn } from '#delta/actions.ts'
import type { TableState } from '#delta/checksum.ts'
import type { TableContents } from '#delta/contents.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { readFileRows } from '#delta/file-rows.ts'
import { layoutOf, type TableLayout } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { checkReadable, checkWritable } from '#delta/protocol.ts'
import { replay } from '#delta/replay.ts'
import type { Row } from '#delta/row-check.ts'
import { stateOf } from '#delta/state.ts'

/** The version that an operation was planned on, with all that it needs to read and to write files. */
export interface OpenedVersion {
  readonly deps: DeltaDeps
  readonly paths: LogPaths
  readonly contents: TableContents
  readonly state: TableState
  readonly layout: TableLayout
  readonly metadata: Metadata
}

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

/** @throws SluiceError as `replay`; DELTA_FEATURE_UNSUPPORTED naming what we can't read or write */
export async function openVersion(deps: DeltaDeps, paths: LogPaths): Promise<OpenedVersion> {
  const contents = await replay(deps.store, paths)
  const { metadata, protocol } = contents
  checkReadable(protocol, paths.name)
  checkWritable(protocol, metadata, paths.name)
  return { deps, paths, contents, state: stateOf(contents), layout: layoutOf(metadata), metadata }
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
export function isApplied(state: TableState, txn: WriteTxn | undefined): boolean {
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
