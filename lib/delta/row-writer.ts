import type { Bytes } from '#core/time.ts'
import type { AddFile, Metadata } from '#delta/actions.ts'
import { checkBatch } from '#delta/batch-check.ts'
import { resolveColumn } from '#delta/column-path.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { layoutOf, physicalName, type TableLayout } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { partitionFolder, partitionText } from '#delta/partition-folder.ts'
import { encodePath } from '#delta/paths.ts'
import { parquetColumns, toPhysical } from '#delta/physical-rows.ts'
import type { Row } from '#delta/row-check.ts'
import type { StructField, StructType } from '#delta/schema-json.ts'
import { type Indexed, indexedBy, statsJson } from '#delta/stats.ts'
import { type ParquetColumn, ParquetRowsWriter } from '#parquet/rows-writer.ts'
import { encodeParquet, type LeafStatistics, ParquetColumnsWriter } from '#parquet/writer.ts'
import type { Fields } from '#schema/column.ts'
import { rowView, toRow } from '#schema/row-view.ts'
import type { ColumnBatch } from '#schema/vector.ts'

/** A file is closed when it has so many bytes. */
const TARGET_BYTES: Bytes = 128_000_000
/** Rows of a row group, and those of open row groups of all partitions together. */
const GROUP_ROWS = 100_000
const HELD_ROWS = 400_000
/** Rows that are taken between two looks at the size. */
const STEP = 8_192

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

type PartitionValues = Readonly<Record<string, string | null>>

/** A file that is being written. */
interface OpenFile {
  readonly values: PartitionValues
  readonly writer: ParquetRowsWriter
  readonly pieces: Uint8Array[]
  bytes: Bytes
}

interface Written {
  readonly rows: number
  readonly columns: readonly LeafStatistics[]
  readonly pieces: readonly Uint8Array[]
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
  /** Null where rows are stored as they are. */
  private readonly physical: ((row: Row) => Row) | null
  private readonly columns: readonly ParquetColumn[]
  private readonly indexed: Indexed
  private readonly partitionFields: readonly StructField[]
  private readonly open = new Map<string, OpenFile>()
  private readonly written: AddFile[] = []

  constructor(deps: DeltaDeps, paths: LogPaths, metadata: Metadata, options: WriterOptions = {}) {
    this.deps = deps
    this.paths = paths
    this.options = options
    const layout = layoutOf(metadata)
    const { fields } = layout.schema
    const partitioned = new Set(layout.partitionColumns)
    const stored = [...fields.filter(({ name }) => !partitioned.has(name)), ...(options.extra?.fields ?? [])]
    this.layout = layout
    this.physical = toPhysical(stored, layout)
    this.columns = parquetColumns(stored, layout)
    this.indexed = indexedBy(metadata.configuration, (name) => resolveColumn(name, layout, paths.name).physical)
    this.partitionFields = layout.partitionColumns.flatMap((name) => fields.filter((field) => field.name === name))
  }

  /** @param rows in the form that `RowCheck` gives them */
  async add(rows: readonly Row[]): Promise<void> {
    this.rows += rows.length
    if (rows.length === 0) return
    if (this.partitionFields.length === 0) await this.addTo('', {}, rows)
    else for (const part of partsOf(rows, (row) => this.partitionOf(row))) await this.addTo(...part)
    while (this.heldRows() > HELD_ROWS) await this.closeLargest()
  }

  /** Columns as they are: a file for each partition in the batch. @throws SluiceError DELTA_SCHEMA_MISMATCH */
  async addBatch(batch: ColumnBatch): Promise<void> {
    checkBatch(this.paths.name, this.layout.schema, batch)
    if (batch.rows === 0) return
    if (this.physical !== null) return this.add(Array.from({ length: batch.rows }, (_, row) => toRow(batch, row)))
    this.rows += batch.rows
    const kept = batch.fields.flatMap(({ name }, i) =>
      this.partitionFields.some((each) => each.name === name) ? [] : [i],
    )
    const fields = kept.map((i) => batch.fields[i]!)
    const stored = { fields, rows: batch.rows, vectors: kept.map((i) => batch.vectors[i]!) }
    if (this.partitionFields.length === 0) return this.storeBatch(stored, null, {})
    const view = rowView(batch)
    const rows = Array.from({ length: batch.rows }, (_, row) => row)
    for (const [, values, select] of partsOf(rows, (row) => this.partitionOf(view.at(row)))) {
      await this.storeBatch(stored, Int32Array.from(select), values)
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
    await this.store({ ...summary, pieces: [...pieces, ...last] }, this.partitionOf(partition))
    return true
  }

  /** Closes all files. */
  async finish(): Promise<readonly AddFile[]> {
    for (const key of [...this.open.keys()]) await this.close(key)
    return this.written
  }

  private async addTo(key: string, values: PartitionValues, rows: readonly Row[]): Promise<void> {
    const { rowsPerFile = Number.POSITIVE_INFINITY, targetBytes = TARGET_BYTES } = this.options
    for (let from = 0; from < rows.length; ) {
      const file = this.openFile(key, values)
      const to = Math.min(rows.length, from + STEP, from + rowsPerFile - file.writer.rows)
      const some = from === 0 && to === rows.length ? rows : rows.slice(from, to)
      for (const piece of file.writer.add(this.physical === null ? some : some.map(this.physical))) {
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

  private partitionOf(row: Row): PartitionValues {
    return Object.fromEntries(
      this.partitionFields.map((field) => [
        physicalName(this.layout, field),
        partitionText(field.type, row[field.name]),
      ]),
    )
  }

  private storeBatch(batch: ColumnBatch, select: Int32Array | null, values: PartitionValues): Promise<void> {
    const { bytes, rows, columns } = encodeParquet(batch, { select })
    return this.store({ rows, columns, pieces: [bytes], byteLength: bytes.length }, values)
  }

  private async store({ rows, columns, pieces, byteLength }: Written, values: PartitionValues): Promise<void> {
    const folder = (this.options.folder ?? '') + partitionFolder(Object.keys(values), values)
    const path = `${folder}part-${this.deps.ids.next()}.zstd.parquet`
    await this.deps.store.put(this.paths.table + path, joined(pieces, byteLength))
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

/** Items by the partition that they belong to, in the order of the first of each. */
function partsOf<T>(
  items: readonly T[],
  valuesOf: (item: T) => PartitionValues,
): readonly (readonly [key: string, values: PartitionValues, items: readonly T[]])[] {
  const parts = new Map<string, readonly [string, PartitionValues, T[]]>()
  for (const item of items) {
    const values = valuesOf(item)
    const key = JSON.stringify(Object.values(values))
    const part = parts.get(key)
    if (part === undefined) parts.set(key, [key, values, [item]])
    else part[2].push(item)
  }
  return [...parts.values()]
}

function joined(pieces: readonly Uint8Array[], length: Bytes): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
