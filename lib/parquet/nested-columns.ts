import { type Compressors, type FileMetaData, parquetRead, type SchemaTree } from 'hyparquet'
import { columnReader, physicalElement } from './read-values.ts'
import type { FileTail } from './source.ts'

/** What is needed of an open file to read nested columns of it. */
export interface NestedSource {
  readonly file: FileTail
  readonly footer: FileMetaData
  readonly compressors: Compressors
}

/** Values of nested columns in rows [rowStart, rowEnd) of one row group, by column, as `readParquetRows` gives them. */
export async function readNestedValues(
  { file, footer, compressors }: NestedSource,
  columns: readonly { readonly name: string; readonly tree: SchemaTree | undefined }[],
  rowStart: number,
  rowEnd: number,
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const found = new Map(columns.map(({ name }) => [name, new Array<unknown>(rowEnd - rowStart).fill(null)]))
  if (columns.length === 0) return found
  const counts = new Map<string, number>()
  const convert = new Map(columns.map(({ name, tree }) => [name, columnReader(tree!).convert]))
  await parquetRead({
    file,
    metadata: { ...footer, schema: footer.schema.map(physicalElement) },
    columns: columns.map(({ name }) => name),
    compressors,
    rowStart,
    rowEnd,
    utf8: false,
    geoparquet: false,
    parsers: PARSERS,
    // Chunks may reach over either end.
    onChunk: ({ columnName: name, columnData, rowStart: chunkStart }) => {
      const values = found.get(name)!
      const to = convert.get(name)
      const first = Math.max(0, rowStart - chunkStart)
      const last = Math.min(columnData.length, rowEnd - chunkStart)
      for (let i = first; i < last; i++) {
        const value: unknown = columnData[i] ?? null
        values[chunkStart + i - rowStart] = value === null || to === undefined ? value : to(value)
      }
      counts.set(name, (counts.get(name) ?? 0) + Math.max(0, last - first))
    },
  })
  for (const { name } of columns) {
    const count = counts.get(name) ?? 0
    if (count === rowEnd - rowStart) continue
    throw new RangeError(`column "${name}" has ${count} values in rows ${rowStart} to ${rowEnd}`)
  }
  return found
}

/** Text keeps a byte order mark, which is a character like any other in a column. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const PARSERS = {
  stringFromBytes: (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : decoder.decode(bytes)),
  /** INT96: on to `columnReader`. */
  timestampFromNanoseconds: (nanos: bigint) => nanos,
}
