import { expect } from 'vitest'
import { hashText } from '#core/hash.ts'
import { type EpochMillis, HOUR, MINUTE } from '#core/time.ts'
import { createTables } from '#local/ports.ts'
import { fieldsAfter, isWindowOutput } from '#plan/plan.ts'
import { closeStage } from '#runtime/close.ts'
import { pageBuckets } from '#runtime/close-pages.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { addDirty } from '#runtime/dirty.ts'
import { isWithin } from '#runtime/hash-range.ts'
import { dirtyGroup, leafGroup, pageGroup } from '#runtime/keys.ts'
import type { PageLimits } from '#runtime/page-node.ts'
import { preparer } from '#runtime/prepare.ts'
import { raiseBounds } from '#runtime/raise-bounds.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { windowsStage } from '#runtime/windows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { type Page, type PageCodec, pageCodec, type SliceState } from '#window/page.ts'
import { sliceLayout, sliceStart } from '#window/slices.ts'
import { windowsContaining } from '#window/windows.ts'
import { c, delta, kafka, pipeline, session, sliding, tumbling } from '../../lib/index.ts'
import { readRun, testWorld } from '../../lib/testing/index.ts'
import { faultyState, faultyStore, PortCalls, type Ports } from '../support/faulty-ports.ts'
import { recordsOf } from '../support/json-records.ts'
import { MemorySqlSink } from '../support/memory-sql-sink.ts'

const visits = kafka.topic('visits', {
  schema: { id: c.long(), at: c.timestamp(), door: c.string(), badge: c.string() },
  eventTime: 'at',
  outOfOrder: '2 hours',
  partitions: 1,
})

/** The accumulator that is a list of offsets: nothing may be missing, nothing may be there twice. */
export const plan = pipeline('visits', {
  by_door: visits
    .groupBy('door')
    .window(tumbling('30 minutes', { grace: '30 minutes' }))
    .aggregate((a) => ({ ids: a.collect('id', { limit: 1000 }) }))
    .into(delta.table('gold.by_door')),
  by_badge: visits
    .groupBy('badge', 'door')
    .window(sliding('1 hour', { every: '30 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({ ids: a.collect('id', { limit: 1000 }) }))
    .into(delta.table('gold.by_badge')),
  stays: visits
    .groupBy('badge')
    .window(session('30 minutes', { grace: '0 seconds' }))
    .aggregate((a) => ({ ids: a.collect('id', { limit: 1000 }) }))
    .into(delta.table('gold.stays')),
})

const OUTPUTS = plan.outputs.filter(isWindowOutput)
const LAYOUT = sliceLayout(
  OUTPUTS.map(({ window }) => window),
  plan.topic.outOfOrder,
)

export const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)
const NOW: EpochMillis = Date.UTC(2030, 0, 1)
export const TINY: PageLimits = { split: 220, splitPlain: 400, hard: 100_000 }

export interface Visit {
  /** Minutes after noon. */
  readonly minute: number
  readonly door: number
  readonly badge: number
}

/** Pollers of one partition that may overtake each other, over state that splits its pages early. */
export class SplitWorld {
  readonly visits: readonly Visit[]
  readonly runtime: Runtime
  readonly #codec: PageCodec
  readonly #limits: PageLimits

  private constructor(visits: readonly Visit[], runtime: Runtime, limits: PageLimits) {
    this.visits = visits
    this.runtime = runtime
    this.#limits = limits
    this.#codec = pageCodec(OUTPUTS, fieldsAfter(plan, 0))
  }

  static async open(visits: readonly Visit[], limits: PageLimits = TINY): Promise<SplitWorld> {
    const { runtime } = testWorld(plan, { partitions: 1, now: NOW })
    await createTables(runtime)
    return new SplitWorld(visits, runtime, limits)
  }

  /** A process with nothing in memory, and the calls that it makes. */
  poller(): { readonly calls: PortCalls<Ports>; readonly apply: (from: number, to: number) => Promise<void> } {
    const { store, state } = this.runtime
    // No stage here reads the topic.
    const calls = new PortCalls<Ports>({ store, state, sql: new MemorySqlSink(), topic: undefined as never })
    const runtime = { ...this.runtime, store: faultyStore(calls), state: faultyState(calls) }
    const stage = windowsStage(runtime, preparer(plan), async () => {}, this.#limits)
    return { calls, apply: (from, to) => stage.handle([this.#batch(from, to)]) }
  }

  raiseMark(minute: number): Promise<void> {
    return raiseBounds(this.runtime.state, this.runtime, { mark: NOON + minute * MINUTE, ended: {} })
  }

  /** Rows of a close, in no order. The watermark is moved by the clock: so many minutes after the newest record, less `outOfOrder`. */
  async close(end: number, endOfInput: boolean, after = 130): Promise<readonly string[]> {
    const clock = { ...this.runtime.clock, now: () => NOW + after * MINUTE }
    const stage = closeStage({ ...this.runtime, clock })
    const { rows } = await stage.run({ endOffsets: async () => [end], endOfInput })
    await stage.run({ endOffsets: async () => [end], endOfInput })
    return rows.map((row) => JSON.stringify(row)).sort()
  }

  /** Adds so many dirty windows, of no records, that none is named any more. */
  async forgetNames(): Promise<void> {
    const window = { start: NOON, end: NOON + HOUR }
    const many = Array.from({ length: 2000 }, (_, i) => ({ output: 2, window, key: `sbadge none ${i}` }))
    await addDirty(this.runtime.state, dirtyGroup(this.runtime), 0, many)
  }

  #batch(from: number, to: number): RecordBatch {
    const values = this.visits.slice(from, to).map(({ minute, door, badge }, i) =>
      JSON.stringify({
        id: from + i,
        at: new Date(NOON + minute * MINUTE).toISOString(),
        door: `door ${door}`,
        badge: `badge ${badge}`,
      }),
    )
    return {
      ...recordsOf(values),
      topic: 'visits',
      partition: 0,
      offsets: Float64Array.from(values, (_, i) => from + i),
      timestamps: new Float64Array(values.length).fill(NOW),
    }
  }

  /** How many items hold pages and pieces, and the largest of them. */
  async items(): Promise<{ readonly pages: number; readonly pieces: number; readonly largest: number }> {
    const { state } = this.runtime
    const pages = await state.list(pageGroup(this.runtime))
    const pieces = await state.list(leafGroup(this.runtime))
    return {
      pages: pages.length,
      pieces: pieces.length,
      largest: Math.max(0, ...[...pages, ...pieces].map(({ body }) => body.length)),
    }
  }

  /** Every record is in its slice of each output once, unless a late row says that it missed all of its windows; never both. */
  async check(): Promise<void> {
    const found = OUTPUTS.map(() => new Map<number, string>())
    const range = [{ from: null, to: Math.ceil((NOON + 1000 * HOUR) / LAYOUT.span) }]
    for await (const { hashes, pages } of pageBuckets(
      { runtime: this.runtime, codec: this.#codec, layout: LAYOUT },
      range,
    )) {
      for (const page of pages) {
        for (const { start, state } of slicesOf(page)) this.#note(start, state, hashes, found)
      }
    }
    await commitAccepted(this.runtime)
    const late = (await readRun(this.runtime)).rows('late.visits')
    const lateKeys = late.map((row) => `${row['offset']} ${row['output']}`)
    expect(new Set(lateKeys).size, 'each late record once an output').toBe(lateKeys.length)
    OUTPUTS.forEach(({ name, window }, output) => {
      this.visits.forEach((visit, offset) => {
        const time = NOON + visit.minute * MINUTE
        const row = late.find((one) => one['offset'] === offset && one['output'] === name)
        const missed = Number(row?.['windows_missed'] ?? 0)
        const isLate = missed >= windowsContaining(window, sliceStart(LAYOUT, time)).length
        const key = this.#keyOf(output, visit)
        const expected = isLate ? undefined : `${sliceStart(LAYOUT, time)} ${key}`
        expect(found[output]!.get(offset), `${name}: record ${offset}, late: ${isLate}`).toBe(expected)
      })
    })
  }

  #keyOf(output: number, { door, badge }: Visit): string {
    if (output === 0) return `sdoor ${door}`
    return output === 1 ? `sbadge ${badge}\u0000sdoor ${door}` : `sbadge ${badge}`
  }

  #note(
    start: number,
    state: SliceState,
    hashes: Parameters<typeof isWithin>[1],
    found: readonly Map<number, string>[],
  ) {
    state.forEach((groups, output) => {
      for (const [key, states] of groups ?? []) {
        expect(isWithin(hashText(key), hashes), `${key} is in the piece of its hash`).toBe(true)
        const { items } = states.at(-1) as { readonly items: readonly { readonly value: number }[] }
        for (const { value } of items) {
          expect(found[output]!.has(value), `record ${value} twice in ${OUTPUTS[output]!.name}`).toBe(false)
          found[output]!.set(value, `${start} ${key}`)
        }
      }
    })
  }
}

function slicesOf({ slices, lateSlices }: Page): readonly { readonly start: number; readonly state: SliceState }[] {
  return [...[...slices].map(([start, state]) => ({ start, state })), ...lateSlices]
}
