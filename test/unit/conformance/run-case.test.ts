import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { DeltaTable, writeDataFile } from '#delta/table.ts'
import { encodeParquet } from '#parquet/writer.ts'
import type { Fields } from '#schema/column.ts'
import { fromRows } from '#schema/from-rows.ts'
import { type Case, findCases } from '../../conformance/case.ts'
import { runCase } from '../../conformance/run-case.ts'
import { createTemporaryFolder } from '../../support/temp.ts'

const FIELDS: Fields = [
  { name: 'id', column: { kind: 'long', nullable: true } },
  { name: 'at', column: { kind: 'timestamp', nullable: true } },
  { name: 'raw', column: { kind: 'binary', nullable: true } },
]
const ROWS = [
  { id: 1, at: 1_500, raw: new TextEncoder().encode('x') },
  { id: 2, at: null, raw: null },
]
const LINES = ['{"id":"2","at":null,"raw":null}', '{"id":"1","at":"1970-01-01T00:00:01.500000Z","raw":"eA=="}']
const JSON_OF_CASE = { latestVersion: 1, replayRows: 2, secondEngine: { base64Columns: ['raw'] } }

let folder: ReturnType<typeof createTemporaryFolder>

beforeAll(() => {
  folder = createTemporaryFolder()
})
afterAll(() => folder[Symbol.dispose]())

/** A case `<suite>/<name>` with a table of two rows; `files` are written beside it, objects as JSON. */
async function caseOf(name: string, kind: string, files: Readonly<Record<string, unknown>> = {}): Promise<Case> {
  const path = join(folder.path, 'suite', name)
  const ports = { store: new DirectoryObjectStore(path), clock: systemClock, ids: randomIds }
  const table = await DeltaTable.openOrCreate(ports, 'delta', { fields: FIELDS })
  const add = await writeDataFile(ports, 'delta', fromRows(FIELDS, ROWS))
  await table.commit({ readVersion: 0, adds: [add!], txns: [{ appId: 'app', version: 7 }] })
  for (const [file, content] of Object.entries({ 'case.json': { kind, ...JSON_OF_CASE }, ...files })) {
    mkdirSync(join(path, file, '..'), { recursive: true })
    const isText = typeof content === 'string' || content instanceof Uint8Array
    writeFileSync(join(path, file), isText ? content : JSON.stringify(content))
  }
  return findCases(folder.path).find((test) => test.name === `suite/${name}`)!
}

const outcome = async (test: Case, unsupported: readonly string[] = []) => runCase(test, new Set(unsupported))
const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`

describe('a case of the conformance runner', () => {
  it('passes when rows, counts and state are as expected', async () => {
    const parquet = encodeParquet(fromRows(FIELDS, [...ROWS].reverse())).bytes
    const files = { 'expected_ndjson/latest.ndjson': lines(...LINES), 'expected_ndjson/v0.ndjson': '' }
    expect(await outcome(await caseOf('right', 'read', files))).toEqual({ outcome: 'passed', reasons: [] })
    const upstream = await caseOf('upstream', 'read', { 'expected/part-0.parquet': parquet })
    expect(await outcome(upstream)).toEqual({ outcome: 'passed', reasons: [] })
  })

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'a row',
      { 'expected_ndjson/latest.ndjson': lines(LINES[0]!, LINES[1]!.replace('500000', '500001')) },
      '1 of 2 missing',
    ],
    ['a row too many', { 'expected_ndjson/latest.ndjson': lines(LINES[1]!) }, '1 of 2 not expected'],
    ['the rows of a version', { 'expected_ndjson/v0.ndjson': lines(LINES[0]!) }, 'v0: 1 of 1 missing'],
    [
      'the count',
      { 'case.json': { kind: 'read', ...JSON_OF_CASE, replayRows: 3 } },
      'latest: expected 3 rows, found 2',
    ],
    [
      'the version',
      { 'case.json': { kind: 'read', ...JSON_OF_CASE, latestVersion: 2 } },
      'latest version: expected 2, found 1',
    ],
    [
      'upstream',
      { 'expected/part-0.parquet': encodeParquet(fromRows(FIELDS, ROWS.slice(1))).bytes },
      'latest: 0 of 1 missing',
    ],
    [
      'transactions',
      {
        'expected_state.json': {
          version: 1,
          protocol: { minReaderVersion: 1, minWriterVersion: 2 },
          partitionColumns: [],
          configuration: {},
          schemaString: '{}',
          txn: { app: 8 },
          activeFiles: [],
        },
      },
      'transactions: expected {"app":8}, found {"app":7}',
    ],
  ])('fails when %s differ', async (what, files, reason) => {
    const result = await outcome(await caseOf(`wrong ${what}`, 'read', files))
    expect(result.outcome).toBe('failed')
    expect(result.reasons.join('\n')).toContain(reason)
  })

  it('passes with a note when the rows are as one of two answers has them', async () => {
    const parquet = encodeParquet(fromRows(FIELDS, ROWS)).bytes
    const other = encodeParquet(fromRows(FIELDS, ROWS.slice(1))).bytes
    const note = ['latest: the case has two answers, and the rows are as one of them']
    const lost = { 'expected/part-0.parquet': parquet, 'expected_ndjson/latest.ndjson': lines(LINES[0]!) }
    expect(await outcome(await caseOf('lost', 'read', lost))).toEqual({ outcome: 'passed', reasons: [], notes: note })
    const shifted = { 'expected/part-0.parquet': other, 'expected_ndjson/latest.ndjson': lines(...LINES) }
    expect(await outcome(await caseOf('shifted', 'read', shifted))).toMatchObject({ outcome: 'passed', notes: note })
    const neither = { 'expected/part-0.parquet': other, 'expected_ndjson/latest.ndjson': lines(LINES[0]!) }
    expect(await outcome(await caseOf('neither', 'read', neither))).toMatchObject({ outcome: 'failed' })
  })

  it('fails when it should not be read, but is', async () => {
    expect(await outcome(await caseOf('negative', 'negative'))).toMatchObject({ outcome: 'failed' })
    const broken = { 'delta/_delta_log/00000000000000000001.json': '{"add":' }
    expect(await outcome(await caseOf('broken', 'negative', broken))).toMatchObject({ outcome: 'passed' })
    expect(await outcome(await caseOf('broken too', 'read', broken))).toMatchObject({ outcome: 'failed' })
  })

  it('may be refused by name for features that the documents refuse', async () => {
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['rainbows'],
      writerFeatures: ['rainbows'],
    }
    const test = await caseOf('refused', 'read', {
      'delta/_delta_log/00000000000000000002.json': JSON.stringify({ protocol }),
    })
    expect(await outcome(test, ['rainbows'])).toEqual({ outcome: 'passed', reasons: [], refused: ['rainbows'] })
    expect(await outcome(test)).toMatchObject({ outcome: 'failed' })
  })

  it('appends to a copy of the table where it is about a writer', async () => {
    const parquet = (rows: typeof ROWS) => encodeParquet(fromRows(FIELDS, rows)).bytes
    const files = { 'other/more.parquet': parquet(ROWS.slice(1)) }
    const right = { ...files, 'expected/post_append/table_content.parquet': parquet([...ROWS, ROWS[1]!]) }
    expect(await outcome(await caseOf('writer', 'writer', right))).toMatchObject({ outcome: 'passed' })
    const wrong = { ...files, 'expected/post_append/table_content.parquet': parquet(ROWS) }
    expect(await outcome(await caseOf('other writer', 'writer', wrong))).toMatchObject({ outcome: 'failed' })
  })

  it('of an unknown kind is skipped, with the reason', async () => {
    expect(await outcome(await caseOf('unknown', 'juggling'))).toEqual({
      outcome: 'skipped',
      reasons: ['a kind of case that the runner does not know: juggling'],
    })
  })
})
