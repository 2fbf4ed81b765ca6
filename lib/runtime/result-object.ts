import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { HashRange } from '#runtime/hash-range.ts'
import { decodeValues, encodeValues } from '#runtime/json-body.ts'
import type { Scope } from '#runtime/keys.ts'
import type { Runtime } from '#runtime/runtime.ts'

/**
 * What a line of a result says of a row: it is published, it is published while its window is open, it is withdrawn, or it is only
 * remembered (a session that `where` refuses has bounds, and they count). What is remembered reaches no sink.
 */
export type RowState = 'published' | 'running' | 'withdrawn' | 'remembered'

/** It holds: `where` has let it pass. */
export const isShown = ({ state }: Pick<StoredRow, 'state'>): boolean => state === 'published' || state === 'running'

/** A row of a result object. */
export interface StoredRow {
  /** Name of the output. */
  readonly output: string
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly key: string
  readonly revision: number
  readonly state: RowState
  readonly values: readonly unknown[]
}

/** One object of a result: rows of the groups whose keys have these hashes. */
export interface ResultPart extends HashRange {
  readonly path: string
}

interface Head extends HashRange {
  readonly result: 1
  /** Of a result of several objects: the others, which were written before this one. In order of their hashes. */
  readonly parts: readonly ResultPart[]
}

const STATES: readonly RowState[] = ['withdrawn', 'published', 'remembered', 'running']

/** Bytes of an object, about: what is written and read at once. */
export const PART_BYTES = 1 << 20

/** Where the objects of results lie. */
export const resultFolder = ({ plan, fingerprint }: Scope): string => `_sluice/${plan.name}/results/${fingerprint}/`

/** Number of the close that wrote the object; NaN for another name. */
export const seqOfPath = (path: string): number => Number.parseInt(path.slice(path.lastIndexOf('/') + 1), 10)

/**
 * Writes the rows of one close as they come: JSON, a line a row, in objects of about 1 MB. The last one names the others, and the
 * result is known by it. Nobody sees any of them before the close item names it.
 */
export class ResultWriter {
  readonly #runtime: Runtime
  readonly #stem: string
  readonly #partBytes: number
  readonly #parts: ResultPart[] = []
  #lines: string[] = []
  #length = 0
  #window = ''
  #range: { from: number; to: number } | null = null
  /** Rows and characters that were taken. */
  rows = 0
  bytes = 0

  constructor(runtime: Runtime, seq: number, partBytes: number = PART_BYTES) {
    this.#runtime = runtime
    this.#stem = `${resultFolder(runtime)}${String(seq).padStart(12, '0')}-${runtime.ids.next()}`
    this.#partBytes = partBytes
  }

  /** Rows of the groups in the range. Ranges come in order; one that goes back begins another object. */
  async add(range: HashRange, rows: readonly StoredRow[]): Promise<void> {
    if (rows.length > 0 && this.#range !== null && range.from < this.#range.from) await this.#flush()
    for (const row of rows) {
      if (this.#length >= this.#partBytes) await this.#flush()
      this.#widen(range)
      this.#write(row)
    }
  }

  /** Path of the result; null when there was no row. */
  async finish(): Promise<string | null> {
    if (this.rows === 0) return null
    const path = `${this.#stem}.jsonl`
    await this.#put(path, this.#parts)
    return path
  }

  #write({ output, start, end, key, revision, state, values }: StoredRow): void {
    const window = JSON.stringify([output, start, end])
    if (window !== this.#window) this.#line(window)
    this.#window = window
    this.#line(`[${STATES.indexOf(state)},${revision},${JSON.stringify(key)},${encodeValues(values)}]`)
    this.rows++
  }

  #line(text: string): void {
    this.#lines.push(text)
    this.#length += text.length + 1
  }

  #widen({ from, to }: HashRange): void {
    if (this.#range === null) this.#range = { from, to }
    else this.#range.to = to
  }

  async #flush(): Promise<void> {
    const path = `${this.#stem}.part-${String(this.#parts.length + 1).padStart(6, '0')}.jsonl`
    const range = this.#range!
    await this.#put(path, [])
    this.#parts.push({ path, from: range.from, to: range.to })
  }

  async #put(path: string, parts: readonly ResultPart[]): Promise<void> {
    const { from, to } = this.#range!
    const head: Head = { result: 1, from, to, parts }
    const lines = [JSON.stringify(head), ...this.#lines, '']
    this.bytes += this.#length
    this.#lines = []
    this.#length = 0
    this.#window = ''
    this.#range = null
    await this.#runtime.store.put(path, new TextEncoder().encode(lines.join('\n')))
  }
}

/** A result as it was opened: what its last object holds, and where the rest is. */
export interface OpenedResult {
  readonly parts: readonly ResultPart[]
  readonly last: ResultPart
  /** Text of the last object. */
  readonly text: string
}

/** One GET. @throws SluiceError OBJECT_NOT_FOUND, STATE_CORRUPT */
export async function openResult(runtime: Runtime, path: string): Promise<OpenedResult> {
  const text = await textOf(runtime, path)
  const { from, to, parts } = headOf(text, path)
  return { parts, last: { path, from, to }, text }
}

/** Rows of one object. @throws SluiceError STATE_CORRUPT */
export function* rowsIn(text: string, path: string): Generator<StoredRow> {
  let at = text.indexOf('\n') + 1
  let output = ''
  let start = 0
  let end = 0
  while (at < text.length) {
    const stop = text.indexOf('\n', at)
    const line = parsed(text.slice(at, stop), path)
    at = stop + 1
    if (typeof line[0] === 'string') {
      ;[output, start, end] = line as [string, number, number]
      continue
    }
    const [state, revision, key, values] = line as [number, number, string, readonly unknown[]]
    yield { output, start, end, key, revision, state: STATES[state]!, values }
  }
}

/** All rows of a result, an array an object; one GET each. */
export async function* resultRows(runtime: Runtime, path: string): AsyncGenerator<readonly StoredRow[]> {
  const { parts, text } = await openResult(runtime, path)
  for (const part of parts) yield [...rowsIn(await textOf(runtime, part.path), part.path)]
  yield [...rowsIn(text, path)]
}

/** One GET. */
export async function textOf(runtime: Runtime, path: string): Promise<string> {
  return new TextDecoder().decode(await runtime.store.get(path))
}

/** The last object goes last: as long as it is there, it names the others. */
export async function deleteResult(runtime: Runtime, path: string): Promise<void> {
  const opened = await openResult(runtime, path).catch((error: unknown) => {
    if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
    return null
  })
  for (const part of opened?.parts ?? []) await runtime.store.delete(part.path)
  await runtime.store.delete(path)
}

function headOf(text: string, path: string): Head {
  const head = parsed<Partial<Head>>(text.slice(0, text.indexOf('\n')), path)
  if (head.result !== 1) throw damaged(path)
  return head as Head
}

function parsed<T = readonly unknown[]>(line: string, path: string): T {
  try {
    return decodeValues<T>(line)
  } catch (cause) {
    throw damaged(path, cause)
  }
}

function damaged(path: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'STATE_CORRUPT',
    `Expected result rows as lines of JSON in ${path}, found something else. Restore the object, or rebuild the windows from bronze.`,
    { cause, details: { path } },
  )
}
