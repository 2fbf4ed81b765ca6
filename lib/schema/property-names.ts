import type { ColumnWriter } from '#schema/column-writer.ts'
import { StringDictionary } from '#schema/dictionary.ts'
import { ESCAPED, type JsonScanner } from '#schema/json-scan.ts'

const QUOTE = 0x22
const COLON = 0x3a
const SPACE = 0x20

/**
 * Finds out which column a property is for. It learns which one follows which, so that a record with the same order as the
 * one before costs one comparison, a few words long, for each property; a property that is missing or in between costs one
 * look-up and spoils no other guess.
 */
export class PropertyNames {
  /** Column of the name that was read last, or −1 for none. */
  field = -1
  private readonly columns: readonly ColumnWriter[]
  private readonly json: JsonScanner
  private readonly known = new StringDictionary()
  /** Guess by the column read before; the last cell is for the first property. */
  private readonly successors: Int32Array
  private previous = 0

  constructor(columns: readonly ColumnWriter[], json: JsonScanner) {
    this.columns = columns
    this.json = json
    for (const { name } of columns) {
      const bytes = new TextEncoder().encode(name)
      this.known.intern(bytes, 0, bytes.length)
    }
    this.successors = Int32Array.from(
      { length: columns.length + 1 },
      (_, column) => (column + 1) % (columns.length + 1),
    )
    this.successors[columns.length] = 0
  }

  /** A new object begins. */
  first(): void {
    this.previous = this.columns.length
  }

  /** From a name's first quote to behind its colon, or −1. Sets `field`. */
  read(at: number): number {
    const guess = this.successors[this.previous]!
    if (guess < this.columns.length) {
      const column = this.columns[guess]!
      const { token, tokenWords } = column
      const view = this.json.view
      if (column.tokenLength > 0 && at + column.tokenLength + 4 <= view.byteLength) {
        let word = 0
        let next = at
        while (word < tokenWords && view.getInt32(next, true) === token[word]) {
          word++
          next += 4
        }
        if (word === tokenWords && (view.getInt32(next, true) & column.tokenMask) === token[word]) {
          this.field = guess
          this.previous = guess
          return at + column.tokenLength
        }
      }
    }
    return this.lookUp(at)
  }

  private lookUp(at: number): number {
    const json = this.json
    const bytes = json.bytes
    if (bytes[at] !== QUOTE) return -1
    let end = json.scanHashed(at + 1)
    if (end === ESCAPED) {
      end = json.unescape(at + 1)
      if (end < 0) return -1
      const from = json.textStart
      this.field = this.known.indexOf(json.arena, from, json.arenaLength)
      json.arenaLength = from
      // a name that can't be told from another by its text is nobody's
      if (json.textFault === 'surrogate') this.field = -1
    } else if (end < 0) return -1
    else this.field = this.known.find(bytes, json.view, at + 1, end, json.hash)
    if (this.field >= 0) {
      this.successors[this.previous] = this.field
      this.previous = this.field
    }
    let next = end + 1
    if (bytes[next]! <= SPACE) next = json.skipSpace(next, bytes.length)
    return bytes[next] === COLON ? next + 1 : -1
  }
}
