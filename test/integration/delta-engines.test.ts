import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { type DeltaTable, directory } from 'sluice/delta'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Filter, filtersOf, type PlainRow, plainRows, rowsOf, schemaOf, sorted } from '../support/plain-values.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { WRITTEN_TABLES } from '../support/written-tables.ts'

/** Python with deltalake, pyarrow, polars and duckdb. */
const PYTHON = process.env['READERS_PYTHON']
/** File of DuckDB's delta extension. */
const DUCKDB_DELTA = process.env['DUCKDB_DELTA']
const PROGRAM = fileURLToPath(new URL('../support/engine_reads.py', import.meta.url))

interface Case {
  readonly name: string
  readonly table: DeltaTable
  readonly filters: readonly Filter[]
}

interface Answer {
  readonly rows: readonly PlainRow[]
  readonly ids: readonly (readonly number[] | string)[]
}

/**
 * DataFusion takes a field that may not be null for one that never is, though the struct around it may be null: in such rows of a table,
 * whoever wrote it, it finds some value of its own in `place.latitude`.
 */
const isMistaken = (engine: string, { column }: Filter): boolean => engine === 'datafusion' && column[0] === 'place'

let folder: ReturnType<typeof createTemporaryFolder>
const cases: Case[] = []

async function ask(engine: string, jobs: readonly object[]): Promise<readonly Answer[]> {
  const child = spawn(PYTHON!, [PROGRAM, engine, DUCKDB_DELTA ?? ''], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(JSON.stringify(jobs))
  const [answers, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (answers === '') throw new Error(errors.slice(-4_000))
  return JSON.parse(answers)
}

describe.skipIf(PYTHON === undefined)('Our tables (READERS_PYTHON)', () => {
  beforeAll(async () => {
    folder = createTemporaryFolder()
    for (const [name, write] of Object.entries(WRITTEN_TABLES)) {
      const table = await write(directory(folder.path), name.replaceAll(' ', '_'))
      cases.push({ name, table, filters: filtersOf(await schemaOf(table), await rowsOf(table)) })
    }
  })
  afterAll(() => folder?.[Symbol.dispose]())

  const engines = ['pyarrow', 'datafusion', 'polars', ...(DUCKDB_DELTA === undefined ? [] : ['duckdb'])]
  it.each(engines)('of every kind have equal rows and answers to filters in %s', async (engine) => {
    const sqlEngine = engine === 'datafusion' || engine === 'duckdb' ? engine : undefined
    const jobs = cases.map(({ table, filters }) => ({
      path: join(folder.path, table.path),
      filters: sqlEngine === undefined ? [] : filters.map(({ sql }) => sql(sqlEngine)),
    }))
    const answers = await ask(engine, jobs)
    for (const [at, { name, table, filters }] of cases.entries()) {
      const { rows, ids } = answers[at]!
      expect({ engine, name, rows: sorted(rows) }).toEqual({ engine, name, rows: await plainRows(table) })
      if (sqlEngine === undefined) continue
      for (const [i, { where, sql }] of filters.entries()) {
        if (isMistaken(engine, filters[i]!)) continue
        const wanted = (await plainRows(table, where)).map(({ id }) => id)
        expect({ name, sql: sql(sqlEngine), ids: ids[i] }).toEqual({ name, sql: sql(sqlEngine), ids: wanted })
      }
    }
  })
})
