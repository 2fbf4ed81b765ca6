import { describe, expect, it } from 'vitest'
import { MINUTE } from '#core/time.ts'
import { createTables } from '#local/ports.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { Plan } from '#plan/plan.ts'
import { diffRebuild } from '#runtime/diff.ts'
import { epochFingerprint, loadEpochs } from '#runtime/epochs.ts'
import { progressGroup, windowGroups } from '#runtime/keys.ts'
import { beginRebuild, closeRebuild, rebuildRuntime, replayBronze } from '#runtime/rebuild.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { beginSwitch, endSwitch, forget, switchSql, switchTables } from '#runtime/switch.ts'
import { c, delta, kafka, pipeline, postgres, sliding, tumbling } from '../../lib/index.ts'
import { PortCalls } from '../support/faulty-ports.ts'
import { differences } from '../support/table-rows.ts'
import { World } from './world.ts'

const visits = kafka.topic('visits', {
  schema: { id: c.long(), at: c.timestamp(), door: c.string(), seconds: c.int().nullable() },
  eventTime: 'at',
  outOfOrder: '2 minutes',
  partitions: 2,
})

/** Visits a door, counted by windows of so many minutes; one that is too short is no visit. */
function visitsPlan({ minutes, shortest }: { readonly minutes: 10 | 20; readonly shortest: number }): Plan {
  const real = visits.check({ 'long enough': (row) => row.seconds === null || row.seconds >= shortest })
  const counted = real
    .groupBy('door')
    .window(tumbling(`${minutes} minutes`, { grace: '0 seconds' }))
    .aggregate((a) => ({ visits: a.count(), seconds: a.sum('seconds') }))
  const busy = real
    .groupBy('door')
    .window(sliding(`${minutes} minutes`, { every: '5 minutes', grace: '10 minutes' }))
    .aggregate((a) => ({ visits: a.count() }))
    .where((row) => row.visits > 1)
  return pipeline('visits', {
    bronze: visits.into(delta.table('bronze.visits')),
    silver: real.into(delta.table('silver.visits'), postgres.table('visits', { primaryKey: ['id'] })),
    counted: counted.into(delta.table('gold.counted'), postgres.table('counted')),
    busy: busy.into(postgres.table('busy')),
  })
}

const OLD = visitsPlan({ minutes: 10, shortest: 5 })
// Functions that differ in nothing but a constant from outside have one text: the size of the windows tells the plans apart.
const NEW = visitsPlan({ minutes: 20, shortest: 20 })

const START = Date.UTC(2026, 4, 5, 12)

/** One visit every minute or so; every seventh is long before its time. */
const visit = (id: number) => ({
  id,
  at: new Date(START + id * MINUTE - (id % 7 === 6 ? 25 * MINUTE : 0)).toISOString(),
  door: id % 3 === 0 ? 'east' : 'west',
  seconds: id % 5 === 4 ? null : (id * 7) % 50,
})

const FIRST = Array.from({ length: 24 }, (_, id) => visit(id))
const SECOND = Array.from({ length: 24 }, (_, id) => visit(24 + id))

/** A world whose pipeline has another definition one day. */
class ChangingWorld extends World {
  definition = OLD
  epoch = 0

  constructor() {
    super({ plan: NEW, partitions: 2, batchSize: 7 })
  }

  override runtime(calls: PortCalls<World>): Runtime {
    const plan = this.definition
    return { ...super.runtime(calls), plan, fingerprint: epochFingerprint(fingerprint(plan), this.epoch) }
  }

  /** Feeds the records, each to a partition by its number, and applies them; `end` closes every window. */
  async live(records: readonly ReturnType<typeof visit>[], end: boolean): Promise<void> {
    for (const record of records) await this.feedTo(record.id % 2, record)
    const process = await this.process()
    await process.drain()
    await process.keepHouse()
    if (end) await process.finish()
  }
}

async function firstHalf(end = false): Promise<ChangingWorld> {
  const world = new ChangingWorld()
  await world.live(FIRST, end)
  return world
}

/** The definition that is wanted, on the tables and the state that serve. */
function servingRuntime(world: ChangingWorld, calls: PortCalls<World>): Runtime {
  const runtime = world.runtime(calls)
  return { ...runtime, plan: NEW }
}

async function rebuild(world: ChangingWorld, calls = new PortCalls<World>(world)) {
  const serving = servingRuntime(world, calls)
  const { item } = await beginRebuild(serving, fingerprint(NEW))
  const rebuilt = rebuildRuntime(serving, fingerprint(NEW), item.epochs.rebuild!.number)
  await createTables(rebuilt)
  const { records, last } = await replayBronze(serving, rebuilt)
  await closeRebuild(rebuilt, serving, last)
  return { serving, rebuilt, records }
}

async function switchOver(world: ChangingWorld, calls = new PortCalls<World>(world)): Promise<void> {
  const { serving, rebuilt } = await openedRebuild(world, calls)
  const item = await beginSwitch(serving, rebuilt, await loadEpochs(serving))
  await switchTables(serving, rebuilt, rebuilt.rebuild!)
  await switchSql(serving, rebuilt, serving.sql!, rebuilt.rebuild!)
  await endSwitch(serving, item)
  await forget(serving, rebuilt, world.runtime(calls))
}

async function openedRebuild(world: ChangingWorld, calls: PortCalls<World>) {
  const serving = servingRuntime(world, calls)
  const { rebuild: epoch } = (await loadEpochs(serving)).epochs
  return { serving, rebuilt: rebuildRuntime(serving, fingerprint(NEW), epoch!.number) }
}

/** Runs on with the new definition, to the end of input. */
async function secondHalf(world: ChangingWorld): Promise<ChangingWorld> {
  world.definition = NEW
  world.epoch = 1
  await world.live(SECOND, true)
  return world
}

/** What the new definition makes of all records when there never was another one. */
async function fromTheStart(): Promise<ChangingWorld> {
  const world = new ChangingWorld()
  world.definition = NEW
  await world.live(FIRST, false)
  await world.live(SECOND, true)
  return world
}

const OPTIONS = { coordinates: true }

describe('A rebuild from bronze', () => {
  it('touches nothing that serves until it is switched to', async () => {
    const world = await firstHalf()
    const before = await world.contents(OPTIONS)
    const { records } = await rebuild(world)
    expect(records).toBe(FIRST.length)
    expect(differences(await world.contents(OPTIONS), before)).toEqual([])
  })

  it('goes on, once it serves, as if its definition had been there from the start', async () => {
    const world = await firstHalf()
    await rebuild(world)
    await switchOver(world)
    await secondHalf(world)
    const wanted = await fromTheStart()
    expect(differences(await world.contents(OPTIONS), await wanted.contents(OPTIONS))).toEqual([])
  })

  it('adds what bronze got since it was made', async () => {
    const world = await firstHalf()
    await rebuild(world)
    await world.live(SECOND, false)
    const { records } = await rebuild(world)
    expect(records).toBe(SECOND.length)
    await switchOver(world)
    world.definition = NEW
    world.epoch = 1
    await (await world.process()).finish()
    const wanted = await fromTheStart()
    const [found, expected] = [await world.contents(OPTIONS), await wanted.contents(OPTIONS)]
    // What is late depends on how far the windows had been closed when it came.
    expect(differences({ ...found, 'late.visits': [] }, { ...expected, 'late.visits': [] })).toEqual([])
  })

  it('says row by row what it would change', async () => {
    const world = await firstHalf(true)
    const { serving, rebuilt } = await rebuild(world)
    const diffs = new Map((await diffRebuild(serving, rebuilt, 100)).map((diff) => [diff.table, diff]))
    const counted = diffs.get('gold.counted')!
    // Windows of 10 minutes became windows of 20.
    expect(counted.same).toBe(0)
    expect(counted.rows).toHaveLength(counted.onlyServing + counted.onlyRebuilt)
    expect(counted.rows[0]).toMatchObject({ key: { door: 'east' }, rebuilt: null })
    const silver = diffs.get('silver.visits')!
    const short = FIRST.filter(({ seconds }) => seconds !== null && seconds >= 5 && seconds < 20).length
    expect(silver).toMatchObject({ onlyServing: short, onlyRebuilt: 0, changed: 0 })
    expect(diffs.get('quarantine.visits')).toMatchObject({ onlyServing: 0, onlyRebuilt: short })
  })

  it('leaves no state of the epoch that served before', async () => {
    const world = await firstHalf()
    const old = world.runtime(new PortCalls<World>(world))
    expect(await world.state.list(progressGroup(old))).not.toEqual([])
    await rebuild(world)
    await switchOver(world)
    for (const group of windowGroups(old)) expect(await world.state.list(group), group).toEqual([])
    const paths: string[] = []
    for await (const { path } of world.store.list('_sluice/visits/rebuild-')) paths.push(path)
    expect(paths).toEqual([])
  })

  it('takes the place of one that was made for another definition', async () => {
    const world = await firstHalf()
    await rebuild(world)
    const serving = servingRuntime(world, new PortCalls<World>(world))
    const { item, abandoned } = await beginRebuild(serving, 'another definition')
    expect(abandoned).toEqual({ number: 1, fingerprint: fingerprint(NEW) })
    expect(item.epochs.rebuild).toEqual({ number: 2, fingerprint: 'another definition' })
  })

  it('refuses to serve when bronze lacks what was accepted', async () => {
    const world = await firstHalf()
    const { serving } = await rebuild(world)
    await world.live(SECOND, false)
    const { openTable } = await import('#runtime/open-table.ts')
    await (await openTable(serving, 'bronze.visits')).delete({ offset: { gt: 15 } })
    await expect(switchOver(world)).rejects.toMatchObject({
      code: 'REBUILD_INCOMPLETE',
      message:
        'Expected the rebuild of "visits" to have applied partition 0 up to offset 23, found 15: bronze.visits does not have all ' +
        'that was accepted. See whether it was changed by hand; then rebuild anew, from a restored version of it.',
    })
    expect((await loadEpochs(serving)).epochs).toMatchObject({ serving: { number: 0 }, switching: false })
  })

  it('needs a bronze table', async () => {
    const { bronze: _, ...rest } = Object.fromEntries(NEW.outputs.map((output) => [output.name, output]))
    const world = await firstHalf()
    const serving = servingRuntime(world, new PortCalls<World>(world))
    const plan = { ...NEW, outputs: Object.values(rest) }
    const rebuilt = rebuildRuntime(serving, fingerprint(NEW), 1)
    await expect(replayBronze({ ...serving, plan }, rebuilt)).rejects.toMatchObject({
      code: 'REBUILD_NEEDS_BRONZE',
      message:
        'Expected pipeline "visits" to keep its records in a bronze table, found none: there is nothing to rebuild from. Add an ' +
        "output such as `bronze: topic.into(delta.table('bronze.name'))`, and feed the topic again.",
    })
  })

  it('comes to the same tables wherever its process ends', { timeout: 120_000 }, async () => {
    const all = async (world: ChangingWorld, calls: PortCalls<World>): Promise<void> => {
      const { epochs } = await loadEpochs(world.runtime(new PortCalls<World>(world)))
      if (epochs.serving.number === 1) return
      if (!epochs.switching) await rebuild(world, calls)
      await switchOver(world, calls)
    }
    const undisturbed = await firstHalf()
    const counting = new PortCalls<World>(undisturbed)
    await all(undisturbed, counting)
    const wanted = await (await secondHalf(undisturbed)).contents(OPTIONS)
    expect(counting.calls.filter(({ write }) => write).length).toBeGreaterThan(50)
    for (const [number, { name, write }] of counting.calls.entries()) {
      if (!write) continue
      const world = await firstHalf()
      const ended = new PortCalls<World>(world).plan(number, 'lost')
      await all(world, ended).catch(() => all(world, new PortCalls<World>(world)))
      await secondHalf(world)
      expect(differences(await world.contents(OPTIONS), wanted), `ended after call ${number}: ${name}`).toEqual([])
    }
  })
})
