import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#adapters/system/clock.ts'
import { main } from '#cli/main.ts'
import { inspectDataFolder } from '#local/data-folder.ts'
import { writeCrimesCsv } from '#local/simulator.ts'
import { TopicLog } from '#local/topic-log.ts'
import { RecordPacker } from '#schema/record-packer.ts'
import { createTemporaryFolder, temporaryFolder } from '../../support/temp.ts'
import { RecordingTerminal } from './recording-terminal.ts'

const folder = createTemporaryFolder()
const data = join(folder.path, '.sluice', 'crimes')
const TABLES =
  'bronze.crimes, silver.crimes, gold.crime_per_district_day, gold.crimes_anomaly, gold.hot_spots, gold.unusual_hours, ' +
  'quarantine.crimes, late.crimes'

async function sluice(args: readonly string[], workingFolder = folder.path) {
  const terminal = new RecordingTerminal({ workingFolder })
  const code = await main(args, terminal)
  return { code, out: terminal.output, err: terminal.errors, lines: terminal.lines }
}

beforeAll(async () => {
  const input = join(folder.path, 'crimes.csv')
  writeFileSync(input, writeCrimesCsv(1, 2_000))
  const { code, err } = await sluice(['run', 'crimes', '--input', input, '--workers', '0', '--no-sql'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
}, 30_000)

afterAll(() => folder[Symbol.dispose]())

describe('sluice tables', () => {
  test('lists every table of the only data folder', async () => {
    const { code, lines } = await sluice(['tables'])
    expect(code).toBe(0)
    expect(lines[0]).toMatch(/^table +rows +files +size +version +last commit$/)
    expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual(TABLES.split(', '))
    expect(lines[1]).toMatch(/^bronze.crimes +2,000 +\d+ +\S+ kB +1 +\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })

  test('is one document as JSON', async () => {
    const { out } = await sluice(['tables', '--json', '--data', data])
    const { dataFolder, tables } = JSON.parse(out)
    expect(dataFolder).toBe(data)
    expect(tables[0]).toMatchObject({ name: 'bronze.crimes', rows: 2_000, version: 1 })
  })
})

describe('The data folder of a reading command', () => {
  test('is refused when nothing is there', async () => {
    const { code, err } = await sluice(['tables', '--data', 'nowhere'])
    expect({ code, err }).toEqual({
      code: 2,
      err:
        `sluice: DATA_FOLDER_NOT_FOUND: Expected a data folder at ${folder.path}/nowhere, found nothing there. ` +
        'Name another one with --data DIR, or make one: sluice dev, or sluice run PIPELINE --input FILE.\n',
    })
  })

  test('must be named where there is none below .sluice', async () => {
    const empty = temporaryFolder()
    const { code, err } = await sluice(['tables'], empty)
    expect(code).toBe(2)
    expect(err).toContain(`DATA_FOLDER_NOT_FOUND: Expected a data folder below ${empty}/.sluice, found none.`)
  })

  test('must be named where there are several', async () => {
    const several = temporaryFolder()
    for (const name of ['a', 'b']) mkdirSync(join(several, '.sluice', name, 'lake'), { recursive: true })
    mkdirSync(join(several, '.sluice', 'no-data'))
    expect(await sluice(['tables'], several)).toMatchObject({
      code: 2,
      err: 'sluice: USAGE: There are several data folders: .sluice/a, .sluice/b. Choose one with --data DIR.\n',
    })
  })

  test('may be a folder that has not run yet, but then it has no tables', async () => {
    const fresh = temporaryFolder()
    mkdirSync(join(fresh, 'lake'))
    expect(await sluice(['tables', '--data', fresh])).toMatchObject({
      code: 0,
      lines: [expect.stringMatching(/^table/)],
    })
    expect((await sluice(['show', 'bronze.crimes', '--data', fresh])).err).toBe(
      `sluice: TABLE_UNKNOWN: There is no table bronze.crimes in ${fresh}. There are no tables yet.\n`,
    )
  })
})

describe('sluice show', () => {
  test('prints the first rows and how many there are', async () => {
    const { code, lines } = await sluice(['show', 'silver.crimes', '--limit', '3', '--columns', 'district,id,date'])
    expect(code).toBe(0)
    expect(lines).toHaveLength(5)
    expect(lines[0]).toMatch(/^district +id {2}date$/)
    expect(lines[1]).toMatch(/^\d{3} +\d{8} {2}2018-06-0\dT\d\d:\d\d:\d\dZ$/)
    expect(lines[4]).toMatch(/^… 3 of 1,9\d\d rows \(--limit for more\)$/)
  })

  test('finds a table by the part of its name that only one has, and its times in a zone', async () => {
    const { lines } = await sluice(['show', 'CRIME_PER_DISTRICT_DAY', '--limit', '1', '--zone', 'America/Chicago'])
    expect(lines[1]).toMatch(/^2018-06-01T00:00:00-05:00 {2}2018-06-02T00:00:00-05:00 {2}\d{3} +\d+ +\d+ +0 {2}true$/)
  })

  test('shows bytes as the text that they are', async () => {
    const { lines } = await sluice(['show', 'bronze.crimes', '--limit', '2', '--json'])
    expect(lines).toHaveLength(2)
    const row = JSON.parse(lines[1]!)
    expect(row).toMatchObject({ topic: 'crimes', key: expect.stringMatching(/^\d{3}$/), headers: null })
    expect(JSON.parse(row.value)).toMatchObject({ district: row.key })
  })

  test('shows an older version', async () => {
    const { lines } = await sluice(['show', 'bronze.crimes', '--version', '0'])
    expect(lines).toEqual(['topic  partition  offset  append_time  key  value  headers  ingest_time'])
  })

  test.each([
    [['gold.crimes_anomly'], ` Did you mean gold.crimes_anomaly? Tables: ${TABLES}.`],
    [['anomaly'], ` Did you mean gold.crimes_anomaly? Tables: ${TABLES}.`],
    [['crimes'], ` It could be bronze.crimes or silver.crimes or quarantine.crimes or late.crimes. Tables: ${TABLES}.`],
    [['nothing.like-it'], ` Tables: ${TABLES}.`],
  ])('refuses %j with what was meant', async ([name], hint) => {
    const { code, err } = await sluice(['show', name!])
    expect({ code, err }).toEqual({
      code: 2,
      err: `sluice: TABLE_UNKNOWN: There is no table ${name} in ${data}.${hint}\n`,
    })
  })

  test.each([
    [['show'], `USAGE: Which table? Try: sluice show bronze.crimes. Tables: ${TABLES}.`],
    [
      ['show', 'silver.crimes', '--columns', 'distrct'],
      'COLUMN_UNKNOWN: silver.crimes has no column distrct. Did you mean district? Columns: id, ',
    ],
    [
      ['show', 'silver.crimes', '--version', '9'],
      'DELTA_VERSION_NOT_FOUND: Expected a version of silver/crimes from 0 to 1, found 9.',
    ],
    [
      ['show', 'silver.crimes', '--zone', 'Chicago'],
      "TIME_ZONE_UNKNOWN: Expected an IANA time zone such as 'America/Chicago' or 'UTC', found 'Chicago'.",
    ],
  ])('%j is refused', async (args, message) => {
    const { code, out, err } = await sluice(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })
})

describe('sluice query', () => {
  test('takes what follows -- as it is', async () => {
    const sql = '--records\nSELECT count(*) AS records FROM bronze.crimes'
    const asked = await sluice(['query', '--format', 'csv', '--', sql])
    expect(asked).toMatchObject({ code: 0, out: 'records\n2000\n', err: '' })
    // Not even these are options there.
    expect((await sluice(['query', '--', '--help'])).code).toBe(2)
    expect((await sluice(['query', '--', '--json'])).err).toMatch(/^sluice: QUERY_FAILED: /)
  })

  const perDistrict =
    'SELECT district, sum(total_crimes) AS total FROM Gold.crime_per_district_day GROUP BY ALL ORDER BY district LIMIT 2'

  test('asks the tables in SQL', async () => {
    const { code, lines } = await sluice(['query', perDistrict])
    expect(code).toBe(0)
    expect(lines).toEqual([
      expect.stringMatching(/^district +total$/),
      expect.stringMatching(/^001 +\d+$/),
      expect.stringMatching(/^002 +\d+$/),
    ])
  })

  test('counts what the tables hold, as CSV and as JSON', async () => {
    const sql = 'SELECT count(*) AS records FROM bronze.crimes'
    expect((await sluice(['query', sql, '--format', 'csv'])).out).toBe('records\n2000\n')
    expect((await sluice(['query', sql, '--json'])).out).toBe('{"records":2000}\n')
  })

  test('shows bytes as the text that they are', async () => {
    const { out } = await sluice(['query', 'SELECT key, value FROM bronze.crimes LIMIT 1', '--json'])
    const { key, value } = JSON.parse(out)
    expect(JSON.parse(value)).toMatchObject({ district: key })
    const other = await sluice(['query', "SELECT '\\xFF'::BLOB AS b, encode('\\x22é') AS c", '--json'])
    expect(JSON.parse(other.out)).toEqual({ b: '\\xFF', c: '\\x22é' })
  })

  test('has a table without files too, and every table where none is named', async () => {
    expect((await sluice(['query', 'SELECT count(*) AS n FROM late.crimes', '--format', 'csv'])).out).toBe('n\n0\n')
    const { out } = await sluice([
      'query',
      "SELECT schema || '.' || name AS name FROM (SHOW ALL TABLES)",
      '--format',
      'csv',
    ])
    expect(out.split('\n').slice(1, -1).sort()).toEqual(TABLES.split(', ').sort())
  })

  test.each([
    [['SELECT * FROM gold.crime'], 'sluice: QUERY_FAILED: '],
    [['SELEC 1'], 'sluice: QUERY_FAILED: '],
    [['SELECT 1', '--format', 'xml'], 'sluice: USAGE: --format takes table, csv, json, not xml.\n'],
    [[], 'sluice: USAGE: Which query? Try: sluice query "SELECT count(*) FROM bronze.crimes"\n'],
  ])('refuses %j', async (args, message) => {
    const { code, out, err } = await sluice(['query', ...args])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })
})

describe('sluice history', () => {
  test('lists the commits, newest first', async () => {
    const { lines } = await sluice(['history', 'bronze.crimes'])
    expect(lines[1]).toMatch(/^ +1 {2}\S+ {2}STREAMING UPDATE +\+\d+ {2}2,000 +\S+ kB {2}sluice/)
    expect(lines[2]).toMatch(/^ +0 {2}\S+ {2}CREATE TABLE +\+0/)
  })

  test('is one document as JSON', async () => {
    const { out } = await sluice(['history', 'bronze.crimes', '--limit', '1', '--json'])
    const { table, commits } = JSON.parse(out)
    expect(table).toBe('bronze.crimes')
    expect(commits).toMatchObject([{ version: 1, rowsAdded: 2_000, txns: expect.anything() }])
  })
})

describe('sluice lag', () => {
  test('says how far each partition is and up to where windows are closed', async () => {
    const { code, lines } = await sluice(['lag'])
    expect(code).toBe(0)
    expect(lines[0]).toBe('pipeline crimes, topic crimes')
    expect(lines.filter((line) => line.endsWith('caught up'))).toHaveLength(6)
    expect(lines.find((line) => line.includes('all'))).toMatch(/^ +all +2,000 {2}2,000 +0 +0 {2}2018-06-0\dT/)
    expect(lines.at(-1)).toMatch(/^Windows are closed up to 2018-06-0\dT\d\d:\d\d:00Z\.$/)
  })

  test('is one document as JSON', async () => {
    const { out } = await sluice(['lag', '--json'])
    const lag = JSON.parse(out)
    expect(lag).toMatchObject({ pipeline: 'crimes', topic: 'crimes', lag: 0, heldBackBy: [] })
    expect(lag.partitions).toHaveLength(6)
  })

  // The topic has grown by partition 6, of which nobody has read a record yet.
  test('with --alarm fails while a partition holds the watermark back, and names it', async () => {
    expect((await sluice(['lag', '--alarm'])).code).toBe(0)
    const behind = join(temporaryFolder(), 'crimes')
    cpSync(data, behind, { recursive: true })
    const { folder: opened } = inspectDataFolder(behind)
    const topic = TopicLog.open({ folder: opened.topics, name: 'crimes', partitions: 7, clock: systemClock })
    const packer = new RecordPacker()
    packer.add(null, 0, 0, null, 0, 0)
    await topic.append(6, packer.take())
    await topic.close()
    const { code, lines } = await sluice(['lag', '--alarm', '--data', behind])
    expect(code).toBe(1)
    expect(lines.at(-1)).toMatch(/^Held back by partition 6\. Windows are closed up to /)
    expect(JSON.parse((await sluice(['lag', '--json', '--data', behind])).out).heldBackBy).toEqual([6])
  })

  test('is refused where nothing has run', async () => {
    const fresh = temporaryFolder()
    mkdirSync(join(fresh, 'lake'))
    const { code, err } = await sluice(['lag', '--data', fresh])
    expect(code).toBe(2)
    expect(err).toContain(`DATA_FOLDER_NOT_FOUND: Expected a data folder at ${fresh}, found one without sluice.json.`)
  })

  test('is refused without the broker of the topic', async () => {
    const elsewhere = temporaryFolder()
    const topic = { kind: 'kafka', name: 't' }
    writeFileSync(
      join(elsewhere, 'sluice.json'),
      JSON.stringify({ formatVersion: 2, pipeline: 'p', fingerprint: 'f', shape: {}, topic, created: 0 }),
    )
    const { code, err } = await sluice(['lag', '--data', elsewhere])
    expect(code).toBe(2)
    expect(err).toBe(
      `sluice: TOPIC_MISMATCH: Expected topic t on a Kafka broker, which data folder ${elsewhere} has read so far, found topic t in ` +
        'the folder itself: its offsets are those of other records. Set KAFKA_BROKERS, or choose another --data folder.\n',
    )
  })
})

test('A limit of 0 prints no row, no commit, no record', async () => {
  expect((await sluice(['show', 'bronze.crimes', '--limit', '0', '--json'])).out).toBe('')
  expect(JSON.parse((await sluice(['history', 'bronze.crimes', '--limit', '0', '--json'])).out).commits).toEqual([])
  expect(JSON.parse((await sluice(['quarantine', '--limit', '0', '--json'])).out).records).toEqual([])
})

describe('sluice quarantine', () => {
  test('prints the last records with their reasons, newest last', async () => {
    const { code, lines } = await sluice(['quarantine', '--limit', '2'])
    expect(code).toBe(0)
    expect(lines[0]).toMatch(/^append_time +partition +offset +reason +detail +value$/)
    expect(lines[1]).toMatch(/(district known|not a date).*\{"id":/)
    expect(lines.at(-1)).toMatch(/^… the last 2 of \d+ \(--limit for more\)$/)
  })

  test('is one document as JSON, with whole records', async () => {
    const { out } = await sluice(['quarantine', '--json'])
    const { table, total, records } = JSON.parse(out)
    expect({ table, total }).toEqual({ table: 'quarantine.crimes', total: records.length })
    const known = records.find((record: { reason: string }) => record.reason === 'district known')
    expect(JSON.parse(known.value)).toMatchObject({ district: '' })
  })

  test('is refused without such a table', async () => {
    const fresh = temporaryFolder()
    mkdirSync(join(fresh, 'lake'))
    expect((await sluice(['quarantine', '--data', fresh])).err).toBe(
      `sluice: TABLE_UNKNOWN: Expected one quarantine table in ${fresh}, found none. ` +
        'A pipeline that has run there has one; sluice show TABLE prints any table.\n',
    )
  })
})

describe('sluice plan', () => {
  test('describes a pipeline as text, as a flowchart and as JSON', async () => {
    expect((await sluice(['plan'])).lines[0]).toBe('pipeline crimes')
    expect((await sluice(['plan', 'crimes', '--mermaid'])).lines[0]).toBe('flowchart LR')
    const { tables, steps, fingerprint } = JSON.parse((await sluice(['plan', '--json'])).out)
    expect(tables).toEqual(expect.arrayContaining(TABLES.split(', ')))
    expect(steps[0].test).toContain('=>')
    expect(fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })

  test('names where it looked for a pipeline that is not there', async () => {
    const { code, err } = await sluice(['plan', 'nothing'])
    expect(code).toBe(2)
    expect(err).toContain(
      `PIPELINE_NOT_FOUND: There is no pipeline nothing: looked for ${folder.path}/pipelines/nothing.ts`,
    )
  })
})

describe('sluice run', () => {
  test('again on the same folder changes nothing', async () => {
    const input = join(folder.path, 'crimes.csv')
    const { code, out } = await sluice(['run', 'crimes', '--input', input, '--workers', '0', '--no-sql', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ pipeline: 'crimes', records: { read: 2_000, late: 0 } })
  })

  test('refuses a file that is not there', async () => {
    const { code, err } = await sluice(['run', 'crimes', '--input', join(folder.path, 'no.csv'), '--no-sql'])
    expect(code).toBe(2)
    expect(err).toContain('INPUT_NOT_FOUND')
  })
})
