import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PAGE_LIMITS, type PageLimits } from '#runtime/page-node.ts'
import { SplitWorld, TINY, type Visit } from './split-world.ts'

const visit = fc.record({
  minute: fc.integer({ min: 0, max: 240 }),
  door: fc.integer({ min: 0, max: 30 }),
  badge: fc.integer({ min: 0, max: 8 }),
})

interface Delivery {
  readonly poller: number
  readonly back: number
  readonly size: number
  readonly mark: number | null
  /** Another poller delivers just before this call of the delivery. */
  readonly at: number
  readonly meanwhile: {
    readonly poller: number
    readonly back: number
    readonly size: number
    readonly mark: number
  } | null
}

const poller = fc.integer({ min: 0, max: 2 })
const back = fc.integer({ min: 0, max: 30 })
const size = fc.integer({ min: 1, max: 60 })
const mark = fc.integer({ min: 0, max: 300 })
const delivery: fc.Arbitrary<Delivery> = fc.record({
  poller,
  back,
  size,
  mark: fc.option(mark, { freq: 2 }),
  at: fc.integer({ min: 0, max: 60 }),
  meanwhile: fc.option(fc.record({ poller, back, size, mark })),
})

/** Delivers as at-least-once delivery may: never beyond what was done and comes next, and other pollers at any call. */
async function run(visits: readonly Visit[], deliveries: readonly Delivery[]): Promise<SplitWorld> {
  const world = await SplitWorld.open(visits)
  const pollers = [world.poller(), world.poller(), world.poller()]
  const busy = new Set<number>()
  let applied = 0
  const deliver = async (number: number, back: number, size: number): Promise<void> => {
    if (busy.has(number)) return
    busy.add(number)
    const from = Math.max(0, applied - back)
    const to = Math.min(visits.length, from + size)
    if (from < to) await pollers[number]!.apply(from, to)
    applied = Math.max(applied, to)
    busy.delete(number)
  }
  for (const { poller, back, size, mark, at, meanwhile } of deliveries) {
    if (mark !== null) await world.raiseMark(mark)
    const { calls } = pollers[poller]!
    calls.clear()
    if (meanwhile !== null) {
      calls.plan(calls.calls.length + at, async () => {
        await world.raiseMark(meanwhile.mark)
        await deliver(meanwhile.poller, meanwhile.back, meanwhile.size)
      })
    }
    await deliver(poller, back, size)
    calls.clear()
  }
  if (applied < visits.length) await world.poller().apply(applied, visits.length)
  return world
}

describe('pages that are split', () => {
  it('hold each record once, or say that it is late, whatever is delivered how often by whom', async () => {
    let split = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(visit, { minLength: 1, maxLength: 150 }),
        fc.array(delivery, { maxLength: 12 }),
        async (visits, deliveries) => {
          const world = await run(visits, deliveries)
          await world.check()
          if ((await world.items()).pieces > 0) split++
        },
      ),
      { numRuns: 60 },
    )
    expect(split).toBeGreaterThan(20)
  })

  const visits = (count: number): readonly Visit[] =>
    Array.from({ length: count }, (_, i) => ({ minute: (i * 37) % 110, door: (i * 7) % 31, badge: (i * 5) % 9 }))

  it('are whole after a fault in any call of a batch that splits them, and the next batch goes on from there', async () => {
    const all = visits(40)
    const probe = (await SplitWorld.open(all)).poller()
    await probe.apply(0, 26)
    const { calls } = probe.calls
    expect(calls.filter(({ name }) => name.includes('/leaves ')).length).toBeGreaterThan(15)
    for (const [number, { write }] of calls.entries()) {
      for (const fault of write ? (['fails', 'lost'] as const) : (['fails'] as const)) {
        for (const goesOn of [true, false]) {
          const world = await SplitWorld.open(all)
          const first = world.poller()
          first.calls.plan(number, fault)
          await first.apply(0, 26).catch(() => {})
          first.calls.clear()
          const next = goesOn ? first : world.poller()
          // The marks of a close in between make the redelivered records late, had they not been folded.
          await world.raiseMark(400)
          await next.apply(0, 26)
          await next.apply(20, 40)
          await world.check()
        }
      }
    }
  }, 60_000)

  it('close to the rows that whole pages close to, corrections included, and expire with their pieces', async () => {
    const closedRows = async (limits: PageLimits): Promise<readonly (readonly string[])[]> => {
      const world = await SplitWorld.open(visits(120), limits)
      const { apply } = world.poller()
      await apply(0, 60)
      const closed = [await world.close(60, false)]
      await apply(60, 90)
      closed.push(await world.close(90, false))
      await apply(90, 120)
      closed.push(await world.close(120, true))
      const { pieces } = await world.items()
      expect(pieces > 0).toBe(limits === TINY)
      closed.push(await world.close(120, false, 500))
      // What is settled is known by the close before.
      expect(await world.close(120, false, 900)).toEqual([])
      expect(await world.items()).toMatchObject({ pages: 0, pieces: 0 })
      return closed
    }
    const [split, whole] = [await closedRows(TINY), await closedRows(PAGE_LIMITS)]
    expect(split).toEqual(whole)
    expect(split.map((rows) => rows.length > 0)).toEqual([true, true, true, false])
    expect(split[1]!.some((row) => row.includes('"revision":1'))).toBe(true)
  })

  //   noon ── many ──┤ page ├ 5 ── 25 ── 45 ── 65 ── 80 ┤   closed to 90; −10 joins what is open, in a page that has expired
  it('are written anew after they have expired, also by a poller that remembers them', async () => {
    const crowd = Array.from({ length: 40 }, (_, i) => ({ minute: 20 + (i % 30), door: i % 3, badge: i }))
    const stay = [5, 25, 45, 65, 80].map((minute) => ({ minute: 120 + minute, door: 0, badge: 1 }))
    const before = crowd.length + stay.length
    const all = [...crowd, ...stay, { minute: 110, door: 0, badge: 1 }]
    const world = await SplitWorld.open(all)
    const { apply } = world.poller()
    await apply(0, before)
    const { pieces } = await world.items()
    for (const after of [100, 130]) await world.close(before, false, after)
    expect((await world.items()).pieces).toBeLessThan(pieces)
    await apply(before, all.length)
    const rows = await world.close(all.length, true, 400)
    const stays = rows.filter((row) => row.includes('stays')).map((row) => JSON.parse(JSON.parse(row).values[0]).values)
    expect(stays.map((ids) => ids.toSorted())).toEqual([[40, 41, 42, 43, 44, 45]])
  })

  it('stay small, however many groups there are', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => ({ minute: i % 120, door: i, badge: i }))
    const world = await SplitWorld.open(many)
    const { apply } = world.poller()
    for (let from = 0; from < many.length; from += 1000) await apply(from, from + 1000)
    await world.check()
    const { largest, pieces } = await world.items()
    expect(largest).toBeLessThanOrEqual(TINY.split + 120)
    expect(pieces).toBeGreaterThan(1000)
  }, 60_000)

  it('are split by time where a group is alone, and refused where that doesn’t help either', async () => {
    const one = Array.from({ length: 400 }, (_, i) => ({ minute: (i * 13) % 120, door: 1, badge: 1 }))
    const world = await SplitWorld.open(one)
    await world.poller().apply(0, 400)
    await world.check()
    const full = await SplitWorld.open(one, { ...TINY, hard: 300 })
    await expect(full.poller().apply(0, 400)).rejects.toMatchObject({
      code: 'STATE_ITEM_FULL',
      message: expect.stringContaining('Expected the state of one group in one slice of a window to fit into'),
    })
  })
})
