import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { main } from '#cli/main.ts'
import { DeltaTable } from '#delta/table.ts'
import { S3Stub } from '../../support/s3-stub.ts'
import { createTemporaryFolder, temporaryFolder } from '../../support/temp.ts'
import { countedIds, ManualClock } from '../delta/fixtures.ts'
import { RecordingTerminal } from './recording-terminal.ts'

const folder = createTemporaryFolder()
let stub: S3Stub

async function sluice(args: readonly string[], workingFolder = folder.path) {
  const terminal = new RecordingTerminal({ workingFolder })
  const code = await main(args, terminal)
  return { code, out: terminal.output, err: terminal.errors, lines: terminal.lines }
}

// lake/readings                  a table
// lake/deep/er/country=DE/plain  a table whose name looks like a partition's folder
// lake/notes.txt, lake/_hidden   none
beforeAll(async () => {
  const store = new DirectoryObjectStore(join(folder.path, 'lake'))
  const deps = { store, clock: new ManualClock(), ids: countedIds() }
  for (const path of ['readings', 'deep/er/country=DE/plain']) {
    const table = await DeltaTable.create(deps, path, {
      fields: [{ name: 'id', column: { kind: 'long', nullable: false } }],
    })
    await table.append([{ id: 1 }, { id: 2 }])
  }
  await store.put('notes.txt', new Uint8Array(3))
  await store.put('_hidden/t/_delta_log/00000000000000000000.json', new Uint8Array(3))
  stub = await S3Stub.start('lake')
  for (const name of readdirSync(join(folder.path, 'lake'), { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    const file = join(name.parentPath, name.name)
    const key = `some/prefix/${file.slice(join(folder.path, 'lake').length + 1)}`
    stub.objects.set(key, { bytes: readFileSync(file), mark: undefined, modified: new Date(0) })
  }
})
afterAll(async () => {
  folder[Symbol.dispose]()
  await stub.stop()
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const withStub = (): void => {
  vi.stubEnv('AWS_ENDPOINT_URL', stub.endpoint)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key-of-nobody')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret-of-nobody')
}

describe('A place on this machine', () => {
  const ways = [
    ['by its path', () => join(folder.path, 'lake')],
    ['from the working folder', () => './lake'],
    ['as a URI', () => pathToFileURL(join(folder.path, 'lake')).href],
    ['with a slash at its end', () => 'lake/'],
  ] as const

  test.each(ways)('is listed with all tables in it, %s', async (_, place) => {
    const { code, lines } = await sluice(['tables', place()])
    expect(code).toBe(0)
    expect(lines.slice(1).map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ['deep/er/country=DE/plain', '2', '1'],
      ['readings', '2', '1'],
    ])
  })

  test('that is a table itself is listed by its name', async () => {
    const { out } = await sluice(['tables', 'lake/readings', '--json'])
    expect(JSON.parse(out)).toMatchObject({
      place: 'lake/readings',
      tables: [{ name: 'readings', rows: 2, version: 1 }],
    })
  })

  test.each([
    ['lake/readings', undefined],
    ['.', 'lake/readings'],
    ['readings', 'lake'],
  ])('is shown, and its history too: %s', async (place, below) => {
    const at = below === undefined ? folder.path : join(folder.path, below)
    const shown = await sluice(['show', place, '--json'], at)
    expect(shown).toMatchObject({ code: 0, out: '{"id":1}\n{"id":2}\n' })
    const history = await sluice(['history', place, '--json'], at)
    const { table, commits } = JSON.parse(history.out)
    expect(table).toBe(place)
    expect(commits.map(({ version }: { version: number }) => version)).toEqual([1, 0])
  })

  test('is shown also when another engine wrote it', async () => {
    const other = join(temporaryFolder(), 'theirs')
    const log = join(other, '_delta_log')
    cpSync(join(folder.path, 'lake', 'readings'), other, { recursive: true })
    for (const name of readdirSync(log)) {
      if (name.endsWith('.json')) {
        const text = readFileSync(join(log, name), 'utf8').replaceAll(
          '"engineInfo":"sluice"',
          '"engineInfo":"Other/1.0"',
        )
        writeFileSync(join(log, name), text)
      }
    }
    expect((await sluice(['show', other, '--json'])).out).toBe('{"id":1}\n{"id":2}\n')
    expect((await sluice(['history', other])).out).toContain('Other/1.0')
  })

  test('with a table that can not be read lists the others, and says why', async () => {
    const lake = join(temporaryFolder(), 'lake')
    cpSync(join(folder.path, 'lake'), lake, { recursive: true })
    mkdirSync(join(lake, 'broken', '_delta_log'), { recursive: true })
    writeFileSync(join(lake, 'broken', '_delta_log', '00000000000000000000.json'), '{"add"')
    const { code, lines, err } = await sluice(['tables', lake])
    expect(code).toBe(1)
    expect(lines.slice(1).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'broken',
      'deep/er/country=DE/plain',
      'readings',
    ])
    expect(lines[1]).toMatch(/^broken +\? +\? +\? +\? +DELTA_LOG_CORRUPT$/)
    expect(err).toMatch(
      /^sluice: broken: DELTA_LOG_CORRUPT: Delta log lake\/broken\/_delta_log\/0+\.json, line 1: expected a JSON object/,
    )
    const { tables } = JSON.parse((await sluice(['tables', lake, '--json'])).out)
    expect(tables[0]).toMatchObject({ name: 'broken', error: { code: 'DELTA_LOG_CORRUPT' } })
  })

  test('without a table is said to have none', async () => {
    const empty = temporaryFolder()
    expect(await sluice(['tables', empty])).toMatchObject({
      code: 2,
      err: `sluice: TABLE_UNKNOWN: Expected Delta tables at ${pathToFileURL(empty).href}, found none. A table is a folder with a _delta_log: check the path.\n`,
    })
    expect(await sluice(['show', './lake'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^sluice: DELTA_NOT_A_TABLE: Expected a Delta table at \S+\/lake, found no commits/),
    })
    expect(await sluice(['tables', 'x'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^sluice: TABLE_UNKNOWN: /),
    })
  })

  test.each([
    [
      'gs://bucket/table',
      "Expected a table's name, its folder or an s3:// URI, found gs://bucket/table: gs:// is no store that sluice has.",
    ],
    ['file://host/table', 'Expected a file on this machine as file:///path, found file://host/table.'],
    ['s3:///table', 'Expected s3://BUCKET/FOLDER, found s3:///table: it has no bucket.'],
  ])('of another kind is refused: %s', async (place, message) => {
    for (const command of ['tables', 'show', 'history']) {
      expect(await sluice([command, place])).toMatchObject({ code: 2, err: `sluice: USAGE: ${message}\n` })
    }
  })
})

describe('A place in S3', () => {
  test.each(['s3://lake/some/prefix', 's3://lake/some/prefix/', 's3a://lake/some'])('is listed: %s', async (place) => {
    withStub()
    const { tables } = JSON.parse((await sluice(['tables', place, '--json'])).out)
    const names = tables.map(({ name, rows }: { name: string; rows: number }) => [name.replace(/^prefix\//, ''), rows])
    expect(names).toEqual([
      ['deep/er/country=DE/plain', 2],
      ['readings', 2],
    ])
  })

  test('is shown, and its history too', async () => {
    withStub()
    const place = 's3://lake/some/prefix/readings'
    expect(await sluice(['show', place, '--json'])).toMatchObject({ code: 0, out: '{"id":1}\n{"id":2}\n' })
    expect((await sluice(['history', place])).lines).toHaveLength(3)
  })

  test('that is not there is said to be so', async () => {
    withStub()
    expect(await sluice(['show', 's3://nowhere/table'])).toMatchObject({
      code: 2,
      err: `sluice: STORE_BUCKET_NOT_FOUND: Expected an S3 bucket nowhere at ${stub.endpoint}, found none. Check the name and the account, or create it.\n`,
    })
    expect(await sluice(['show', 's3://lake/some/table'])).toMatchObject({
      code: 2,
      err: expect.stringContaining(
        'DELTA_NOT_A_TABLE: Expected a Delta table at s3://lake/some/table, found no commits',
      ),
    })
  })
})
