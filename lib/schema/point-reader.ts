import { ESCAPED, type JsonScanner } from '#schema/json-scan.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN = 0x7b
const CLOSE = 0x7d

const LATITUDE = Buffer.from('latitude')
const LONGITUDE = Buffer.from('longitude')

/** Reads `{"latitude": 41.8, "longitude": -87.6}`; further properties are passed over. */
export class PointReader {
  /** NaN when the object has no such number. */
  latitude = Number.NaN
  longitude = Number.NaN
  private readonly json: JsonScanner

  constructor(json: JsonScanner) {
    this.json = json
  }

  /** The end of the value at `at`, whatever it is, or −1 if it isn't JSON. */
  read(at: number): number {
    this.latitude = Number.NaN
    this.longitude = Number.NaN
    const { json } = this
    const { bytes } = json
    const size = bytes.length
    if (bytes[at] !== OPEN) return json.skipValue(at, 0)
    let next = json.skipSpace(at + 1, size)
    if (bytes[next] === CLOSE) return next + 1
    for (;;) {
      if (bytes[next] !== QUOTE) return -1
      const name = next + 1
      next = json.skipValue(next, 1)
      if (next < 0) return -1
      const nameEnd = next - 1
      next = json.skipSpace(next, size)
      if (bytes[next] !== COLON) return -1
      next = this.readMember(name, nameEnd, json.skipSpace(next + 1, size))
      if (next < 0) return -1
      next = json.skipSpace(next, size)
      if (bytes[next] === CLOSE) return next + 1
      if (bytes[next] !== COMMA) return -1
      next = json.skipSpace(next + 1, size)
    }
  }

  private readMember(name: number, nameEnd: number, at: number): number {
    const { json } = this
    const isLatitude = this.isNamed(LATITUDE, name, nameEnd)
    if (!isLatitude && !this.isNamed(LONGITUDE, name, nameEnd)) return json.skipValue(at, 1)
    let end = json.decimal.read(json.bytes, at)
    let value = json.decimal.value[0]!
    if (end < 0) {
      end = json.skipValue(at, 1)
      value = Number.NaN
    }
    if (isLatitude) this.latitude = value
    else this.longitude = value
    return end
  }

  private isNamed(wanted: Uint8Array, start: number, end: number): boolean {
    const { json } = this
    if (json.scanPlain(start) === ESCAPED) {
      const length = json.arenaLength
      json.unescape(start)
      const same = Buffer.compare(wanted, json.arena.subarray(json.textStart, json.arenaLength)) === 0
      json.arenaLength = length
      return same
    }
    if (end - start !== wanted.length) return false
    for (let at = 0; at < wanted.length; at++) if (json.bytes[start + at] !== wanted[at]) return false
    return true
  }
}
