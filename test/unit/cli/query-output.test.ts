import { describe, expect, test } from 'vitest'
import { type QueryFormat, rowWriter } from '#cli/query-output.ts'
import { tablesNamedIn } from '#cli/query-tables.ts'
import { RecordingTerminal } from './recording-terminal.ts'

const NAMES = ['bronze.crimes', 'silver.crimes', 'gold.crimes', 'gold.crimes_anomaly']

describe('The tables of a query', () => {
  test.each([
    ['SELECT * FROM bronze.crimes', ['bronze.crimes']],
    ['select * from GOLD.Crimes_Anomaly', ['gold.crimes_anomaly']],
    ['FROM "silver"."crimes" JOIN bronze . crimes', ['bronze.crimes', 'silver.crimes']],
    ['SELECT gold.crimes.id FROM gold.crimes', ['gold.crimes']],
    ['SHOW ALL TABLES', NAMES],
    ['SELECT 1 FROM marigold.crimes_x', NAMES],
  ])('in %s are %j', (sql, tables) => {
    expect(tablesNamedIn(sql, NAMES)).toEqual(tables)
  })
})

async function written(format: QueryFormat, rows: readonly (readonly unknown[])[]): Promise<string> {
  const terminal = new RecordingTerminal()
  const columns = [
    { name: 'district', type: 'VARCHAR' },
    { name: 'the total', type: 'BIGINT' },
  ]
  const writer = rowWriter(terminal, format, columns)
  for (const row of rows) await writer.add(row)
  await writer.end()
  return terminal.output
}

describe('A result', () => {
  const rows = [
    ['001', 23_913],
    ['a "b",\nc', null],
    ['', 2n ** 60n],
    [null, 0],
  ]

  test('as a table has numbers to the right', async () => {
    expect((await written('table', rows)).split('\n')).toEqual([
      'district             the total',
      '001                      23913',
      'a "b",\\nc',
      '           1152921504606846976',
      '                             0',
      '',
    ])
  })

  test('as CSV quotes what must be, and tells null from empty text', async () => {
    expect(await written('csv', rows)).toBe(
      'district,the total\n001,23913\n"a ""b"",\nc",\n"",1152921504606846976\n,0\n',
    )
  })

  test('as JSON is an object a line, long integers as text', async () => {
    const lines = (await written('json', rows)).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { district: '001', 'the total': 23_913 },
      { district: 'a "b",\nc', 'the total': null },
      { district: '', 'the total': '1152921504606846976' },
      { district: null, 'the total': 0 },
    ])
  })

  test('as JSON loses no column that has the name of another', async () => {
    const terminal = new RecordingTerminal()
    const columns = ['id', 'id', 'id_1', 'id'].map((name) => ({ name, type: 'INTEGER' }))
    const writer = rowWriter(terminal, 'json', columns)
    await writer.add([1, 2, 3, 4])
    expect(JSON.parse(terminal.output)).toEqual({ id: 1, id_2: 2, id_1: 3, id_3: 4 })
  })

  test.each([
    ['table', 'district  the total\n'],
    ['csv', 'district,the total\n'],
    ['json', ''],
  ] as const)('without rows as %s is %j', async (format, text) => {
    expect(await written(format, [])).toBe(text)
  })
})
