import { join } from 'node:path'
import { type DeltaTable, directory, s3 } from 'sluice/delta'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Filter, filtersOf, plainRows, rowsOf, schemaOf } from '../support/plain-values.ts'
import { newBucket, S3_ENDPOINT } from '../support/s3-bucket.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { TRINO_URL, toTheMillisecond, trino, trinoRows, withRegistered } from '../support/trino.ts'
import { notANumber, WRITTEN_TABLES } from '../support/written-tables.ts'

let folder: ReturnType<typeof createTemporaryFolder>

beforeAll(() => {
  folder = createTemporaryFolder()
})
afterAll(() => folder[Symbol.dispose]())

/** An instant of a table has no microseconds in Trino: none equals what has them. */
const isLossy = ({ type, where }: Filter): boolean => type === 'timestamp' && JSON.stringify(where).includes('"eq"')

async function expectSameFilters(table: DeltaTable, name: string): Promise<void> {
  const filters = filtersOf(await schemaOf(table), await rowsOf(table)).filter((filter) => !isLossy(filter))
  const union = filters.map(({ sql }, at) => `SELECT ${at} AS f, id FROM ${name} WHERE ${sql('trino')}`)
  const found = new Map<unknown, unknown[]>()
  for (const [filter, id] of await trino(union.join(' UNION ALL ')))
    found.set(filter, [...(found.get(filter) ?? []), id])
  for (const [at, { where, sql }] of filters.entries()) {
    const ids = (found.get(at) ?? []).sort((a, b) => Number(a) - Number(b))
    const wanted = (await plainRows(table, where)).map(({ id }) => id)
    expect({ sql: sql('trino'), ids }).toEqual({ sql: sql('trino'), ids: wanted })
  }
}

describe.skipIf(TRINO_URL === undefined)('Trino (TRINO_URL) reads what we wrote as we do:', () => {
  it.each(Object.keys(WRITTEN_TABLES))('rows and filters of the table %j', async (name) => {
    const path = name.replaceAll(' ', '_')
    const table = await WRITTEN_TABLES[name]!(directory(folder.path), path)
    const schema = await schemaOf(table)
    await withRegistered(join(folder.path, path), async (registered) => {
      const own = (await plainRows(table)).map((row) => toTheMillisecond(schema, row))
      expect(await trinoRows(registered, schema)).toEqual(own)
      await expectSameFilters(table, registered)
    })
  })

  it('NaN is above no number', async () => {
    await notANumber(directory(folder.path), 'nan')
    await withRegistered(join(folder.path, 'nan'), async (name) => {
      expect(await trino(`SELECT id FROM ${name} WHERE d > 5 OR f > 5`)).toEqual([])
      expect(await trino(`SELECT id FROM ${name} WHERE is_nan(d) AND is_nan(f)`)).toEqual([[1]])
    })
  })

  it.skipIf(S3_ENDPOINT === undefined)('rows of a table in an S3 bucket (AWS_ENDPOINT_URL)', async () => {
    const bucket = await newBucket()
    const table = await WRITTEN_TABLES['changed']!(await s3(bucket), 'a table')
    const schema = await schemaOf(table)
    await withRegistered(`s3://${bucket}/a table`, async (name) => {
      const own = (await plainRows(table)).map((row) => toTheMillisecond(schema, row))
      expect(await trinoRows(name, schema)).toEqual(own)
    })
  })
})
