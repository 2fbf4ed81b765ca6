import { join } from 'node:path'
import { DeltaTable, directory, isSluiceError } from 'sluice/delta'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readByDeltaRs } from '../support/delta-rs.ts'
import { HAS_JAVAC, withLinkLogStore } from '../support/link-log-store.ts'
import { SHARED, writeTogether } from '../support/many-writers.ts'
import { filtersOf, type PlainRow, plainRow, plainRows, rowsOf, schemaOf, sorted } from '../support/plain-values.ts'
import { SPARK_3, SPARK_4, SparkSession } from '../support/spark.ts'
import { REFUSED_TO_WRITE, SPARK_TABLES } from '../support/spark-tables.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { notANumber, WRITTEN_TABLES } from '../support/written-tables.ts'

// Spark takes its time where it has few processors.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 })

/** Python with deltalake. */
const DELTA_RS = process.env['READERS_PYTHON']

let folder: ReturnType<typeof createTemporaryFolder>

beforeAll(() => {
  folder = createTemporaryFolder()
})
afterAll(() => folder[Symbol.dispose]())

/** Each is a scan of its own, which Spark thinks about for a third of a second: some on each table, others on each. */
const FILTERS = 10

async function expectSameFilters(spark: SparkSession, table: DeltaTable, count = FILTERS): Promise<void> {
  const all = filtersOf(await schemaOf(table), await rowsOf(table))
  const every = Math.max(1, Math.round(all.length / count))
  const filters = all.filter((_, at) => (at + table.path.length) % every === 0)
  const name = sqlName(table.path)
  const union = filters.map(({ sql }, at) => `SELECT ${at} AS f, id FROM ${name} WHERE ${sql('spark')}`)
  const found = new Map<unknown, unknown[]>()
  for (const [filter, id] of await spark.sql(union.join(' UNION ALL ')))
    found.set(filter, [...(found.get(filter) ?? []), id])
  for (const [at, { where, sql }] of filters.entries()) {
    const ids = (found.get(at) ?? []).sort((a, b) => Number(a) - Number(b))
    const wanted = (await plainRows(table, where)).map(({ id }) => id)
    expect({ sql: sql('spark'), ids }).toEqual({ sql: sql('spark'), ids: wanted })
  }
}

const sqlName = (path: string): string => `delta.\`${join(folder.path, path)}\``

async function expectSameRows(spark: SparkSession, table: DeltaTable): Promise<void> {
  expect(await spark.rows(sqlName(table.path), await schemaOf(table))).toEqual(await plainRows(table))
}

async function ownChanges(table: DeltaTable): Promise<readonly string[]> {
  const lines: string[] = []
  const schema = await schemaOf(table)
  for await (const rows of table.changes({ from: 0 })) {
    for (const row of rows) lines.push(JSON.stringify([row._commit_version, row._change_type, plainRow(schema, row)]))
  }
  return lines.sort()
}

async function sparkChanges(spark: SparkSession, table: DeltaTable): Promise<readonly string[]> {
  const schema = await schemaOf(table)
  const columns = schema.fields.map(({ name }) => `\`${name}\``).join(', ')
  const source = `table_changes_by_path('${join(folder.path, table.path)}', 0)`
  const rows = await spark.sql(`SELECT _commit_version, _change_type, struct(${columns}) FROM ${source}`)
  return rows.map((row) => JSON.stringify(row)).sort()
}

/** Two older versions that have rows. */
async function expectSameVersions(reader: SparkSession, table: DeltaTable): Promise<void> {
  const { version: last } = await table.snapshot()
  for (const version of new Set([1, Math.ceil(last / 2)])) {
    const snapshot = await table.snapshot({ version })
    const schema = JSON.parse(snapshot.metadata.schemaString)
    const own: PlainRow[] = []
    for await (const rows of snapshot.rows()) own.push(...rows.map((row) => plainRow(schema, row)))
    const found = await reader.rows(`${sqlName(table.path)} VERSION AS OF ${version}`, schema)
    expect({ version, rows: found }).toEqual({ version, rows: sorted(own) })
  }
}

/** Some of everything that writes. */
async function writeBeside(table: DeltaTable): Promise<void> {
  const [first, second] = await rowsOf(table)
  await table.append([{ ...first, id: 7_000 }])
  await table.merge(
    [7_000, 7_001].map((id) => ({ ...second, id })),
    { on: ['id'] },
  )
  await table.delete({ id: { in: [0, 102] } })
  await table.optimize()
  await table.checkpoint()
}

describe.each([SPARK_3, SPARK_4])('$name', (installation) => {
  describe.skipIf(installation.python === undefined)('in one session', () => {
    const place = installation === SPARK_4 ? 'spark_4' : 'spark_3'
    let spark: SparkSession

    beforeAll(async () => {
      const linked = installation === SPARK_4 && HAS_JAVAC
      const options = linked ? withLinkLogStore(installation, folder.path) : {}
      spark = await SparkSession.start(installation, folder.path, options)
    })
    afterAll(() => spark?.close())

    it.each(Object.keys(WRITTEN_TABLES))('reads rows and filters of our table %j', async (name) => {
      const path = `${place}/${name.replaceAll(' ', '_')}`
      const table = await WRITTEN_TABLES[name]!(directory(folder.path), path)
      await expectSameRows(spark, table)
      await expectSameFilters(spark, table)
    })

    it('finds NaN above all numbers in our table', async () => {
      const { path } = await notANumber(directory(folder.path), `${place}/nan`)
      const ids = (where: string) => spark.sql(`SELECT id FROM ${sqlName(path)} WHERE ${where} ORDER BY id`)
      expect(await ids('d > 5')).toEqual([[1]])
      expect(await ids('f > 5')).toEqual([[1]])
      expect(await ids('d <= 1')).toEqual([[0]])
      expect(await ids("d = double('NaN')")).toEqual([[1]])
    })

    it('reads changes and history of our table', async () => {
      const table = await WRITTEN_TABLES['feed']!(directory(folder.path), `${place}/changes`)
      expect(await sparkChanges(spark, table)).toEqual(await ownChanges(table))
      const history = await spark.sql(`DESCRIBE HISTORY ${sqlName(table.path)}`)
      const own = await table.history()
      expect(history.map(([version, , , , operation]) => [version, operation])).toEqual(
        own.map(({ version, operation }) => [version, operation]),
      )
    })

    // What Spark 3.5 writes, the other one does as well.
    const written = installation === SPARK_4 ? Object.keys(SPARK_TABLES) : []
    it.each(written)('writes %s, and we read it, older versions too, and write what it reads', async (name) => {
      const path = `by_spark/${name.replaceAll(/\W/g, '_')}`
      for (const statement of SPARK_TABLES[name]!) await spark.sql(statement.replaceAll('$', sqlName(path)))
      const table = await DeltaTable.open(directory(folder.path), path)
      await expectSameRows(spark, table)
      await expectSameFilters(spark, table, FILTERS / 2)
      await expectSameVersions(spark, table)
      if (name === 'a change feed') expect(await sparkChanges(spark, table)).toEqual(await ownChanges(table))
      if (REFUSED_TO_WRITE.has(name)) {
        const refusal = await writeBeside(table).catch((error: unknown) => error)
        expect(isSluiceError(refusal, 'DELTA_FEATURE_UNSUPPORTED')).toBe(true)
        return
      }
      await writeBeside(table)
      await expectSameRows(spark, table)
      await spark.sql(`DELETE FROM ${sqlName(path)} WHERE id = 1`)
      await expectSameRows(spark, table)
    })

    it.runIf(installation === SPARK_4 && HAS_JAVAC)(
      'appends and merges by links (javac), beside delta-rs and all that we do, and nothing is lost or doubled',
      async () => {
        const table = await DeltaTable.create(directory(folder.path), 'shared', { schema: SHARED })
        const place = join(folder.path, 'shared')
        const others = { spark, place, ...(DELTA_RS === undefined ? {} : { deltaRs: DELTA_RS }) }
        const wanted = [...(await writeTogether(table, others))].sort(([a], [b]) => a - b)
        const byId = (rows: readonly (readonly unknown[])[]) => [...rows].sort(([a], [b]) => Number(a) - Number(b))
        expect((await plainRows(table)).map(({ id, name }) => [id, name])).toEqual(wanted)
        expect(byId(await spark.sql(`SELECT id, name FROM ${sqlName('shared')}`))).toEqual(wanted)
        if (DELTA_RS !== undefined) expect(byId(await readByDeltaRs(DELTA_RS, place))).toEqual(wanted)
        const history = await table.history()
        expect(history.map(({ version }) => version)).toEqual([...history.keys()].reverse())
        const engines = new Set(history.map(({ engine }) => engine?.replace(/[^a-zA-Z].*$/, '')))
        expect(engines.size).toBe(DELTA_RS === undefined ? 2 : 3)
      },
    )
  })
})
