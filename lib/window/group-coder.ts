import { SluiceError } from '#core/errors.ts'
import type { ColumnBatch, Dictionary, Vector } from '#schema/vector.ts'
import { scalarReader } from '#window/cells.ts'
import { encodeGroupKey, type GroupValue } from '#window/group-key.ts'
import { Interner } from '#window/interner.ts'

/** Combined codes stay below this, so that a slice's number can still be multiplied in. */
const RANGE_MAX = 2 ** 32
const CACHED_KEYS_MAX = 1 << 16

/** Keys already encoded for rows whose group columns have these dictionaries. */
interface KnownKeys {
  readonly dictionaries: readonly (Dictionary | null)[]
  readonly radices: readonly number[]
  readonly byCode: Map<number, string>
}

/**
 * Turns the group columns of a batch into one whole number a row: equal numbers for equal groups. Repeated text brings its
 * codes along, so a group costs a few additions a row, and its key is encoded once for the life of its dictionaries.
 */
export class GroupCoder {
  /** Codes of the batch at hand are below this. */
  range = 1
  private batch: ColumnBatch | null = null
  private columns: readonly number[] = []
  /** Keys by code; null when codes mean something in this batch only. */
  private keys: Map<number, string> | null = null
  private readonly known = new WeakMap<Dictionary, KnownKeys>()
  private readonly dense = new Interner()

  /** Writes the code of row `rows[i]` to `codes[i]`; `columns` are positions in the batch. */
  code(batch: ColumnBatch, columns: readonly number[], rows: Int32Array, codes: Float64Array): void {
    this.batch = batch
    this.columns = columns
    this.range = 1
    codes.fill(0, 0, rows.length)
    const dictionaries: (Dictionary | null)[] = []
    const radices: number[] = []
    let lasting = true
    for (const column of columns) {
      const vector = batch.vectors[column]!
      const local = vector.kind === 'dictionary' || vector.kind === 'boolean' ? null : localCodes(vector, rows)
      const radix = local === null ? radixOf(vector) : local.radix
      if (this.range * radix > RANGE_MAX) {
        this.compact(codes, rows.length)
        lasting = false
      }
      if (local === null) appendCodes(vector, rows, radix, codes)
      else for (let i = 0; i < rows.length; i++) codes[i] = codes[i]! * radix + local.codes[i]!
      lasting &&= local === null
      dictionaries.push(vector.kind === 'dictionary' ? vector.dictionary : null)
      radices.push(radix)
      this.range *= radix
    }
    this.keys = lasting ? this.keysFor(dictionaries, radices) : null
  }

  /** Key of the group of `row`, whose code is `code`. */
  key(row: number, code: number): string {
    const known = this.keys?.get(code)
    if (known !== undefined) return known
    const values: GroupValue[] = []
    for (const column of this.columns) values.push(groupValue(this.batch!.vectors[column]!, row))
    const key = encodeGroupKey(values)
    if (this.keys !== null) {
      if (this.keys.size >= CACHED_KEYS_MAX) this.keys.clear()
      this.keys.set(code, key)
    }
    return key
  }

  /** Renumbers the codes so far to 0 … distinct − 1. */
  private compact(codes: Float64Array, count: number): void {
    this.dense.reset(this.range)
    for (let i = 0; i < count; i++) codes[i] = this.dense.intern(codes[i]!)
    this.range = this.dense.count
  }

  private keysFor(
    dictionaries: readonly (Dictionary | null)[],
    radices: readonly number[],
  ): Map<number, string> | null {
    const first = dictionaries.find((dictionary) => dictionary !== null)
    if (first === undefined || first === null) return null
    let known = this.known.get(first)
    if (known === undefined || !sameItems(known.dictionaries, dictionaries) || !sameItems(known.radices, radices)) {
      known = { dictionaries, radices, byCode: new Map() }
      this.known.set(first, known)
    }
    return known.byCode
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

/** A power of two, so that a dictionary may grow for a while before the codes of known keys change. 0 is null. */
function radixOf(vector: Vector): number {
  return vector.kind === 'dictionary' ? 2 ** Math.ceil(Math.log2(vector.dictionary.size + 1)) : 4
}

function appendCodes(vector: Vector, rows: Int32Array, radix: number, codes: Float64Array): void {
  if (vector.kind !== 'dictionary' && vector.kind !== 'boolean') return
  const { valid } = vector
  const own: ArrayLike<number> = vector.kind === 'dictionary' ? vector.codes : vector.values
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const code = valid === null || valid[row] === 1 ? own[row]! + 1 : 0
    codes[i] = codes[i]! * radix + code
  }
}

/** Codes that hold for this batch only: 0 is null, then the distinct values as they come. */
function localCodes(vector: Vector, rows: Int32Array): { readonly codes: Int32Array; readonly radix: number } {
  const read = readerOf(vector)
  const codes = new Int32Array(rows.length)
  const known = new Map<GroupValue, number>()
  const { valid } = vector
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if (valid !== null && valid[row] === 0) continue
    const value = read(row)
    let code = known.get(value)
    if (code === undefined) {
      code = known.size + 1
      known.set(value, code)
    }
    codes[i] = code
  }
  return { codes, radix: known.size + 1 }
}

function readerOf(vector: Vector): (row: number) => GroupValue {
  const read = scalarReader(vector)
  if (read !== undefined) return read
  throw new SluiceError(
    'PLAN_INVALID',
    `Rows can be grouped by columns of text, numbers, times and booleans, but one of the group columns holds ${vector.kind}. ` +
      'Group by another column, or derive one.',
  )
}

function groupValue(vector: Vector, row: number): GroupValue {
  if (vector.valid !== null && vector.valid[row] === 0) return null
  if (vector.kind === 'boolean') return vector.values[row] === 1
  return readerOf(vector)(row)
}
