import { type FileMetaData, parquetMetadataAsync, type SchemaElement, type Statistics } from 'hyparquet'
import { FileTail, type ParquetSource, TAIL_BYTES } from './source.ts'

/** What the footer of a Parquet file says. */
export interface ParquetMetadata {
  readonly rows: number
  readonly createdBy: string | undefined
  readonly keyValues: ReadonlyMap<string, string>
  /** Schema elements depth first, without the root, as hyparquet names their parts. */
  readonly schema: readonly SchemaElement[]
  /** Names of the top-level columns. */
  readonly columns: readonly string[]
  readonly rowGroups: readonly ParquetRowGroup[]
}

export interface ParquetRowGroup {
  readonly rows: number
  readonly chunks: readonly ParquetChunk[]
}

export interface ParquetChunk {
  readonly path: readonly string[]
  readonly codec: string
  readonly encodings: readonly string[]
  /** Values with nulls and empty lists. */
  readonly valueCount: number
  readonly compressedBytes: number
  readonly uncompressedBytes: number
  readonly dictionary: boolean
  /** Where its first page starts in the file. */
  readonly offset: number
  readonly nullCount: number | undefined
  /** Numbers (64-bit integers and timestamps as bigint in the unit of the file), text, or bytes. */
  readonly min: unknown
  readonly max: unknown
}

/** Footer of a file as hyparquet gives it: bounds keep their units, geometry is bytes. */
export function readFooter(file: FileTail): Promise<FileMetaData> {
  if (file.byteLength < 12) throw new RangeError('it is shorter than the shortest Parquet file, 12 bytes')
  return parquetMetadataAsync(file, { geoparquet: false, parsers: FOOTER_PARSERS, initialFetchSize: TAIL_BYTES })
}

/**
 * Reads the footer. One request, two when it is larger than 64 KB.
 *
 * @throws SluiceError PARQUET_INVALID when the file is damaged, cut off or no Parquet file; `name` is what the message calls it
 */
export async function parquetMetadata(
  source: ParquetSource,
  options: { readonly name?: string } = {},
): Promise<ParquetMetadata> {
  const file = new FileTail(source, options.name ?? 'the file')
  try {
    const footer = await readFooter(file)
    return {
      rows: Number(footer.num_rows),
      createdBy: footer.created_by,
      keyValues: new Map((footer.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ''])),
      schema: footer.schema.slice(1),
      columns: topLevelNames(footer.schema),
      rowGroups: footer.row_groups.map(rowGroupOf),
    }
  } catch (error) {
    throw file.failure(error)
  }
}

export function rowGroupOf(group: FileMetaData['row_groups'][number]): ParquetRowGroup {
  return {
    rows: Number(group.num_rows),
    chunks: group.columns.flatMap(({ meta_data: chunk }) => (chunk === undefined ? [] : [chunkOf(chunk)])),
  }
}

type ColumnMetaData = NonNullable<FileMetaData['row_groups'][number]['columns'][number]['meta_data']>

function chunkOf(chunk: ColumnMetaData): ParquetChunk {
  const statistics: Statistics = chunk.statistics ?? {}
  const dictionaryOffset = chunk.dictionary_page_offset
  return {
    path: chunk.path_in_schema,
    codec: chunk.codec,
    encodings: chunk.encodings,
    valueCount: Number(chunk.num_values),
    compressedBytes: Number(chunk.total_compressed_size),
    uncompressedBytes: Number(chunk.total_uncompressed_size),
    dictionary: dictionaryOffset !== undefined,
    offset: Number(dictionaryOffset ?? chunk.data_page_offset),
    nullCount: statistics.null_count === undefined ? undefined : Number(statistics.null_count),
    min: statistics.min_value,
    max: statistics.max_value,
  }
}

function topLevelNames(schema: readonly SchemaElement[]): string[] {
  const names: string[] = []
  let at = 1
  while (at < schema.length) {
    names.push(schema[at]?.name ?? '')
    let open = 1
    while (open > 0 && at < schema.length) open += (schema[at++]?.num_children ?? 0) - 1
  }
  return names
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const FOOTER_PARSERS = {
  timestampFromMilliseconds: (millis: bigint) => millis,
  timestampFromMicroseconds: (micros: bigint) => micros,
  timestampFromNanoseconds: (nanos: bigint) => nanos,
  dateFromDays: (days: number) => days,
  stringFromBytes: (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : decoder.decode(bytes)),
}
