import type { PageHeader } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { parquetMetadata } from '#parquet/metadata.ts'
import { type ParquetRow, readParquetRows } from '#parquet/reader.ts'
import { bytesSource, type ParquetSource } from '#parquet/source.ts'

/** All rows of a file in memory. */
export async function rowsOf(bytes: Uint8Array): Promise<ParquetRow[]> {
  const rows: ParquetRow[] = []
  for await (const group of readParquetRows(bytesSource(bytes))) for (const row of group) rows.push(row)
  return rows
}

/** A file in memory, and which of its bytes were asked for. */
export function countedSource(bytes: Uint8Array) {
  const asked: [number, number][] = []
  const inner = bytesSource(bytes)
  const source: ParquetSource = {
    byteLength: bytes.length,
    slice: (start, end = bytes.length) => {
      asked.push([start, end])
      return inner.slice(start, end)
    },
  }
  return { asked, source }
}

export interface ChunkPages {
  readonly column: string
  readonly headers: readonly PageHeader[]
  /** Where the compressed body of each page lies in the file. */
  readonly bodies: readonly { readonly start: number; readonly end: number }[]
}

/** The page headers of every column chunk, read from the pages themselves. */
export async function pagesOf(bytes: Uint8Array): Promise<ChunkPages[]> {
  const { rowGroups } = await parquetMetadata(bytesSource(bytes))
  return rowGroups.flatMap(({ chunks }) =>
    chunks.map(({ path, offset, compressedBytes }) => {
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset }
      const headers: PageHeader[] = []
      const bodies: { start: number; end: number }[] = []
      while (reader.offset < offset + compressedBytes) {
        const header = parquetHeader(reader)
        headers.push(header)
        bodies.push({ start: reader.offset, end: reader.offset + header.compressed_page_size })
        reader.offset += header.compressed_page_size
      }
      return { column: path.join('.'), headers, bodies }
    }),
  )
}
