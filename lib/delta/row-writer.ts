import type { BytePieces } from '#core/byte-pieces.ts'
import { isSluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import type { AddFile, Metadata } from '#delta/actions.ts'
import { checkBatch } from '#delta/batch-check.ts'
import { resolveColumn } from '#delta/column-path.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { layoutOf, type TableLayout } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { partitionFolder } from '#delta/partition-folder.ts'
import { PartitionSplit, type PartitionValues } from '#delta/partition-split.ts'
import { encodePath } from '#delta/paths.ts'
import { parquetColumns, type ToPhysical, toPhysical } from '#delta/physical-rows.ts'
import { putPieces } from '#delta/put-pieces.ts'
import type { Row, RowCheck } from '#delta/row-check.ts'
import type { StructField, StructType } from '#delta/schema-json.ts'
import { type Indexed, indexedBy, statsJson } from '#delta/stats.ts'
import { type ParquetColumn, ParquetRowsWriter } from '#parquet/rows-writer.ts'
import { encodeParquet, type LeafStatistics, ParquetColumnsWriter } from '#parquet/writer.ts'
import type { Fields } from '#schema/column.ts'
import { BLOCK_ROWS, RowBlock } from '#schema/row-block.ts'
import { rowView, toRow } from '#schema/row-view.ts'
import type { ColumnBatch } from '#schema/vector.ts'

/** A file is closed when it has so many bytes. */
const TARGET_BYTES: Bytes = 128_000_000
/** Rows of a row group, and those of open row groups of all partitions together. */
const GROUP_ROWS = 100_000
const HELD_ROWS = 400_000

export interface WriterOptions {
  /** Below the table, with '/' at its end: `_change_data/`. */
  readonly folder?: string
  /** Columns that the files have beyond the table's. */
  readonly extra?: StructType
  /** Default 128 MB. */
  readonly targetBytes?: Bytes
  /** Rows of a file, at most. Default: whatever fits. */
  readonly rowsPerFile?: number
  /** False for files that only rearrange rows. */
  readonly dataChange?: boolean
}

/** A file that is being written. */
interface OpenFile {
  readonly values: PartitionValues
  readonly writer: ParquetRowsWriter
  readonly pieces: Uint8Array[]
  bytes: Bytes
}

interface Conversion {
  readonly from: readonly unknown[]
  readonly convert: ToPhysical
  readonly to: unknown[]
}

interface Written {
  readonly rows: number
  readonly columns: readonly LeafStatistics[]
  readonly pieces: BytePieces
  readonly byteLength: Bytes
}

/**
 * Writes rows into data files of their partitions: in memory are the encoded bytes of open files and at most 400,000 rows of open row
 * groups; with many partitions files are closed early. Nobody sees the files before they are committed. One PUT a file.
 */
export class RowWriter {
  /** Rows that were taken. */
  rows = 0
  private readonly deps: DeltaDeps
  private readonly paths: LogPaths
  private readonly options: WriterOptions
  private readonly layout: TableLayout
  /** All columns of rows, and where those that are stored and those of the partition are among them. */
  private readonly block: RowBlock
  private readonly stored: readonly unknown[][]
  private readonly ofPartition: readonly unknown[][]
  /** Columns whose values are stored in another form than rows have them in. */
  private readonly converted: readonly Conversion[]
  /** Stored columns of the rows of one partition. */
  private readonly selected: readonly unknown[][]
  private readonly columns: readonly ParquetColumn[]
  private readonly indexed: Indexed
  private readonly partitionFields: readonly StructField[]
  private readonly parts: PartitionSplit
  private readonly open = new Map<string, OpenFile>()
  private readonly written: AddFile[] = []

  constructor(deps: DeltaDeps, paths: LogPaths, metadata: Metadata, options: WriterOptions = {}) {
    this.deps = deps
    this.paths = paths
    this.options = options
    const layout = layoutOf(metadata)
    const { fields } = layout.schema
    const all = [...fields, ...(options.extra?.fields ?? [])]
    this.partitionFields = layout.partitionColumns.flatMap((name) => fields.filter((field) => field.name === name))
    const stored = all.filter((field) => !this.partitionFields.includes(field))
    const block = new RowBlock(all.map(({ name }) => name))
    this.layout = layout
    this.block = block
    const converted: Conversion[] = []
    this.stored = stored.map((field) => {
      const from = block.columns[all.indexOf(field)]!
      const convert = toPhysical(field.type, layout)
      if (convert === null) return from
      const to = new Array<unknown>(BLOCK_ROWS).fill(null)
      converted.push({ from, convert, to })
      return to
    })
    this.converted = converted
    this.ofPartition = this.partitionFields.map((field) => block.columns[all.indexOf(field)]!)
    this.selected = stored.map(() => [])
    this.parts = new PartitionSplit(layout, this.partitionFields)
    this.columns = parquetColumns(stored, layout)
    this.indexed = indexedBy(metadata.configuration, (name) => resolveColumn(name, layout, paths.name).physical)
  }

  /**
   * @param rows in the form that `RowCheck` gives them
   * @param check brings them into it
   * @throws SluiceError DELTA_SCHEMA_MISMATCH when `check` finds rows that don't fit
   */
  async add(rows: readonly Row[], check?: RowCheck): Promise<void> {
    const { block } = this
    for (let from = 0; from < rows.length; from += BLOCK_ROWS) {
      block.take(rows, from, Math.min(rows.length, from + BLOCK_ROWS))
      check?.checkBlock(block, rows, from)
      try {
        await this.addBlock(block.count)
      } catch (error) {
        if (isSluiceError(error, 'PARQUET_VALUE_INVALID')) check?.recheckBlock(block)
        throw error
      }
    }
    block.clear()
    this.rows += rows.length
    while (this.heldRows() > HELD_ROWS) await this.closeLargest()
  }

  /** Columns as they are: a file for each partition in the batch. @throws SluiceError DELTA_SCHEMA_MISMATCH */
  async addBatch(batch: ColumnBatch): Promise<void> {
    checkBatch(this.paths.name, this.layout.schema, batch)
    if (batch.rows === 0) return
    if (this.layout.mapping !== 'none')
      return this.add(Array.from({ length: batch.rows }, (_, row) => toRow(batch, row)))
    this.rows += batch.rows
    const kept = batch.fields.flatMap(({ name }, i) =>
      this.partitionFields.some((each) => each.name === name) ? [] : [i],
    )
    const fields = kept.map((i) => batch.fields[i]!)
    const stored = { fields, rows: batch.rows, vectors: kept.map((i) => batch.vectors[i]!) }
    if (this.partitionFields.length === 0) return this.storeBatch(stored, null, {})
    const view = rowView(batch)
    const columns = this.partitionFields.map(({ name }) =>
      Array.from({ length: batch.rows }, (_, row) => view.at(row)[name] ?? null),
    )
    for (const { values, rows } of this.parts.split(columns, batch.rows)) {
      await this.storeBatch(stored, Int32Array.from(rows), values)
    }
  }

  /**
   * Columns of one partition without its own, as they come, in one file.
   *
   * @param batches a null among them gives the file up
   * @param partition a row with the partition's values
   * @returns false when it was given up
   */
  async addColumns(fields: Fields, batches: AsyncIterable<ColumnBatch | null>, partition: Row): Promise<boolean> {
    const writer = new ParquetColumnsWriter(fields, { rowGroupRows: GROUP_ROWS })
    const pieces: Uint8Array[] = []
    let rows = 0
    for await (const batch of batches) {
      if (batch === null) return false
      pieces.push(...writer.add(batch))
      rows += batch.rows
    }
    if (rows === 0) return true
    this.rows += rows
    const { pieces: last, ...summary } = writer.finish()
    await this.store(
      { ...summary, pieces: [...pieces, ...last] },
      this.parts.valuesOf(this.partitionFields.map(({ name }) => partition[name])),
    )
    return true
  }

  /** Closes all files. */
  async finish(): Promise<readonly AddFile[]> {
    for (const key of [...this.open.keys()]) await this.close(key)
    return this.written
  }

  /** The first `count` rows of the block. */
  private async addBlock(count: number): Promise<void> {
    for (const { from, convert, to } of this.converted) {
      for (let row = 0; row < count; row++) to[row] = from[row] === null ? null : convert(from[row])
    }
    if (this.partitionFields.length === 0) return this.addTo('', {}, this.stored, count)
    for (const { key, values, rows } of this.parts.split(this.ofPartition, count)) {
      this.selected.forEach((column, i) => {
        const all = this.stored[i]!
        for (let k = 0; k < rows.length; k++) column[k] = all[rows[k]!]
      })
      await this.addTo(key, values, this.selected, rows.length)
    }
  }

  private async addTo(
    key: string,
    values: PartitionValues,
    columns: readonly (readonly unknown[])[],
    count: number,
  ): Promise<void> {
    const { rowsPerFile = Number.POSITIVE_INFINITY, targetBytes = TARGET_BYTES } = this.options
    for (let from = 0; from < count; ) {
      const file = this.openFile(key, values)
      const to = Math.min(count, from + rowsPerFile - file.writer.rows)
      const some = from === 0 ? columns : columns.map((column) => column.slice(from, to))
      for (const piece of file.writer.addBlock(some, to - from)) {
        file.pieces.push(piece)
        file.bytes += piece.length
      }
      from = to
      if (file.bytes >= targetBytes || file.writer.rows >= rowsPerFile) await this.close(key)
    }
  }

  private openFile(key: string, values: PartitionValues): OpenFile {
    let file = this.open.get(key)
    if (file === undefined) {
      file = { values, writer: new ParquetRowsWriter(this.columns, { rowGroupRows: GROUP_ROWS }), pieces: [], bytes: 0 }
      this.open.set(key, file)
    }
    return file
  }

  private heldRows(): number {
    let held = 0
    for (const { writer } of this.open.values()) held += writer.rows % GROUP_ROWS
    return held
  }

  private async closeLargest(): Promise<void> {
    let largest = ''
    let most = -1
    for (const [key, { writer }] of this.open) {
      if (writer.rows % GROUP_ROWS <= most) continue
      most = writer.rows % GROUP_ROWS
      largest = key
    }
    await this.close(largest)
  }

  private async close(key: string): Promise<void> {
    const file = this.open.get(key)
    if (file === undefined || file.writer.rows === 0) return
    this.open.delete(key)
    const summary = file.writer.finish()
    await this.store({ ...summary, pieces: [...file.pieces, ...summary.pieces] }, file.values)
  }

  private storeBatch(batch: ColumnBatch, select: Int32Array | null, values: PartitionValues): Promise<void> {
    const { bytes, rows, columns } = encodeParquet(batch, { select })
    return this.store({ rows, columns, pieces: [bytes], byteLength: bytes.length }, values)
  }

  private async store({ rows, columns, pieces, byteLength }: Written, values: PartitionValues): Promise<void> {
    const folder = (this.options.folder ?? '') + partitionFolder(Object.keys(values), values)
    const path = `${folder}part-${this.deps.ids.next()}.zstd.parquet`
    await putPieces(this.deps.store, this.paths.table + path, pieces)
    this.written.push({
      path: encodePath(path),
      size: byteLength,
      modificationTime: this.deps.clock.now(),
      dataChange: this.options.dataChange ?? true,
      partitionValues: values,
      stats: statsJson(rows, columns, this.indexed),
    })
  }
}
