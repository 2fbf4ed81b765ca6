import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type Compressors, type FileMetaData, snappyUncompress } from 'hyparquet'

/** Decompressors of node:zlib; snappy is hyparquet's own. */
const NATIVE: Compressors = {
  ZSTD: (input, outputLength) => native(zstdDecompressSync, input, outputLength),
  GZIP: (input, outputLength) => native(gunzipSync, input, outputLength),
  BROTLI: (input, outputLength) => native(brotliDecompressSync, input, outputLength),
}

type Decompress = (input: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Uint8Array

/** The header's length is a bound for a damaged page, and a hint for the output buffer. */
function native(decompress: Decompress, input: Uint8Array, outputLength: number): Uint8Array {
  if (outputLength === 0) return new Uint8Array(0)
  const chunkSize = Math.min(Math.max(outputLength, 64), 4 << 20)
  const page = decompress(input, { maxOutputLength: outputLength, chunkSize })
  // Not a Buffer: views of it are handed out.
  return new Uint8Array(page.buffer, page.byteOffset, page.length)
}

/** Loads hyparquet-compressors only for files that need them (LZ4). */
export async function compressorsFor({ row_groups: groups }: FileMetaData): Promise<Compressors> {
  const codecs = new Set(groups.flatMap(({ columns }) => columns.map(({ meta_data: chunk }) => chunk?.codec)))
  if (!codecs.has('LZ4') && !codecs.has('LZ4_RAW')) return NATIVE
  const { decompressLz4, decompressLz4Raw } = await import('hyparquet-compressors')
  return { ...NATIVE, LZ4: unlessEmpty(decompressLz4), LZ4_RAW: unlessEmpty(decompressLz4Raw) }
}

/** A page without values is one LZ4 token, which hyparquet-compressors 1.1.2 takes for a match. */
function unlessEmpty(decompress: Compressor): Compressor {
  return (input, outputLength) => (outputLength === 0 ? new Uint8Array(0) : decompress(input, outputLength))
}

type Compressor = NonNullable<Compressors[keyof Compressors]>

/** The body of a page. @throws RangeError for an unknown codec, or when it is not as long as its header says */
export function decompressPage(
  codec: string,
  compressors: Compressors,
  input: Uint8Array,
  outputLength: number,
): Uint8Array {
  let page: Uint8Array
  const decompress = compressors[codec as keyof Compressors]
  if (codec === 'UNCOMPRESSED') page = input
  else if (decompress !== undefined) page = decompress(input, outputLength)
  else if (codec === 'SNAPPY') {
    page = new Uint8Array(outputLength)
    if (outputLength > 0) snappyUncompress(input, page)
  } else throw new RangeError(`unsupported compression codec: ${codec}`)
  if (page.length !== outputLength) {
    throw new RangeError(`a page has ${page.length} bytes where its header says ${outputLength}`)
  }
  return page
}
