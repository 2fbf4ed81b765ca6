import { describe, expect, it } from 'vitest'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'

describe('the body of a control item', () => {
  it('is read back as it was written', () => {
    const value = { text: 'ä\u0000😀', none: null, list: [1, 0.1, -1e21], nested: { a: true } }
    expect(decodeBody(encodeBody(value), 'g/i')).toEqual(value)
  })

  it('that is cut off is refused by the item’s name', () => {
    const cut = encodeBody({ upTo: 12 }).subarray(0, 8)
    expect(() => decodeBody(cut, 'rooms/control/close')).toThrow(
      expect.objectContaining({
        code: 'STATE_CORRUPT',
        message:
          "The state item rooms/control/close should hold JSON, but its 8 bytes can't be read. " +
          'Restore the state from a backup, or start again with another data folder.',
      }),
    )
  })
})
