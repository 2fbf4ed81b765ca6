import { ThriftReader } from './thrift-reader.ts'

/** What the header of a page says (parquet.thrift, PageHeader). */
export interface PageHeader {
  /** 0 data page, 1 index page, 2 dictionary page, 3 data page of version 2. */
  readonly type: number
  readonly uncompressedBytes: number
  readonly compressedBytes: number
  /** CRC-32 of the body as it is stored, if the writer gave one. */
  readonly crc: number | null
  /** With nulls; in a flat column as many as rows. */
  readonly values: number
  readonly encoding: number
  /** Of data pages of version 1. */
  readonly levelEncoding: number
  /** Of data pages of version 2, whose levels are not compressed. */
  readonly definitionBytes: number
  readonly repetitionBytes: number
  readonly isCompressed: boolean
  /** Where the body starts. */
  readonly bodyStart: number
}

type Draft = { -readonly [Key in keyof PageHeader]: PageHeader[Key] }

/** @throws RangeError when the bytes are no page header */
export function readPageHeader(bytes: Uint8Array, start: number): PageHeader {
  const reader = new ThriftReader(bytes, start)
  const header: Draft = {
    type: -1,
    uncompressedBytes: -1,
    compressedBytes: -1,
    crc: null,
    values: -1,
    encoding: -1,
    levelEncoding: RLE,
    definitionBytes: 0,
    repetitionBytes: 0,
    isCompressed: true,
    bodyStart: 0,
  }
  for (let id = reader.field(0); id !== 0; id = reader.field(id)) {
    if (id === 1) header.type = reader.int()
    else if (id === 2) header.uncompressedBytes = reader.int()
    else if (id === 3) header.compressedBytes = reader.int()
    else if (id === 4) header.crc = reader.int() >>> 0
    else if (id === 5) readDataPage(reader, header)
    else if (id === 7) readDictionaryPage(reader, header)
    else if (id === 8) readDataPageV2(reader, header)
    else reader.skip()
  }
  header.bodyStart = reader.offset
  checkHeader(header, bytes.length)
  return header
}

const RLE = 3

function checkHeader({ type, compressedBytes, uncompressedBytes, values, bodyStart }: PageHeader, end: number): void {
  if (!(compressedBytes >= 0 && uncompressedBytes >= 0 && bodyStart + compressedBytes <= end)) {
    throw new RangeError('a page reaches beyond the end of its column')
  }
  if (type !== 1 && !(values >= 0)) throw new RangeError('a page header does not say how many values follow')
}

function readDataPage(reader: ThriftReader, header: Draft): void {
  for (let id = reader.field(0); id !== 0; id = reader.field(id)) {
    if (id === 1) header.values = reader.int()
    else if (id === 2) header.encoding = reader.int()
    else if (id === 3) header.levelEncoding = reader.int()
    else reader.skip()
  }
}

function readDictionaryPage(reader: ThriftReader, header: Draft): void {
  for (let id = reader.field(0); id !== 0; id = reader.field(id)) {
    if (id === 1) header.values = reader.int()
    else if (id === 2) header.encoding = reader.int()
    else reader.skip()
  }
}

function readDataPageV2(reader: ThriftReader, header: Draft): void {
  for (let id = reader.field(0); id !== 0; id = reader.field(id)) {
    if (id === 1) header.values = reader.int()
    else if (id === 4) header.encoding = reader.int()
    else if (id === 5) header.definitionBytes = reader.int()
    else if (id === 6) header.repetitionBytes = reader.int()
    else if (id === 7) header.isCompressed = reader.bool()
    else reader.skip()
  }
}
