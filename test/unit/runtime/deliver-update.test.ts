import { describe, expect, it } from 'vitest'
import { MINUTE } from '#core/time.ts'
import { DeltaTable } from '#delta/table.ts'
import { createTables } from '#local/ports.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { updateTable } from '#runtime/deliver-update.ts'
import { tableRow, type WindowRow } from '#runtime/results.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { c, delta, type EmitOption, kafka, pipeline, tumbling } from '../../../lib/index.ts'
import { testWorld } from '../../../lib/testing/index.ts'

const NOON = Date.UTC(2026, 4, 5, 12)

const orders = kafka.topic('orders', {
  schema: { at: c.timestamp(), shop: c.string().nullable(), day: c.date(), gift: c.boolean(), cents: c.double() },
  eventTime: 'at',
  outOfOrder: '2 minutes',
})

const planned = (emit: EmitOption) =>
  pipeline('orders', {
    totals: orders
      .groupBy('shop', 'day', 'gift')
      .window(tumbling('10 minutes', { grace: '1 hour' }))
      .aggregate((a) => ({ orders: a.count(), last: a.max('at'), cents: a.sum('cents') }))
      .emit(emit)
      .into(delta.table('gold.totals')),
  })

type State = 'final' | 'running' | 'withdrawn'

const result = (shop: string | null, window: number, orders: number, revision: number, state: State): WindowRow => ({
  output: 'totals',
  start: NOON + window * 10 * MINUTE,
  end: NOON + (window + 1) * 10 * MINUTE,
  group: [shop, 20_578, true],
  values: [orders, NOON + orders, orders / 3],
  revision,
  final: state === 'final',
  ...(state === 'running' ? { running: true as const } : {}),
})

class Table {
  readonly runtime: Runtime
  readonly output: WindowOutput
  readonly table: DeltaTable

  private constructor(runtime: Runtime, output: WindowOutput, table: DeltaTable) {
    this.runtime = runtime
    this.output = output
    this.table = table
  }

  static async of(emit: EmitOption): Promise<Table> {
    const plan = planned(emit)
    const { runtime } = testWorld(plan)
    await createTables(runtime)
    return new Table(runtime, plan.outputs[0] as WindowOutput, await DeltaTable.open(runtime, 'gold/totals'))
  }

  bring(seq: number, rows: readonly WindowRow[], appended = false) {
    return updateTable(this.runtime, this.output, this.table, rows, seq, appended)
  }

  async rows(): Promise<readonly string[]> {
    const found: string[] = []
    for await (const run of (await this.table.snapshot()).rows()) {
      for (const row of run) {
        const window = (Number(row['window_start']) - NOON) / (10 * MINUTE)
        found.push(`${row['shop']} ${window}: ${row['orders']} r${row['revision']}${row['is_final'] ? '' : ' running'}`)
      }
    }
    return found.sort()
  }
}

describe.each(['change', 'complete', { every: '10 seconds' }] as const)(
  'a table of results that come out by %j',
  (emit) => {
    it('holds one row for each window and group, the one of the highest revision', async () => {
      const table = await Table.of(emit)
      await table.bring(1, [result('a', 0, 1, 0, 'running'), result(null, 0, 2, 0, 'running')])
      expect(await table.rows()).toEqual(['a 0: 1 r0 running', 'null 0: 2 r0 running'])
      await table.bring(3, [
        result('a', 0, 3, 1, 'running'),
        result('a', 0, 4, 2, 'final'),
        result('b', 1, 1, 0, 'running'),
      ])
      expect(await table.rows()).toEqual(['a 0: 4 r2', 'b 1: 1 r0 running', 'null 0: 2 r0 running'])
    })

    it('loses rows that are withdrawn, and gets them back with a later revision', async () => {
      const table = await Table.of(emit)
      await table.bring(1, [result('a', 0, 1, 0, 'running'), result('b', 0, 2, 0, 'final')])
      await table.bring(2, [result('a', 0, 1, 1, 'withdrawn'), result('c', 0, 1, 1, 'withdrawn')])
      expect(await table.rows()).toEqual(['b 0: 2 r0'])
      await table.bring(3, [result('a', 0, 5, 2, 'final')])
      expect(await table.rows()).toEqual(['a 0: 5 r2', 'b 0: 2 r0'])
    })

    it('takes a result once, whatever was delivered before', async () => {
      const table = await Table.of(emit)
      await table.bring(2, [result('a', 0, 1, 0, 'running'), result('a', 0, 2, 1, 'running')])
      expect(await table.bring(2, [result('a', 0, 9, 9, 'final')])).toMatchObject({ committed: false })
      // somebody who has not seen it yet brings it again, with what came after
      await table.bring(4, [
        result('a', 0, 1, 0, 'running'),
        result('a', 0, 2, 1, 'withdrawn'),
        result('b', 0, 1, 0, 'final'),
      ])
      expect(await table.rows()).toEqual(['a 0: 2 r1 running', 'b 0: 1 r0'])
    })

    it('holds each row once when several bring the same results at once, and somebody writes its files anew', async () => {
      const table = await Table.of(emit)
      await table.bring(1, [result('a', 0, 1, 0, 'running'), result('b', 0, 1, 0, 'running')])
      await table.bring(2, [result('c', 0, 1, 0, 'final')])
      const news = [result('a', 0, 2, 1, 'running'), result('b', 0, 1, 1, 'withdrawn'), result('d', 0, 7, 0, 'final')]
      await Promise.all([table.bring(3, news), table.table.optimize(), table.bring(3, news), table.bring(3, news)])
      expect(await table.rows()).toEqual(['a 0: 2 r1 running', 'c 0: 1 r0', 'd 0: 7 r0'])
    })

    it('that was filled by appending keeps its latest rows', async () => {
      const table = await Table.of(emit)
      const before = [
        result('a', 0, 1, 0, 'final'),
        result('a', 0, 2, 1, 'final'),
        result('b', 0, 1, 0, 'final'),
        result('b', 0, 1, 1, 'withdrawn'),
        result('c', 0, 1, 0, 'final'),
      ]
      await table.table.append(before.map((row) => tableRow(table.output, row)))
      await table.bring(5, [result('c', 0, 2, 1, 'final'), result('d', 1, 1, 0, 'running')], true)
      expect(await table.rows()).toEqual(['a 0: 2 r1', 'c 0: 2 r1', 'd 1: 1 r0 running'])
    })
  },
)

describe('A commit of running results', () => {
  it('leaves the files of closed windows alone', async () => {
    const table = await Table.of('change')
    await table.bring(1, [result('a', 0, 1, 0, 'final'), result('a', 1, 1, 0, 'running')])
    const files = async () => (await table.table.snapshot()).files.map(({ path }) => path)
    const [closed] = await files()
    await table.bring(2, [result('a', 1, 2, 1, 'running'), result('a', 2, 1, 0, 'running')])
    expect(await files()).toHaveLength(2)
    expect(await files()).toContain(closed)
  })

  it('is the whole table where the output is complete', async () => {
    const table = await Table.of('complete')
    await table.bring(1, [result('a', 0, 1, 0, 'final')])
    const before = (await table.table.snapshot()).files.map(({ path }) => path)
    await table.bring(2, [result('a', 1, 1, 0, 'running')])
    const after = (await table.table.snapshot()).files.map(({ path }) => path)
    expect(after.filter((path) => before.includes(path))).toEqual([])
    expect((await table.table.history(1))[0]).toMatchObject({ operation: 'WRITE', parameters: { mode: 'Overwrite' } })
  })
})
