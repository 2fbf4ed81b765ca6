import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import { SluiceError } from '#core/errors.ts'

/** A value as one tag and its content: what minima, maxima, sums and lists of values are stored as. */
type Scalar = number | string | boolean | null

const NULL = 0
const WHOLE = 1
const DOUBLE = 2
const TEXT = 3
const FALSE = 4
const TRUE = 5

export function encodeScalar(value: Scalar, writer: ByteWriter): void {
  if (value === null) {
    writer.varint(NULL)
  } else if (typeof value === 'string') {
    writer.varint(TEXT)
    writer.text(value)
  } else if (typeof value === 'boolean') {
    writer.varint(value ? TRUE : FALSE)
  } else if (Number.isSafeInteger(value)) {
    writer.varint(WHOLE)
    writer.zigzag(value)
  } else {
    writer.varint(DOUBLE)
    writer.float64(value)
  }
}

/** What follows the tag, which the caller has read. @throws SluiceError STATE_CORRUPT for an unknown tag */
export function decodeScalar(tag: number, reader: ByteReader): Scalar {
  switch (tag) {
    case NULL:
      return null
    case WHOLE:
      return reader.zigzag()
    case DOUBLE:
      return reader.float64()
    case TEXT:
      return reader.text()
    case FALSE:
      return false
    case TRUE:
      return true
  }
  throw new SluiceError(
    'STATE_CORRUPT',
    `Expected an accumulator of kind 0 to 5 in a page of window state, found ${tag}.`,
  )
}
