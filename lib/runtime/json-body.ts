import { SluiceError } from '#core/errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Bodies of small control items are JSON: an operator can read them. */
export function encodeBody(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

/** @throws SluiceError STATE_CORRUPT */
export function decodeBody<T>(body: Uint8Array, item: string): T {
  try {
    return JSON.parse(decoder.decode(body)) as T
  } catch (cause) {
    throw new SluiceError(
      'STATE_CORRUPT',
      `The state item ${item} should hold JSON, but its ${body.length} bytes can't be read. ` +
        'Restore the state from a backup, or start again with another data folder.',
      { cause, details: { item } },
    )
  }
}
