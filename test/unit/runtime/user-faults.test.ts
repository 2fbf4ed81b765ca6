import { describe, expect, it } from 'vitest'
import { createTables } from '#local/ports.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { lakeStage } from '#runtime/lake.ts'
import { preparer } from '#runtime/prepare.ts'
import { c, type DeclaredOutput, type DeltaTable, delta, kafka, pipeline } from '../../../lib/index.ts'
import { readRun, testWorld } from '../../../lib/testing/index.ts'
import { batch } from './builders.ts'

const names = kafka.topic('names', {
  schema: { at: c.timestamp(), name: c.string() },
  eventTime: 'at',
  outOfOrder: '1 minute',
})

/** Rows at any point of the chain. */
interface Flow {
  readonly into: (table: DeltaTable<never>) => DeclaredOutput
}

/** Reasons and details of the records that the lake stage sets aside of ‘Ada’ and ‘😀’: the pipeline's functions fail for the second. */
async function quarantined(rows: Flow): Promise<readonly string[]> {
  const plan = pipeline('names', { silver: rows.into(delta.table('silver.names')) })
  const { runtime } = testWorld(plan)
  await createTables(runtime)
  const records = batch(['Ada', '😀'].map((name) => JSON.stringify({ at: '2026-05-05T12:00:00Z', name })))
  await lakeStage(runtime, preparer(plan), async () => {}).handle([records])
  await commitAccepted(runtime)
  const run = await readRun(runtime)
  expect(run.rows('silver.names').map(({ name }) => name)).toEqual(['Ada'])
  return run.rows('quarantine.names').map(({ reason, detail }) => `${reason} — ${detail}`)
}

const emoji = (row: { readonly name: string }): boolean => row.name.length === 2

// One record that a function can't take must not hold up its partition for good.
describe('a pipeline’s function that fails for one record sets that record aside', () => {
  it('when the error quotes half a character', async () => {
    const check = (row: { readonly name: string }): boolean => {
      if (emoji(row)) throw new Error(`unknown initial ${row.name.slice(0, 1)}`)
      return true
    }
    expect(await quarantined(names.check({ known: check }))).toEqual([
      'known — the check threw: unknown initial \ufffd',
    ])
  })

  it('when the error of a derived column quotes half a character', async () => {
    const initial = c.string().from((row: { readonly name: string }) => {
      if (emoji(row)) throw new Error(`unknown initial ${row.name.slice(0, 1)}`)
      return row.name.slice(0, 1)
    })
    expect(await quarantined(names.with({ initial }))).toEqual([
      'derived column initial — the function threw: unknown initial \ufffd',
    ])
  })

  it('when what it throws has no text', async () => {
    const check = (row: { readonly name: string }): boolean => {
      if (emoji(row)) throw Object.create(null)
      return true
    }
    expect(await quarantined(names.check({ known: check }))).toEqual([
      expect.stringMatching(/^known — the check threw/),
    ])
  })

  it.each([
    ['half a millisecond', 1.5],
    ['after the last instant', 8.64e15 + 1],
  ])('when a derived timestamp is no instant: %s', async (_, instant) => {
    const seen = c.timestamp().from((row: { readonly name: string }) => (emoji(row) ? instant : 0))
    expect(await quarantined(names.with({ seen }))).toEqual(['derived column seen — expected timestamp, found number'])
  })

  it('when a derived text has a NUL, which no database takes', async () => {
    const text = c.string().from((row: { readonly name: string }) => (emoji(row) ? 'a\0b' : 'a'))
    expect(await quarantined(names.with({ text }))).toEqual([expect.stringMatching(/^derived column text — /)])
  })
})

describe('a derived int', () => {
  it('may be the smallest of 32 bits', async () => {
    const plan = pipeline('names', {
      silver: names.with({ least: c.int().from(() => -(2 ** 31)) }).into(delta.table('silver.names')),
    })
    const records = batch([JSON.stringify({ at: '2026-05-05T12:00:00Z', name: 'Ada' })])
    expect(preparer(plan).prepare(records).rejects).toEqual([])
  })
})
