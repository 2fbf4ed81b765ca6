import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SqlDriver } from '#adapters/postgres/driver.ts'
import { postgresDriver } from '#adapters/postgres/postgres.ts'
import { HOUR } from '#core/time.ts'
import { countsOf, type Ended, place, sluice } from '../cli/sluice.ts'
import { RecordingTerminal } from '../unit/cli/recording-terminal.ts'

const url = process.env['DATABASE_URL']
const schema = `sluice_owners_${process.pid}`
const RECORDS = 500
const LIBRARY = fileURLToPath(new URL('../../lib/index.ts', import.meta.url))

/** Crimes by district and window into a database, and the latest of each crime as a row. */
const definition = (window: string): string => `
import { c, kafka, pipeline, postgres, tumbling } from ${JSON.stringify(LIBRARY)}
const crimes = kafka.topic('crimes', {
  schema: {
    id: c.long(),
    date: c.timestamp(),
    district: c.string(),
  },
  key: 'district',
  eventTime: 'date',
  outOfOrder: '1 day',
  partitions: 2,
})
export default pipeline('districts', {
  latest: crimes.select('id', 'district').into(postgres.table('latest', { primaryKey: ['id'] })),
  total: crimes
    .groupBy('district')
    .window(tumbling('${window}', { grace: '2 days' }))
    .aggregate((a) => ({ crimes: a.count() }))
    .into(postgres.table('total')),
})
`

/** One an hour from the first of the month, in three districts in turn. */
function crimesOf(month: number): string {
  const rows = Array.from({ length: RECORDS }, (_, i) => {
    const date = new Date(Date.UTC(2018, month - 1, 1) + i * HOUR)
    return `${month * 10_000 + i},${date.toISOString()},00${(i % 3) + 1}`
  })
  return ['id,date,district', ...rows, ''].join('\n')
}

/** The database at the URL, its tables in a schema of the test. */
function inSchema(name: string): string {
  const own = new URL(url ?? 'postgres://none')
  own.searchParams.set('options', `-c search_path=${name} -c TimeZone=UTC`)
  return own.href
}

describe.skipIf(url === undefined)('Two data folders on the database at DATABASE_URL', () => {
  const other = `${schema}_other`
  let driver: SqlDriver

  beforeAll(async () => {
    driver = await postgresDriver(inSchema(schema))
  })
  const dropSchemas = async (): Promise<void> => {
    for (const name of [schema, other]) await driver.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`)
  }
  beforeEach(async () => {
    await dropSchemas()
    for (const name of [schema, other]) await driver.query(`CREATE SCHEMA ${name}`)
  })
  afterAll(async () => {
    await dropSchemas()
    await driver.close()
  })

  /** Files and definitions of a test, and how it runs one into a data folder of a folder of its own. */
  const world = () => {
    const { folder, input } = place()
    const june = input('june.csv', crimesOf(6))
    const july = input('july.csv', crimesOf(7))
    const daily = input('daily.mjs', definition('1 day'))
    const weekly = input('weekly.mjs', definition('7 days'))
    const run = (pipeline: string, file: string, data: string, within = schema): Promise<Ended> =>
      sluice(
        ['run', pipeline, '--input', file, '--data', `${folder}/${data}`, '--quiet'],
        new RecordingTerminal({ env: { DATABASE_URL: inSchema(within) } }),
      )
    return { june, july, daily, weekly, run }
  }

  /** How many rows, and the months of the windows that are in the tables with how many crimes they counted. */
  const stored = async (within = schema) => {
    const [latest] = await driver.query(`SELECT count(*)::text AS rows FROM ${within}.latest`)
    const months = await driver.query(
      "SELECT to_char(window_start, 'YYYY-MM') AS month, sum(crimes)::text AS crimes " +
        `FROM ${within}.total GROUP BY 1 ORDER BY 1`,
    )
    return { latest: Number(latest!['rows']), months: months.map(({ month, crimes }) => [month, Number(crimes)]) }
  }

  const inJune = { latest: RECORDS, months: [['2018-06', RECORDS]] }

  const dropAsTold = async ({ err }: Ended): Promise<void> => {
    for (const line of err.split('\n')) if (line.endsWith(';')) await driver.query(line)
  }

  it('do not share tables: the second is refused before it is fed, and fills them once they were dropped', async () => {
    const { june, july, daily, run } = world()
    expect(countsOf(await run(daily, june, 'first')).counted).toBe(RECORDS)
    expect(await stored()).toEqual(inJune)

    const refused = await run(daily, july, 'second')
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toMatch(
      /^sluice: SQL_TABLE_TAKEN: Expected tables of state \S+ \(this data folder's\), found ones /,
    )
    expect(refused.err).toContain(`DROP TABLE "${schema}"."latest", "${schema}"."total";`)
    expect(await stored()).toEqual(inJune)

    await dropAsTold(refused)
    expect(countsOf(await run(daily, july, 'second')).counted).toBe(RECORDS)
    expect(await stored()).toEqual({ latest: RECORDS, months: [['2018-07', RECORDS]] })
    expect(await run(daily, june, 'first')).toMatchObject({ code: 1, err: expect.stringContaining('SQL_TABLE_TAKEN') })
  })

  it('fill tables of the same names in schemas of their own', async () => {
    const { june, july, daily, run } = world()
    await run(daily, june, 'first')
    await run(daily, july, 'second', other)
    expect(await stored()).toEqual(inJune)
    expect(await stored(other)).toEqual({ latest: RECORDS, months: [['2018-07', RECORDS]] })
    await run(daily, july, 'first')
    expect(await stored()).toEqual({ latest: 2 * RECORDS, months: [...inJune.months, ['2018-07', RECORDS]] })
  })

  it('after a changed definition: the new values are in the tables, and not the old ones', async () => {
    const { june, daily, weekly, run } = world()
    await run(daily, june, 'first')
    expect((await run(weekly, june, 'first')).err).toMatch(/WINDOW_STATE_MISMATCH.*choose another --data folder/s)
    const refused = await run(weekly, june, 'second')
    expect(refused.err).toContain('SQL_TABLE_TAKEN')
    await dropAsTold(refused)
    await run(weekly, june, 'second')
    expect(await stored()).toMatchObject({ latest: RECORDS })
    expect(
      await driver.query(
        'SELECT DISTINCT (window_end - window_start)::text AS width, sum(crimes)::text AS crimes FROM total GROUP BY 1',
      ),
    ).toEqual([{ width: '7 days', crimes: String(RECORDS) }])
  })
})
