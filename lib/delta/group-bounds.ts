import type { AddFile } from '#delta/actions.ts'
import { type FileStatistics, fileStatistics, type Presence } from '#delta/file-bounds.ts'
import { storedLeaf } from '#delta/file-plan.ts'
import type { TableLayout } from '#delta/layout.ts'
import type { KeyRange, SortKey } from '#delta/ordering.ts'
import type { ParquetRowGroup } from '#parquet/metadata.ts'
import type { ParquetTree } from '#parquet/reader.ts'

const UNKNOWN: KeyRange = { low: undefined, high: undefined }
const ANY: Presence = { nulls: true, values: true }
const NO_VALUE: Presence = { nulls: true, values: false }

type Chunk = ParquetRowGroup['chunks'][number]
type Element = ParquetTree['element']

/** What the footer of a file tells of the values in one row group: exact where it is there, and of every type that we trust. */
export function groupStatistics(
  group: ParquetRowGroup,
  schema: ParquetTree,
  file: Pick<AddFile, 'partitionValues' | 'stats'>,
  layout: TableLayout,
  table: string,
): FileStatistics {
  const ofFile = fileStatistics(file, layout, table)
  const chunks = new Map(group.chunks.map((chunk) => [chunk.path.join('\u0000'), chunk]))
  return {
    presence: (column) => {
      if (column.partition) return ofFile.presence(column)
      const leaf = storedLeaf(schema, column.path, layout)
      return leaf === undefined ? NO_VALUE : presenceIn(chunks.get(leaf.path.join('\u0000')), group.rows)
    },
    bounds: (column, ordering) => {
      if (column.partition) return ofFile.bounds(column, ordering)
      const leaf = storedLeaf(schema, column.path, layout)
      if (leaf === undefined) return { ...NO_VALUE, ...UNKNOWN }
      const chunk = chunks.get(leaf.path.join('\u0000'))
      const type = typeof column.type === 'string' ? column.type : ''
      const range = chunk === undefined ? UNKNOWN : rangeIn(chunk, leaf.element, type)
      return { ...presenceIn(chunk, group.rows), ...range }
    },
  }
}

function presenceIn(chunk: Chunk | undefined, rows: number): Presence {
  const nulls = chunk?.nullCount
  return nulls === undefined ? ANY : { nulls: nulls > 0, values: nulls < rows }
}

function rangeIn({ min, max }: Chunk, element: Element, type: string): KeyRange {
  return { low: keyOf(min, element, type), high: keyOf(max, element, type) }
}

/** Undefined for what has no order that all writers agree on, and for types that were widened into another order. */
function keyOf(value: unknown, element: Element, type: string): SortKey | undefined {
  const { type: physical, converted_type: converted, logical_type: logical } = element
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long': {
      const plain = logical === undefined || logical.type === 'INTEGER'
      const isUnsigned = converted?.startsWith('U') === true || (logical?.type === 'INTEGER' && !logical.isSigned)
      return plain && !isUnsigned && isWhole(value) ? value : undefined
    }
    case 'float':
    case 'double':
      // A NaN among the bounds says that they are none.
      return (physical === 'FLOAT' || physical === 'DOUBLE') && typeof value === 'number' && !Number.isNaN(value)
        ? value
        : undefined
    case 'date':
      return (converted === 'DATE' || logical?.type === 'DATE') && typeof value === 'number' ? value : undefined
    case 'timestamp':
    case 'timestamp_ntz':
      return instantKey(value, element)
    case 'string':
      // Bytes that were cut within a character have come out as another one.
      return typeof value === 'string' && !value.includes('\ufffd') ? value : undefined
    default:
      return undefined
  }
}

function instantKey(value: unknown, { converted_type: converted, logical_type: logical }: Element): number | undefined {
  if (typeof value !== 'bigint') return undefined
  const unit = logical?.type === 'TIMESTAMP' ? logical.unit : undefined
  if (unit === 'MICROS' || converted === 'TIMESTAMP_MICROS') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number / 1000 : undefined
  }
  return unit === 'MILLIS' || converted === 'TIMESTAMP_MILLIS' ? Number(value) : undefined
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}
