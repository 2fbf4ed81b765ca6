import { hashText } from '#core/hash.ts'
import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { ALL_HASHES, type HashRange, isWithin, overlap } from '#runtime/hash-range.ts'
import { openResult, PART_BYTES, ResultWriter, rowsIn, type StoredRow, textOf } from '#runtime/result-object.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type EndRange, EndRanges } from '#runtime/time-ranges.ts'
import { isSettled } from '#window/sessions.ts'
import type { WindowBounds } from '#window/windows.ts'

/** A result that still has rows of windows which can change. */
export interface PublishedResult {
  readonly path: string
  /** Made of others: no sink waits for it. */
  readonly merged?: true
  readonly bytes: number
  /** By output name: when its windows end. */
  readonly ends: Readonly<Record<string, readonly EndRange[]>>
}

/** So many results are named at most; then some are merged into one. */
const RESULTS_MAX = 16
const MERGED_AT_ONCE = 8
/** Ranges of an output in a result: few outputs may have more. */
const RANGES_MAX = 4

export const windowId = ({ start, end }: WindowBounds): string => `${start} ${end}`

/** Bounds by which the row's window closes, whatever `window_end` is. */
export function closingBounds({ window }: WindowOutput, { start, end }: WindowBounds): WindowBounds {
  return { start, end: window.kind === 'session' && window.end === 'last event' ? end + window.gap : end }
}

/** No record can change the output's windows with this end. */
export function isBeyondGrace({ window }: WindowOutput, end: EpochMillis, settled: EpochMillis): boolean {
  if (window.kind === 'session') return isSettled(window, end, settled - window.grace)
  return end + window.grace <= settled
}

/** Writes a result and notes when its windows end. */
export class PublishedWriter {
  readonly #writer: ResultWriter
  readonly #outputs: ReadonlyMap<string, WindowOutput>
  readonly #ends = new Map<string, EndRanges>()
  #last = ''

  constructor(runtime: Runtime, seq: number, outputs: readonly WindowOutput[]) {
    this.#writer = new ResultWriter(runtime, seq)
    this.#outputs = new Map(outputs.map((output) => [output.name, output]))
  }

  get rows(): number {
    return this.#writer.rows
  }

  add(range: HashRange, rows: readonly StoredRow[]): Promise<void> {
    for (const row of rows) {
      const window = `${row.output} ${row.start} ${row.end}`
      if (window === this.#last) continue
      this.#last = window
      const { start, end } = closingBounds(this.#outputs.get(row.output)!, row)
      const ends = this.#ends.get(row.output) ?? new EndRanges()
      this.#ends.set(row.output, ends)
      ends.add({ start, first: end, last: end })
    }
    return this.#writer.add(range, rows)
  }

  /** Null when there was no row. */
  async finish(): Promise<PublishedResult | null> {
    const path = await this.#writer.finish()
    if (path === null) return null
    const count = this.#ends.size <= RANGES_MAX ? RANGES_MAX : 1
    const ends = Object.fromEntries([...this.#ends].map(([name, own]) => [name, own.summary(count)]))
    return { path, bytes: this.#writer.bytes, ends }
  }
}

/** Says which published rows somebody wants. */
export interface Wanted {
  /** Whether any window in the range may be wanted. */
  range(output: string, range: EndRange): boolean
  /** `bounds` by which the window closes. */
  window(output: string, bounds: WindowBounds): boolean
}

/** An object that may hold rows, and those rows while their hashes are asked for. */
interface Source extends HashRange {
  readonly path: string
  rows: readonly HashedRow[] | null
}

interface HashedRow {
  readonly hash: number
  readonly row: StoredRow
}

/** Reads published rows by the hashes of their keys, from the lowest to the highest. One GET an object, if any is wanted. */
export class PublishedReader {
  readonly #runtime: Runtime
  readonly #wanted: (row: StoredRow) => boolean
  /** Oldest result first. */
  readonly #sources: Source[]

  private constructor(runtime: Runtime, sources: Source[], wanted: (row: StoredRow) => boolean) {
    this.#runtime = runtime
    this.#sources = sources
    this.#wanted = wanted
  }

  static async open(
    runtime: Runtime,
    outputs: readonly WindowOutput[],
    results: readonly PublishedResult[],
    wanted: Wanted,
  ): Promise<PublishedReader> {
    const byName = new Map(outputs.map((output) => [output.name, output]))
    const isWanted = (row: StoredRow): boolean => wanted.window(row.output, closingBounds(byName.get(row.output)!, row))
    const sources: Source[] = []
    const reader = new PublishedReader(runtime, sources, isWanted)
    for (const { path, ends } of results) {
      const may = Object.entries(ends).some(([name, ranges]) => ranges.some((range) => wanted.range(name, range)))
      if (!may) continue
      const { parts, last, text } = await openResult(runtime, path)
      for (const part of parts) sources.push({ ...part, rows: null })
      sources.push({ ...last, rows: reader.#rowsOf(text, path) })
    }
    return reader
  }

  /** Where objects begin and end: between two neighbours no object begins. */
  get bounds(): readonly number[] {
    const bounds = new Set([ALL_HASHES.from, ALL_HASHES.to])
    for (const { from, to } of this.#sources) bounds.add(from).add(to)
    return [...bounds].sort((a, b) => a - b)
  }

  /** Rows whose keys have these hashes, the latest of a row last. Ranges that are asked for ascend. */
  async take(range: HashRange): Promise<readonly StoredRow[]> {
    const found: StoredRow[] = []
    for (const source of this.#sources) {
      if (source.to <= range.from) source.rows = []
      if (!overlap(source, range)) continue
      source.rows ??= this.#rowsOf(await textOf(this.#runtime, source.path), source.path)
      for (const { hash, row } of source.rows) if (isWithin(hash, range)) found.push(row)
    }
    return found
  }

  #rowsOf(text: string, path: string): readonly HashedRow[] {
    const rows: HashedRow[] = []
    for (const row of rowsIn(text, path)) if (this.#wanted(row)) rows.push({ hash: hashText(row.key), row })
    return rows
  }
}

/** Ranges of which some windows are still needed; a result without any goes. */
export function stillNeeded(
  results: readonly PublishedResult[],
  isNeeded: (output: string, last: EpochMillis) => boolean,
): readonly PublishedResult[] {
  return results.filter(({ ends }) =>
    Object.entries(ends).some(([name, ranges]) => ranges.some(({ last }) => isNeeded(name, last))),
  )
}

/**
 * The same rows in fewer results, if there are too many: the neighbours that are smallest together become one, without what is not
 * needed any more. Each row is written anew a few times in its life.
 */
export async function mergedResults(
  runtime: Runtime,
  seq: number,
  outputs: readonly WindowOutput[],
  results: readonly PublishedResult[],
  isNeeded: (output: string, last: EpochMillis) => boolean,
): Promise<readonly PublishedResult[]> {
  if (results.length <= RESULTS_MAX) return results
  const first = smallest(results)
  const merged = results.slice(first, first + MERGED_AT_ONCE)
  const wanted: Wanted = {
    range: (output, { last }) => isNeeded(output, last),
    window: (output, { end }) => isNeeded(output, end),
  }
  const reader = await PublishedReader.open(runtime, outputs, merged, wanted)
  const writer = new PublishedWriter(runtime, seq, outputs)
  const bytes = merged.reduce((sum, one) => sum + one.bytes, 0)
  const bounds = withCuts(reader.bounds, Math.ceil((bytes * CUTS_AN_OBJECT) / PART_BYTES))
  for (let i = 0; i + 1 < bounds.length; i++) {
    const range = { from: bounds[i]!, to: bounds[i + 1]! }
    await writer.add(range, latestOf(await reader.take(range)))
  }
  const result = await writer.finish()
  return [
    ...results.slice(0, first),
    ...(result === null ? [] : [{ ...result, merged: true as const }]),
    ...results.slice(first + MERGED_AT_ONCE),
  ]
}

/** An object begins and ends with one of these ranges: the finer they are, the fewer hashes it has beyond its own. */
const CUTS_AN_OBJECT = 4

/**
 * Cuts all hashes in so many ranges besides. Where no page is split, results have rows of all hashes in each object, and merging what was
 * merged before would have to hold all of it at once.
 */
function withCuts(bounds: readonly number[], count: number): readonly number[] {
  const { from, to } = ALL_HASHES
  const cuts = Array.from({ length: count }, (_, i) => from + Math.floor(((to - from) * i) / count))
  return [...new Set([...bounds, ...cuts])].sort((a, b) => a - b)
}

function smallest(results: readonly PublishedResult[]): number {
  const sizeAt = (first: number): number =>
    results.slice(first, first + MERGED_AT_ONCE).reduce((sum, { bytes }) => sum + bytes, 0)
  let best = 0
  for (let first = 1; first + MERGED_AT_ONCE <= results.length; first++) if (sizeAt(first) < sizeAt(best)) best = first
  return best
}

/** The last version of each row, windows together. */
function latestOf(rows: readonly StoredRow[]): readonly StoredRow[] {
  const latest = new Map<string, Map<string, StoredRow>>()
  for (const row of rows) {
    const window = `${row.output} ${windowId(row)}`
    const own = latest.get(window)
    if (own === undefined) latest.set(window, new Map([[row.key, row]]))
    else own.set(row.key, row)
  }
  return [...latest.values()].flatMap((own) => [...own.values()])
}
