import { ByteReader, ByteWriter } from '#core/bytes.ts'
import { SluiceError } from '#core/errors.ts'
import { type EpochMillis, gcd, type Millis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import type { Fields } from '#schema/column.ts'
import type { Aggregate } from '#window/accumulator.ts'
import { aggregatesOf } from '#window/aggregate.ts'

/** One late record in one output, remembered in its page so that the verdict is atomic with the fence. */
export interface LateEntry {
  readonly offset: number
  readonly eventTime: EpochMillis
  /** Index of the output. */
  readonly output: number
  readonly windowsMissed: number
  readonly firstStart: EpochMillis
  readonly lastEnd: EpochMillis
  /** How far closing had got beyond `lastEnd`, in event time: a longer grace would have kept that window. */
  readonly lateBy: Millis
  /** Counted in another window of this output, or in another output, as far as the page knows that. */
  readonly countedElsewhere: boolean
  /** `hashText` of the key of the record's group: the verdict stays with the group when its page is split. */
  readonly hash: number
}

/** By output index: group key → accumulator states in the order of the output's aggregates. */
export type SliceState = (Map<string, unknown[]> | undefined)[]

/**
 * Records of one slice that came after some of its windows had been closed for good: they count in the windows that end after
 * `missedUpTo`, and in no other, whenever those are computed. What the late table says of them stays true.
 */
export interface LateSlice {
  readonly start: EpochMillis
  readonly missedUpTo: EpochMillis
  readonly state: SliceState
}

/** The window state of one span of event time of one partition: the body of one fenced item. */
export interface Page {
  /** By slice start. */
  readonly slices: Map<number, SliceState>
  readonly lateSlices: LateSlice[]
  late: LateEntry[]
}

export interface PageCodec {
  encode(page: Page): Uint8Array
  /** @throws SluiceError STATE_CORRUPT */
  decode(bytes: Uint8Array): Page
  empty(): Page
}

/** First byte of an encoded page. */
const VERSION = 3

/**
 * The codec of the pages of a plan's window outputs. A page holds, after its version: per output a dictionary of its group
 * keys; per slice, ascending, its distance to the one before and per output the keys (their numbers) with their states; the
 * late slices, in the order in which they came; the late entries. All as varints: a group with one count takes 2 or 3 bytes, a key its text once a page.
 */
export function pageCodec(outputs: readonly WindowOutput[], fields: Fields): PageCodec {
  const aggregates = outputs.map((output) => aggregatesOf(output, fields))
  return {
    encode: (page) => {
      const writer = new ByteWriter(4096)
      writer.varint(VERSION)
      writer.varint(outputs.length)
      encodeSlices(page, aggregates, writer)
      encodeLate(page.late, writer)
      return writer.finish()
    },
    decode: (bytes) => {
      const reader = new ByteReader(bytes)
      expectSame('version', VERSION, reader.varint())
      expectSame('number of outputs', outputs.length, reader.varint())
      return { ...decodeSlices(aggregates, reader), late: decodeLate(reader) }
    },
    empty: () => ({ slices: new Map(), lateSlices: [], late: [] }),
  }
}

type Aggregates = readonly Aggregate<unknown>[]

function expectSame(what: string, expected: number, found: number): void {
  if (expected === found) return
  throw new SluiceError(
    'STATE_CORRUPT',
    `A page of window state has ${what} ${found}, expected ${expected}. It was written by another version of Sluice or of the ` +
      'pipeline: run that one, or rebuild the windows from bronze.',
  )
}

/** The number of each key of one output, in the order of appearance. */
type KeyNumbers = Map<string, number>

function encodeSlices(page: Page, aggregates: readonly Aggregates[], writer: ByteWriter): void {
  const starts = [...page.slices.keys()].sort((a, b) => a - b)
  const unit = starts.reduce((common, start) => gcd(start, common), 0)
  const numbers = aggregates.map((): KeyNumbers => new Map())
  const slices = new ByteWriter(4096)
  slices.varint(starts.length)
  slices.varint(unit)
  let previous = 0
  for (const start of starts) {
    // A unit of 0 means that the only slice starts at 0.
    slices.zigzag(unit === 0 ? 0 : (start - previous) / unit)
    previous = start
    const state = page.slices.get(start)!
    encodeState(state, numbers, aggregates, slices)
  }
  slices.varint(page.lateSlices.length)
  for (const { start, missedUpTo, state } of page.lateSlices) {
    slices.zigzag(start)
    slices.zigzag(missedUpTo - start)
    encodeState(state, numbers, aggregates, slices)
  }
  for (const known of numbers) encodeKeys([...known.keys()], writer)
  writer.raw(slices.finish())
}

/** Their lengths in UTF-16 units, then all texts as one: encoding many short texts one by one costs more than all the rest. */
function encodeKeys(keys: readonly string[], writer: ByteWriter): void {
  writer.varint(keys.length)
  for (const key of keys) writer.varint(key.length)
  writer.text(keys.join(''))
}

function decodeKeys(reader: ByteReader): readonly string[] {
  const lengths: number[] = []
  for (let count = reader.varint(); count > 0; count--) lengths.push(reader.varint())
  const texts = reader.text()
  let end = 0
  return lengths.map((length) => {
    end += length
    return texts.slice(end - length, end)
  })
}

function encodeState(
  state: SliceState,
  numbers: readonly KeyNumbers[],
  aggregates: readonly Aggregates[],
  writer: ByteWriter,
): void {
  for (let output = 0; output < aggregates.length; output++) {
    encodeGroups(state[output], numbers[output]!, aggregates[output]!, writer)
  }
}

function encodeGroups(
  groups: Map<string, unknown[]> | undefined,
  numbers: KeyNumbers,
  aggregates: Aggregates,
  writer: ByteWriter,
): void {
  writer.varint(groups?.size ?? 0)
  if (groups === undefined) return
  for (const [key, states] of groups) {
    let number = numbers.get(key)
    if (number === undefined) {
      number = numbers.size
      numbers.set(key, number)
    }
    writer.varint(number)
    for (let i = 0; i < aggregates.length; i++) aggregates[i]!.encode(states[i], writer)
  }
}

function decodeSlices(aggregates: readonly Aggregates[], reader: ByteReader): Pick<Page, 'slices' | 'lateSlices'> {
  const keys = aggregates.map(() => decodeKeys(reader))
  const decodeState = (): SliceState => aggregates.map((own, output) => decodeGroups(keys[output]!, own, reader))
  const slices = new Map<number, SliceState>()
  let count = reader.varint()
  const unit = reader.varint()
  for (let start = 0; count > 0; count--) {
    start += reader.zigzag() * unit
    slices.set(start, decodeState())
  }
  const lateSlices: LateSlice[] = []
  for (let left = reader.varint(); left > 0; left--) {
    const start = reader.zigzag()
    lateSlices.push({ start, missedUpTo: start + reader.zigzag(), state: decodeState() })
  }
  return { slices, lateSlices }
}

function decodeGroups(
  keys: readonly string[],
  aggregates: Aggregates,
  reader: ByteReader,
): Map<string, unknown[]> | undefined {
  let count = reader.varint()
  if (count === 0) return undefined
  const groups = new Map<string, unknown[]>()
  for (; count > 0; count--) {
    const key = keys[reader.varint()]
    if (key === undefined) {
      throw new SluiceError(
        'STATE_CORRUPT',
        'A page of window state names a group that it does not list. Restore the state from a backup or rebuild it from bronze.',
      )
    }
    const states = new Array<unknown>(aggregates.length)
    for (let i = 0; i < aggregates.length; i++) states[i] = aggregates[i]!.decode(reader)
    groups.set(key, states)
  }
  return groups
}

function encodeLate(late: readonly LateEntry[], writer: ByteWriter): void {
  writer.varint(late.length)
  let offset = 0
  let eventTime = 0
  for (const entry of late) {
    writer.zigzag(entry.offset - offset)
    writer.zigzag(entry.eventTime - eventTime)
    writer.varint(entry.output * 2 + (entry.countedElsewhere ? 1 : 0))
    writer.varint(entry.windowsMissed)
    writer.zigzag(entry.eventTime - entry.firstStart)
    writer.zigzag(entry.lastEnd - entry.eventTime)
    writer.varint(entry.lateBy)
    writer.varint(entry.hash)
    offset = entry.offset
    eventTime = entry.eventTime
  }
}

function decodeLate(reader: ByteReader): LateEntry[] {
  const late: LateEntry[] = []
  let offset = 0
  let eventTime = 0
  for (let count = reader.varint(); count > 0; count--) {
    offset += reader.zigzag()
    eventTime += reader.zigzag()
    const outputAndCounted = reader.varint()
    late.push({
      offset,
      eventTime,
      output: Math.floor(outputAndCounted / 2),
      countedElsewhere: outputAndCounted % 2 === 1,
      windowsMissed: reader.varint(),
      firstStart: eventTime - reader.zigzag(),
      lastEnd: eventTime + reader.zigzag(),
      lateBy: reader.varint(),
      hash: reader.varint(),
    })
  }
  return late
}
