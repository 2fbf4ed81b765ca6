import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HOUR } from '#core/time.ts'
import { writeCrimesCsv } from '#local/simulator.ts'
import { type Contents, differences } from '../support/table-rows.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { crime, csv } from './crimes-csv.ts'
import { contentsOf, tablesOf } from './lake.ts'
import { BIN, countsOf, place, runArgs, runCrimes, runInterrupted } from './sluice.ts'

const made = createTemporaryFolder()
const june = join(made.path, 'june.csv')
const july = join(made.path, 'july.csv')
const large = join(made.path, 'large.csv')
/** What a run of the large file without an interruption ends in. */
let wanted: Contents

beforeAll(async () => {
  writeFileSync(june, writeCrimesCsv(1, 1_000))
  writeFileSync(july, writeCrimesCsv(2, 1_000, { start: Date.UTC(2018, 6, 1, 5) }))
  // Several reads of a megabyte, several appends.
  writeFileSync(large, writeCrimesCsv(3, 10_000))
  const whole = join(made.path, 'whole')
  expect((await runCrimes(large, whole)).code).toBe(0)
  wanted = await contentsOf(whole)
})
afterAll(() => made[Symbol.dispose]())

const hasFiles = (folder: string, end: string): boolean =>
  existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith(end))

const topicBytes = (data: string): number =>
  [0, 1, 2, 3, 4, 5].reduce((sum, partition) => {
    const file = join(data, 'topic', 'crimes', String(partition), '00000000000000000000.log')
    return sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0)
  }, 0)

async function expectWhole(data: string): Promise<void> {
  expect(countsOf(await runCrimes(large, data)).read).toBe(10_000)
  expect(differences(await contentsOf(data), wanted)).toEqual([])
}

describe('A run that was interrupted', () => {
  test.each([
    ['before the first record', () => true],
    ['while the file is fed', (data: string) => topicBytes(data) > 0],
    ['while rows are written', (data: string) => hasFiles(join(data, 'lake', 'silver', 'crimes'), '.parquet')],
    [
      'while tables are committed',
      (data: string) => existsSync(join(data, 'lake/bronze/crimes/_delta_log/00000000000000000001.json')),
    ],
    ['while windows are closed', (data: string) => hasFiles(join(data, 'lake/_sluice/crimes/results'), '.jsonl')],
  ])('%s ends with 130, and in the same tables when it is run again', async (_, when) => {
    const { data } = place()
    const ended = await runInterrupted(large, data, () => when(data))
    expect(ended).toEqual({
      code: 130,
      out: '',
      err: 'Interrupted. The same command goes on where this one stopped.\n',
    })
    // What is there can be read.
    await tablesOf(data)
    await expectWhole(data)
  })

  test('again and again ends in the same tables', async () => {
    const { data } = place()
    for (let bytes = 0; bytes < 4_000_000; bytes += 1_000_000) {
      expect((await runInterrupted(large, data, () => topicBytes(data) > bytes)).code).toBe(130)
    }
    await expectWhole(data)
  })

  test('as a process by SIGINT ends with 130, and in the same tables when it is run again', async () => {
    const { data } = place()
    const child = spawn(process.execPath, [BIN, ...runArgs(large, data)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const exit = once(child, 'exit')
    let err = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    while (topicBytes(data) === 0 && child.exitCode === null) await sleep(1)
    child.kill('SIGINT')
    expect(await exit).toEqual([130, null])
    expect(err).toBe('Interrupted. The same command goes on where this one stopped.\n')
    // By a process again: here the pipeline's functions have been compiled to another text, which counts as another definition.
    const again = spawn(process.execPath, [BIN, ...runArgs(large, data)], { stdio: 'ignore' })
    expect(await once(again, 'exit')).toEqual([0, null])
    expect(differences(await contentsOf(data), wanted)).toEqual([])
  })
})

describe('The same input', () => {
  test('fed twice adds nothing', async () => {
    const { data, folder } = place()
    expect(countsOf(await runCrimes(june, data)).read).toBe(1_000)
    const once = await tablesOf(data)
    const again = countsOf(await runCrimes(june, data))
    expect(again.read).toBe(1_000)
    expect(await tablesOf(data)).toEqual(once)
    // Nor does it in one command, or from another folder.
    const moved = join(folder, 'june.csv')
    copyFileSync(june, moved)
    expect(countsOf(await runCrimes([june, moved, june], data)).read).toBe(1_000)
    expect(await tablesOf(data)).toEqual(once)
  })

  test('under another name adds nothing, and the user is told', async () => {
    const { data, folder } = place()
    const copy = join(folder, 'copy.csv')
    copyFileSync(june, copy)
    const first = await runCrimes([june, copy], data)
    expect(countsOf(first).read).toBe(1_000)
    expect(first.err).toBe(`${copy}: nothing new, its content was fed before\n`)
    const again = await runCrimes([copy, july], data, ['--json'])
    expect(again.err).toBe('')
    expect(JSON.parse(again.out).inputs).toEqual([
      { file: copy, records: 0, malformed: 0, fedBefore: true },
      { file: july, records: 1_000, malformed: 0, fedBefore: false },
    ])
  })
})

describe('A file that was edited', () => {
  test('is another input, however small the change: all of its records are fed', async () => {
    const { data, input } = place()
    const edited = Buffer.from(readFileSync(large))
    // One date, somewhere in the middle, and nothing else.
    const at = edited.indexOf('/2018 ', edited.length / 2 + 10_000)
    edited.write('/2017 ', at)
    expect(countsOf(await runCrimes(large, data)).read).toBe(10_000)
    const again = await runCrimes(input('large.csv', edited), data)
    expect(again.err).toBe('')
    expect(countsOf(again).read).toBe(20_000)
  })
})

describe('Two inputs', () => {
  test('in one command and in two end in the same tables, and none of July is late', async () => {
    const [one, two] = [place().data, place().data]
    const together = countsOf(await runCrimes([june, july], one))
    const first = countsOf(await runCrimes(june, two))
    const second = countsOf(await runCrimes(july, two))
    expect(first).toMatchObject({ read: 1_000, late: 0 })
    expect(second).toEqual(together)
    expect(together).toMatchObject({ read: 2_000, late: 0 })
    expect((await tablesOf(two))['late.crimes']).toEqual([])
    expect(differences(await contentsOf(two), await contentsOf(one))).toEqual([])
  })
})

/**
 * Chicago, 2018-11-04:
 *
 *   UTC    05:00                06:00      07:00      08:00                    05:00 (11-05)
 *   local  00:00  ── summer ──  01:00 ──▶ 02:00 = 01:00 ── winter ── 02:00 …  00:00
 *          └──────────────────────────── 25 hours ──────────────────────────┘
 */
describe('The day on which summer time ends', () => {
  test('has 25 hours, and counts what happened at 01:30', async () => {
    const { data, input } = place()
    const at = (date: string, id: number) => crime({ ID: id, Date: date, 'Updated On': '' })
    const file = input(
      'november.csv',
      csv([
        at('11/03/2018 11:59:59 PM', 1),
        at('11/04/2018 12:00:00 AM', 2),
        at('11/04/2018 01:30:00 AM', 3),
        at('11/04/2018 11:59:59 PM', 4),
        at('11/05/2018 12:00:00 AM', 5),
      ]),
    )
    expect(countsOf(await runCrimes(file, data))).toEqual({ read: 5, counted: 5, late: 0, quarantined: 0 })
    const days = (await tablesOf(data))['gold.crime_per_district_day'] ?? []
    const found = days.map((row) => [
      new Date(Number(row['window_start'])).toISOString(),
      (Number(row['window_end']) - Number(row['window_start'])) / HOUR,
      row['total_crimes'],
    ])
    expect(found.sort()).toEqual([
      ['2018-11-03T05:00:00.000Z', 24, 1],
      ['2018-11-04T05:00:00.000Z', 25, 3],
      ['2018-11-05T06:00:00.000Z', 24, 1],
    ])
  })
})

describe('Every record', () => {
  test('is counted, late or set aside', async () => {
    const { data, input } = place()
    const first = input('first.csv', csv([crime({ ID: 1 }), crime({ ID: 2, Date: '06/20/2018 10:00:00 AM' })]))
    // More than the grace behind what was closed.
    const second = input(
      'second.csv',
      csv([crime({ ID: 3 }), crime({ ID: 4, District: '' }), 'torn', crime({ ID: 5 })]),
    )
    await runCrimes(first, data)
    const again = await runCrimes(second, data)
    expect(countsOf(again)).toEqual({ read: 6, counted: 2, late: 2, quarantined: 2 })
    expect(again.out).toContain(
      '\nlate.crimes says which records came after their windows had closed, and by how much. Feed files oldest first; where ' +
        "records themselves come later than declared, raise the topic's outOfOrder or the windows' grace.\n",
    )
    const tables = await tablesOf(data)
    const idsOf = (ids: readonly unknown[]) => ids.map(Number).sort()
    expect(idsOf((tables['silver.crimes'] ?? []).map((row) => row['id']))).toEqual([1, 2, 3, 5])
    // A row for each of the four outputs that a late record has missed, those that only detectors judge among them.
    expect(tables['late.crimes']).toHaveLength(8)
    expect(tables['late.crimes']?.[0]).toMatchObject({ topic: 'crimes', counted_elsewhere: false })
    expect(tables['quarantine.crimes']).toHaveLength(2)
    expect(tables['bronze.crimes']).toHaveLength(6)
  })
})
