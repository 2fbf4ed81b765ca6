import type { Bytes } from '#core/time.ts'
import type { AddFile } from '#delta/actions.ts'
import { joinedVector, type VectorPart } from '#delta/column-join.ts'
import { type FileColumns, partitionRow, type RowSource, readStoredColumns } from '#delta/file-columns.ts'
import { hiddenRows } from '#delta/file-rows.ts'
import type { TableLayout } from '#delta/layout.ts'
import type { OpenedVersion } from '#delta/opened-version.ts'
import type { RowSet } from '#delta/row-set.ts'
import type { RowWriter } from '#delta/row-writer.ts'
import { toFields } from '#delta/schema-json.ts'
import type { DecodedVector } from '#parquet/columns-reader.ts'
import type { Fields } from '#schema/column.ts'
import type { ColumnBatch, Vector } from '#schema/vector.ts'

/** Rows, and bytes as they are in memory, of a row group. */
const GROUP_ROWS = 100_000
const GROUP_BYTES: Bytes = 64 << 20
/** What a column of a few rows takes beside them: of thousands of small files that is most. */
const VECTOR_BYTES: Bytes = 512

/** Types whose columns are written from vectors as they would be from rows: `byte` and `float`, say, would come out wider. */
const COPIED: ReadonlySet<unknown> = new Set([
  'string',
  'boolean',
  'integer',
  'long',
  'double',
  'timestamp',
  'date',
  'binary',
])

/**
 * Writes the rows of files of one partition into one file, column by column: no row is made on the way, which takes half the
 * time.
 *
 * @returns false, with nothing written, for tables and files whose columns can only be copied row by row: nested or mapped columns, types
 * that only rows have, whole numbers beyond 2^53
 */
export function copyColumns(version: OpenedVersion, files: readonly AddFile[], writer: RowWriter): Promise<boolean> {
  const fields = copiedFields(version.layout)
  if (fields === undefined) return Promise.resolve(false)
  const source: RowSource = { ...version, store: version.deps.store }
  return writer.addColumns(fields, groupsOf(source, files, fields), partitionRow(source, files[0]!))
}

/** The columns of data files; undefined where there are none, or some that are not copied. */
function copiedFields({ schema, mapping, partitionColumns }: TableLayout): Fields | undefined {
  const stored = schema.fields.filter(({ name }) => !partitionColumns.includes(name))
  if (mapping !== 'none' || stored.length === 0 || !stored.every(({ type }) => COPIED.has(type))) return undefined
  return toFields({ type: 'struct', fields: stored })
}

/** The rows of the files a row group at a time; null and no more once a column can't be copied. */
async function* groupsOf(
  source: RowSource,
  files: readonly AddFile[],
  fields: Fields,
): AsyncGenerator<ColumnBatch | null, void, undefined> {
  let held: Run[] = []
  let rows = 0
  let bytes = 0
  for (const file of files) {
    const hidden = await hiddenRows(source, file)
    for await (const stored of readStoredColumns(source, file, source.layout.schema.fields)) {
      const select = hidden === undefined ? null : shown(stored, hidden)
      const count = select?.length ?? stored.rows
      for (let from = 0; from < count; ) {
        const to = Math.min(count, from + GROUP_ROWS - rows)
        held.push({ columns: stored.columns, select, from, to })
        rows += to - from
        from = to
        bytes += sizeOf(stored, fields)
        if (rows < GROUP_ROWS && bytes < GROUP_BYTES) continue
        const group = joined(fields, held, rows)
        yield group
        if (group === null) return
        held = []
        rows = 0
        bytes = 0
      }
    }
  }
  if (rows > 0) yield joined(fields, held, rows)
}

/** Rows [from, to) of those that are selected of some columns; of all without a selection. */
interface Run extends Omit<VectorPart, 'vector'> {
  readonly columns: ReadonlyMap<string, DecodedVector>
}

function joined(fields: Fields, runs: readonly Run[], rows: number): ColumnBatch | null {
  const vectors: Vector[] = []
  for (const { name, column } of fields) {
    const parts = runs.map(({ columns, ...range }) => ({ ...range, vector: columns.get(name)! }))
    const vector = joinedVector(column.kind, parts, rows)
    if (vector === null) return null
    vectors.push(vector)
  }
  return { fields, rows, vectors }
}

function shown({ rows, firstIndex }: FileColumns, hidden: RowSet): Int32Array {
  const selected = new Int32Array(rows)
  let count = 0
  for (let i = 0; i < rows; i++) if (!hidden.has(firstIndex + i)) selected[count++] = i
  return selected.subarray(0, count)
}

/** Text and bytes weigh most. */
function sizeOf({ rows, columns }: FileColumns, fields: Fields): Bytes {
  let bytes = (rows * 8 + VECTOR_BYTES) * fields.length
  for (const vector of columns.values()) {
    if (vector.kind === 'slices') bytes += vector.buffer.length
    else if (vector.kind === 'dictionary') bytes += vector.dictionary.bytes.length
  }
  return bytes
}
