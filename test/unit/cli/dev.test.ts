import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { chooseFeed } from '#cli/dev-feed.ts'
import { main } from '#cli/main.ts'
import { SluiceError } from '#core/errors.ts'
import { writeCrimesCsv } from '#local/simulator.ts'
import type { Plan } from '#plan/plan.ts'
import crimes from '../../../pipelines/crimes.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { temporaryFolder } from '../../support/temp.ts'
import { RecordingTerminal } from './recording-terminal.ts'

/** Runs `sluice dev` until its output has the text, then Ctrl-C. */
async function devUntil(text: string, args: readonly string[], terminal: RecordingTerminal) {
  const running = main(['dev', '--no-sql', ...args], terminal)
  await Promise.race([terminal.until(text), running])
  terminal.interrupt()
  const code = await running
  return { code, out: terminal.output, err: terminal.errors }
}

const rowsIn = (out: string, table: string): number =>
  Number(new RegExp(`^${table} +([\\d,]+) `, 'm').exec(out)?.[1]?.replaceAll(',', ''))

describe('sluice dev', () => {
  test('simulates crimes until both gold tables have rows, stops cleanly, and goes on from there', async () => {
    const workingFolder = temporaryFolder()
    const first = await devUntil('first rows in gold.crimes_anomaly', [], new RecordingTerminal({ workingFolder }))
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toContain('crimes runs on simulated crimes, a day every 4 seconds; data in .sluice/crimes\n')
    expect(first.out).toContain('first rows in gold.crime_per_district_day: 22\n')
    expect(first.out).toMatch(/^crimes_anomaly: THEFT \d{3}: \d+ total_crimes, Mon 1 Jan 2001 /m)
    expect(first.out).toMatch(
      /Stopped after 0:\d\d\.\n[\d,]+ records read = [\d,]+ counted \+ 0 late \+ \d+ quarantined/,
    )
    const before = rowsIn(first.out, 'bronze.crimes')
    expect(before).toBeGreaterThan(1_000)

    const later = new RecordingTerminal({ workingFolder })
    const second = await devUntil('window closed', ['--speed', '200000', '--json'], later)
    expect(second.code).toBe(0)
    expect(second.out).not.toContain('first rows')
    const { tables } = JSON.parse(later.lines.at(-1)!)
    expect(tables[0]).toMatchObject({ name: 'bronze.crimes' })
    expect(tables[0].rows).toBeGreaterThan(before)
  })

  test('feeds a file, says when it is read, what is open and how to close it', async () => {
    const workingFolder = temporaryFolder()
    const input = join(workingFolder, 'june.csv')
    writeFileSync(input, writeCrimesCsv(1, 2_200))
    const args = ['--input', input, '--speed', '1000000', '--data', 'd']
    const file = await devUntil('To close them', args, new RecordingTerminal({ workingFolder }))
    expect(file).toMatchObject({ code: 0, err: '' })
    expect(file.out).toContain('june.csv is read: 2,200 records. Windows still open, in case more follows: ')
    expect(file.out).toContain(`npx sluice run crimes --input ${input} --data d\n`)
    expect(file.out).toContain('npx sluice query "SELECT * FROM gold.crime_per_district_day LIMIT 20" --data d\n')

    const simulation = await devUntil('Nothing is simulated', ['--data', 'd'], new RecordingTerminal({ workingFolder }))
    expect(simulation.out).toContain('crimes runs on what its topic holds; data in d\nNothing is simulated: ')
    expect(simulation.out).toContain('the topic has records from elsewhere. For a simulation choose another --data DIR')
    expect(simulation.out).not.toContain('simulated crimes')
    expect(rowsIn(simulation.out, 'bronze.crimes')).toBe(2_200)
  })

  test('draws a dashboard on a terminal', async () => {
    const workingFolder = temporaryFolder()
    const terminal = new RecordingTerminal({ workingFolder, interactive: true })
    const { code } = await devUntil('\u001b[1mcrimes_anomaly\u001b[22m', [], terminal)
    expect(code).toBe(0)
    expect(terminal.output).toContain('\u001b[1msluice · crimes\u001b[22m')
    expect(terminal.output).toContain('data in .sluice/crimes')
  })

  test('is JSON lines if asked for, the last one with everything', async () => {
    const terminal = new RecordingTerminal({ workingFolder: temporaryFolder() })
    await devUntil('first rows', ['--json'], terminal)
    const lines = terminal.lines.map((line) => JSON.parse(line))
    expect(lines[0]).toMatchObject({ event: 'started', pipeline: 'crimes' })
    expect(lines.at(-1)).toMatchObject({ event: 'status', tables: expect.any(Array), lag: expect.any(Number) })
  })

  test('refuses an input that is not there before it makes a data folder', async () => {
    const terminal = new RecordingTerminal({ workingFolder: temporaryFolder() })
    expect(await main(['dev', '--input', 'no.csv'], terminal)).toBe(2)
    expect(terminal.errors).toContain('INPUT_NOT_FOUND')
    await main(['tables'], terminal)
    expect(terminal.errors).toContain('DATA_FOLDER_NOT_FOUND')
  })
})

describe('What is fed', () => {
  const choice = {
    plan: crimes as Plan,
    topic: 'crimes',
    inputs: [],
    speed: undefined,
    rate: undefined,
    brokers: false,
    simulate: false,
    clock: new ManualClock(),
  }

  test.each([
    [{}, 'simulated crimes, a day every 4 seconds'],
    [{ rate: 1_000 }, 'simulated crimes, 1,000 records/s'],
    [{ speed: 1 }, 'simulated crimes, as fast as it happened'],
    [{ speed: 60 }, 'simulated crimes, 60 times as fast as it happened'],
    [{ inputs: ['/x/june.csv'] }, 'june.csv, a day every 2 seconds'],
    [{ inputs: ['a.csv', 'b.csv'], speed: 57_600 }, 'a.csv, b.csv, a day every 1.5 seconds'],
    [{ brokers: true, topic: 'thefts' }, 'what others write to topic thefts'],
    [{ brokers: true, simulate: true }, 'simulated crimes, a day every 4 seconds'],
  ])('with %o is %s', (part, what) => {
    expect(chooseFeed({ ...choice, ...part }).what).toBe(what)
  })

  test.each([
    [
      { inputs: ['a.csv'], simulate: true },
      'Either a file or a simulation: give --input or --simulate, not both. Try: sluice dev --help',
    ],
    [
      { speed: 60, rate: 10 },
      '--speed goes by event time and --rate by the number of records: give one of them. Try: sluice dev --help',
    ],
    [
      { inputs: ['a.csv'], speed: 60, rate: 10 },
      '--speed goes by event time and --rate by the number of records: give one of them. Try: sluice dev --help',
    ],
    [
      { brokers: true, speed: 60 },
      '--speed and --rate pace what is fed, and nothing is: with KAFKA_BROKERS give --input or --simulate too. Try: sluice dev --help',
    ],
  ])('is not to be told from %o', (part, message) => {
    expect(() => chooseFeed({ ...choice, ...part })).toThrow(new SluiceError('USAGE', message))
  })

  test('must be a file where there is no simulation', () => {
    const fields = [...crimes.topic.fields, { name: 'humidity', column: { kind: 'double', nullable: false } as const }]
    const plan = { ...crimes, name: 'rooms', topic: { ...crimes.topic, fields } }
    expect(() => chooseFeed({ ...choice, plan })).toThrow(
      'There is no simulation for pipeline rooms, only for crimes. Feed it a file: sluice dev rooms --input FILE.',
    )
  })
})
