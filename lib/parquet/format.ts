/** Numbers of the Parquet format (parquet.thrift, format 2.12), only those that Sluice writes. */

export const PhysicalType = { boolean: 0, int32: 1, int64: 2, float: 4, double: 5, byteArray: 6, fixed: 7 } as const
export const Repetition = { required: 0, optional: 1, repeated: 2 } as const
export const ConvertedType = {
  utf8: 0,
  map: 1,
  list: 3,
  decimal: 5,
  date: 6,
  timestampMicros: 10,
  int8: 15,
  int16: 16,
} as const
export const Encoding = { plain: 0, rle: 3, rleDictionary: 8 } as const
export const PageType = { data: 0, dictionary: 2 } as const
export const Codec = { uncompressed: 0, zstd: 6 } as const

/** Field numbers of the union `LogicalType`. */
export const LogicalType = { string: 1, map: 2, list: 3, decimal: 5, date: 6, timestamp: 8, integer: 10 } as const

export type PhysicalTypeCode = (typeof PhysicalType)[keyof typeof PhysicalType]
export type RepetitionCode = (typeof Repetition)[keyof typeof Repetition]

/** The four bytes that open and close every file. */
export const MAGIC: Uint8Array = Uint8Array.of(0x50, 0x41, 0x52, 0x31)
