import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts'
import { lockDataFolder } from '#local/data-folder-lock.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import { loadEpochs, storeEpochs } from '#runtime/epochs.ts'
import { crimes } from '../support/crimes-pipeline.ts'
import { type June, makeJune } from './june.ts'
import { place, runArgs, runCrimes, sluice } from './sluice.ts'

let made: June
beforeAll(async () => {
  made = await makeJune()
})
afterAll(() => made.dispose())

const source = readFileSync(new URL('../../pipelines/crimes.ts', import.meta.url), 'utf8').replace(
  /from 'sluice'|from '\.\.\/lib\/index\.ts'/,
  `from ${JSON.stringify(new URL('../../lib/index.ts', import.meta.url).href)}`,
)

/** The crimes pipeline with rows from another count on. */
function changedPipeline(): string {
  const { input } = place()
  const changed = source.replace('total_crimes > 14', 'total_crimes > 0')
  expect(changed).not.toBe(source)
  return input('crimes.ts', changed)
}

const lines = (out: string): readonly string[] => out.split('\n').filter((line) => line !== '')

describe('sluice rebuild', () => {
  test('builds the same tables from the same records and definition, as sluice diff says', async () => {
    const data = made.copied()
    const rebuilt = await sluice(['rebuild', 'crimes', '--data', data])
    expect(rebuilt).toMatchObject({ code: 0, err: '' })
    expect(rebuilt.out).toMatch(/^Rebuild 1 of crimes: 300 records applied\.\n/)
    const diff = await sluice(['diff', 'crimes', '--data', data])
    expect(diff).toMatchObject({ code: 0, err: '' })
    expect(lines(diff.out).every((line) => /^[a-z_.]+: the same [\d,]+ rows?$/.test(line))).toBe(true)
    await made.expectJune(data)
  })

  test('lets a changed definition serve after sluice switch, and goes on from there', async () => {
    const data = made.copied()
    const changed = changedPipeline()
    expect((await sluice(['rebuild', changed, '--data', data])).code).toBe(0)
    const diff = await sluice(['diff', changed, '--data', data, '--limit', '1'])
    expect(diff.code).toBe(1)
    expect(diff.out).toMatch(
      /gold\.crimes_anomaly: 0 rows the same, 0 only as it serves, [\d,]+ only rebuilt\nwindow_start +window_end +primary_type +district +serving +rebuilt\n\S+Z +\S+Z +.+ – +total_crimes \d+\n… and [\d,]+ more\n/,
    )
    const switched = await sluice(['switch', changed, '--data', data, '--no-sql'])
    expect(switched).toEqual({
      code: 0,
      err: '',
      out: 'Rebuild 1 of crimes serves: silver.crimes, gold.crime_per_district_day, gold.crimes_anomaly, gold.unusual_hours, gold.hot_spots, quarantine.crimes, late.crimes.\n',
    })
    const july = await sluice(['run', changed, ...runArgs(made.july, data).slice(2)])
    expect(july).toMatchObject({ code: 0, err: '' })
    const fresh = place().data
    expect((await sluice(['run', changed, ...runArgs([made.june, made.july], fresh).slice(2)])).code).toBe(0)
    const rows = async (folder: string): Promise<string> =>
      (await sluice(['query', ALL_ANOMALIES, '--data', folder, '--json'])).out
    expect(await rows(data)).toBe(await rows(fresh))
    expect((await runCrimes(made.july, data)).err).toContain('WINDOW_STATE_MISMATCH')
  })
})

const ALL_ANOMALIES = 'SELECT window_start, primary_type, district, total_crimes FROM gold.crimes_anomaly ORDER BY ALL'

describe('What can go wrong with a rebuild', () => {
  test('is that there is none', async () => {
    const data = made.copied()
    const message =
      'sluice: REBUILD_NOT_FOUND: Expected a rebuild of this definition of "crimes", found none. Make one first: sluice rebuild crimes.\n'
    expect((await sluice(['diff', 'crimes', '--data', data])).err).toBe(message)
    expect((await sluice(['switch', 'crimes', '--data', data])).err).toBe(message)
  })

  test('is that it is of another definition', async () => {
    const data = made.copied()
    expect((await sluice(['rebuild', changedPipeline(), '--data', data])).code).toBe(0)
    expect((await sluice(['switch', 'crimes', '--data', data])).err).toBe(
      'sluice: REBUILD_NOT_FOUND: Expected a rebuild of this definition of "crimes", found number 1, of another definition. Make one first: sluice rebuild crimes.\n',
    )
    const again = await sluice(['rebuild', 'crimes', '--data', data])
    expect(again.out).toContain(
      'Rebuild 2 of crimes: 300 records applied. It takes the place of rebuild 1, of another definition.',
    )
  })

  test('is that the pipeline runs while it should be switched to', async () => {
    const data = made.copied()
    expect((await sluice(['rebuild', 'crimes', '--data', data])).code).toBe(0)
    const release = lockDataFolder(data)
    const { code, err } = await sluice(['switch', 'crimes', '--data', data])
    release()
    expect(code).toBe(1)
    expect(err).toMatch(/^sluice: DATA_FOLDER_IN_USE: Expected data folder \S+ to be free/)
  })

  test('is that a switch did not end: nothing runs until it has', async () => {
    const data = made.copied()
    expect((await sluice(['rebuild', 'crimes', '--data', data])).code).toBe(0)
    const state = new SqliteStateStore(join(data, 'state.sqlite'))
    const where = { plan: crimes, fingerprint: fingerprint(crimes), state }
    const item = await loadEpochs(where)
    await storeEpochs(where, item, { ...item.epochs, switching: true })
    await state.close()
    const message =
      'sluice: SWITCH_INTERRUPTED: Expected the tables of "crimes" to be of one epoch, found a switch to rebuilt ones that did not end: ' +
      'some may be new and some old. Run sluice switch crimes, which goes on where it stopped.\n'
    expect((await runCrimes(made.july, data)).err).toBe(message)
    expect((await sluice(['rebuild', 'crimes', '--data', data])).err).toBe(message)
    expect((await sluice(['lag', '--data', data])).err).toBe(message)
    expect((await sluice(['switch', 'crimes', '--data', data, '--no-sql'])).code).toBe(0)
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('is that the data folder is of another pipeline, or that nobody says of which', async () => {
    const data = made.copied()
    const { input } = place()
    const other = input('other.ts', source.replace("pipeline('crimes'", "pipeline('other'"))
    expect((await sluice(['rebuild', other, '--data', data])).err).toBe(
      `sluice: WINDOW_STATE_MISMATCH: Expected data folder ${data} to hold pipeline "other", found pipeline "crimes". Choose its folder with --data.\n`,
    )
    for (const command of ['rebuild', 'diff', 'switch']) {
      expect((await sluice([command])).err).toBe(`sluice: USAGE: Which pipeline? Try: sluice ${command} crimes\n`)
    }
  })
})
