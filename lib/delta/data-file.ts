import type { AddFile } from '#delta/actions.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { LogPaths } from '#delta/log.ts'
import { encodePath } from '#delta/paths.ts'
import { statsJson } from '#delta/stats.ts'
import { encodeParquet, type LeafStatistics, ParquetColumnsWriter } from '#parquet/writer.ts'
import type { Fields } from '#schema/column.ts'
import { fromRows } from '#schema/from-rows.ts'
import type { ColumnBatch } from '#schema/vector.ts'

/**
 * Writes the rows of a batch (those of `select`, in its order) as one Parquet file below the table, under a name that nobody else
 * uses. Nobody sees it before its add is committed; if that never happens, VACUUM removes it. One PUT.
 *
 * @returns the action to commit, or null when there are no rows
 * @throws SluiceError PARQUET_VALUE_INVALID for a value that its column can't hold
 */
export async function writeDataFile(
  deps: DeltaDeps,
  tablePath: string,
  batch: ColumnBatch,
  select: Int32Array | null = null,
): Promise<AddFile | null> {
  if ((select === null ? batch.rows : select.length) === 0) return null
  const { bytes, rows, columns } = encodeParquet(batch, { select })
  return storeFile(deps, tablePath, bytes, rows, columns)
}

async function storeFile(
  deps: DeltaDeps,
  tablePath: string,
  bytes: Uint8Array,
  rows: number,
  columns: readonly LeafStatistics[],
): Promise<AddFile> {
  const name = `part-${deps.ids.next()}.zstd.parquet`
  await deps.store.put(new LogPaths(tablePath).table + name, bytes)
  return {
    path: encodePath(name),
    size: bytes.length,
    modificationTime: deps.clock.now(),
    dataChange: true,
    partitionValues: {},
    stats: statsJson(rows, columns),
  }
}

/** Rows that are encoded together, and the size at which a file ends. */
const GROUP_ROWS = 65_536
const FILE_BYTES = 128_000_000

/**
 * Writes rows into files as they come, like `writeDataFile` with all of them at once. In memory are 65,536 rows and the encoded bytes of
 * one file, 128 MB at most. One PUT a file.
 */
export class DataFileWriter {
  private readonly deps: DeltaDeps
  private readonly tablePath: string
  private readonly fields: Fields
  private readonly adds: AddFile[] = []
  private held: Readonly<Record<string, unknown>>[] = []
  private writer: ParquetColumnsWriter | null = null
  private pieces: Uint8Array[] = []
  private bytes = 0

  constructor(deps: DeltaDeps, tablePath: string, fields: Fields) {
    this.deps = deps
    this.tablePath = tablePath
    this.fields = fields
  }

  /** @throws SluiceError PARQUET_VALUE_INVALID for a value that its column can't hold */
  async add(rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    for (const row of rows) {
      this.held.push(row)
      if (this.held.length === GROUP_ROWS) this.encode()
    }
    if (this.bytes >= FILE_BYTES) await this.close()
  }

  /** The files, to be committed; none when there was no row. */
  async finish(): Promise<readonly AddFile[]> {
    if (this.held.length > 0) this.encode()
    if (this.writer !== null) await this.close()
    return this.adds
  }

  private encode(): void {
    this.writer ??= new ParquetColumnsWriter(this.fields)
    for (const piece of this.writer.add(fromRows(this.fields, this.held))) {
      this.pieces.push(piece)
      this.bytes += piece.length
    }
    this.held = []
  }

  private async close(): Promise<void> {
    const { rows, columns, pieces } = this.writer!.finish()
    const bytes = Buffer.concat([...this.pieces, ...pieces])
    this.writer = null
    this.pieces = []
    this.bytes = 0
    this.adds.push(await storeFile(this.deps, this.tablePath, bytes, rows, columns))
  }
}
