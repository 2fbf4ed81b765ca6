import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { c, DeltaTable, directory, type StructType, s3 } from 'sluice/delta'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { main } from '#cli/main.ts'
import { S3Stub } from '../../support/s3-stub.ts'
import { temporaryFolder } from '../../support/temp.ts'
import { RecordingTerminal } from './recording-terminal.ts'

const FIELDS = [
  { name: 'id', ...c.long() },
  { name: 'city', ...c.string().nullable() },
]

let folder: string
let table: DeltaTable

/** Three appends and a delete of everything below 2, in a folder that is no data folder. */
beforeEach(async () => {
  folder = temporaryFolder()
  const options = { fields: FIELDS, description: 'where\tpeople live', properties: { owner: 'me' } }
  table = await DeltaTable.create(directory(folder), 'cities', options)
  for (const id of [1, 2, 3]) await table.append([{ id, city: `c${id}` }], { txn: { appId: 'import', version: id } })
  await table.delete({ id: { lt: 2 } })
})

async function sluice(...args: readonly string[]) {
  const terminal = new RecordingTerminal({ workingFolder: folder })
  const code = await main(args, terminal)
  return { code, out: terminal.output, err: terminal.errors, lines: terminal.lines }
}

const ids = async (): Promise<readonly unknown[]> => {
  const rows: Record<string, unknown>[] = []
  for await (const run of (await table.snapshot()).rows()) rows.push(...run)
  return rows.map((row) => row['id']).sort()
}

describe('sluice describe', () => {
  test('says what a table is that has no data folder', async () => {
    const { code, out } = await sluice('describe', 'cities')
    expect(code).toBe(0)
    expect(out).toMatch(/^table +cities$/m)
    expect(out).toMatch(/^description +where\\tpeople live$/m)
    expect(out).toMatch(/^version +4, committed \d{4}-/m)
    expect(out).toMatch(/^rows +2$/m)
    expect(out).toMatch(/^files +2, [\d,]+ B; 1 removed ones remembered$/m)
    expect(out).toMatch(/^protocol +reader 1, writer 2$/m)
    expect(out).toMatch(/^id +long$/m)
    expect(out).toMatch(/^city +string +null$/m)
    expect(out).toMatch(/^owner +me$/m)
    expect(out).toMatch(/^import +3$/m)
  })

  test('is one document as JSON, and takes paths and file URIs', async () => {
    const { out } = await sluice('describe', './cities', '--json')
    expect(JSON.parse(out)).toMatchObject({ table: './cities', version: 4, rows: 2, txns: { import: 3 } })
    expect((await sluice('describe', `file://${folder}/cities`)).code).toBe(0)
  })

  test('takes the tables of a data folder by name', async () => {
    mkdirSync(join(folder, 'data', 'lake'), { recursive: true })
    await DeltaTable.create(directory(join(folder, 'data', 'lake')), 'gold/towns', { fields: FIELDS })
    expect((await sluice('describe', 'towns', '--data', 'data')).out).toMatch(/^table +gold.towns$/m)
    expect(await sluice('describe', 'cities', '--data', 'data')).toMatchObject({
      code: 2,
      err: expect.stringContaining('TABLE_UNKNOWN: There is no table cities in'),
    })
  })

  test.each([
    ['./nowhere', 'DELTA_NOT_A_TABLE: Expected a Delta table at file://'],
    ['s3:///table', 'USAGE: Expected s3://BUCKET/FOLDER, found s3:///table: it has no bucket.'],
    [
      'gs://bucket/table',
      "USAGE: Expected a table's name, its folder or an s3:// URI, found gs://bucket/table: gs:// is no store",
    ],
  ])('of %s is refused', async (word, message) => {
    const { code, err } = await sluice('describe', word)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})

describe('a table in S3', () => {
  const variables = ['AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']

  test('is taken by its URI', async () => {
    const stub = await S3Stub.start('bucket')
    for (const [at, value] of [stub.endpoint, 'key-of-nobody', 'secret-of-nobody'].entries())
      vi.stubEnv(variables[at]!, value)
    try {
      const lake = await s3('bucket', { prefix: 'lake' })
      const remote = await DeltaTable.create(lake, 'gold/towns', { fields: FIELDS })
      await remote.append([{ id: 1, city: 'Bonn' }])
      await remote.append([{ id: 2, city: null }])
      const uri = 's3://bucket/lake/gold/towns'
      expect((await sluice('describe', uri)).out).toMatch(/^rows +2$/m)
      expect((await sluice('optimize', `${uri}/`)).out).toMatch(/^s3:.* 2 files .* became 1 /)
      expect((await sluice('restore', uri, '--version', '1')).code).toBe(0)
      expect((await remote.snapshot()).files).toHaveLength(1)
      expect(await sluice('describe', 's3://bucket/nowhere')).toMatchObject({
        code: 2,
        err: expect.stringContaining(
          'DELTA_NOT_A_TABLE: Expected a Delta table at s3://bucket/nowhere, found no commits',
        ),
      })
    } finally {
      vi.unstubAllEnvs()
      await stub.stop()
    }
  })
})

describe('sluice show and history', () => {
  test('take tables that no pipeline wrote, of any type', async () => {
    const field = (name: string, type: StructType['fields'][0]['type']) => ({
      name,
      type,
      nullable: true,
      metadata: {},
    })
    const list = { type: 'array', elementType: 'decimal(5,2)', containsNull: true } as const
    const fields = [
      field('price', 'decimal(9,2)'),
      field('day', 'date'),
      field('local', 'timestamp_ntz'),
      field('list', list),
    ]
    const typed = await DeltaTable.create(directory(folder), 'typed', { schema: { type: 'struct', fields } })
    await typed.append([{ price: '12.50', day: 1, local: 0, list: ['1.00', null] }, {}])
    expect((await sluice('show', './typed', '--zone', 'Asia/Tokyo')).lines).toEqual([
      'price  day         local                 list',
      '12.50  1970-01-02  1970-01-01T00:00:00Z  ["1.00",null]',
      '',
    ])
    expect((await sluice('history', 'typed', '--json')).out).toContain('"table":"typed","commits":[{"version":1,')
  })
})

describe('sluice optimize', () => {
  test('writes small files together, or says that it would', async () => {
    expect((await sluice('optimize', 'cities', '--dry-run')).out).toMatch(
      /^cities: 2 files \([\d,]+ B\) would be written anew\n$/,
    )
    expect((await table.snapshot()).version).toBe(4)
    expect((await sluice('optimize', 'cities')).out).toMatch(
      /^cities: 2 files \([\d,]+ B\) became 1 \([\d,]+ B\) in version 5\n$/,
    )
    expect(await sluice('optimize', 'cities')).toMatchObject({ code: 0, out: 'cities: nothing to do\n' })
    expect(await ids()).toEqual([2, 3])
  })

  test('sorts, keeps to a predicate, and writes a checkpoint when one is due', async () => {
    for (const id of [9, 8, 7, 6, 5]) await table.append([{ id }])
    const { out } = await sluice('optimize', 'cities', '--cluster-by', 'city, id', '--target', '1MB', '--json')
    expect(JSON.parse(out)).toMatchObject({ committed: true, checkpointed: true, metrics: { numAddedFiles: 1 } })
    expect(await table.describe()).toMatchObject({ checkpoint: 10 })
    const filtered = await sluice('optimize', 'cities', '--where', '{"id":{"gt":100}}')
    expect(filtered.out).toBe('cities: nothing to do\n')
  })

  test.each([
    [['--target', 'big'], '--target takes a size such as 64MB, not big.'],
    [['--where', '{'], `--where takes JSON such as '{"district":"011"}', not {.`],
    [['--where', '{"id":{"like":1}}'], 'DELTA_PREDICATE_INVALID'],
  ])('%j is refused', async (args, message) => {
    const { code, err } = await sluice('optimize', 'cities', ...args)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})

describe('sluice vacuum', () => {
  test('keeps what is young, and lists or deletes the rest when it is forced', async () => {
    expect(await sluice('vacuum', 'cities')).toMatchObject({ out: 'cities: 0 files (0 B) deleted, 3 kept\n' })
    expect(await sluice('vacuum', 'cities', '--older-than', '1 day')).toMatchObject({
      code: 2,
      err: expect.stringContaining('DELTA_RETENTION_TOO_SHORT'),
    })
    const forced = ['vacuum', 'cities', '--older-than', '0 seconds', '--force']
    // A file that is as old as now is not older than now.
    while (Date.now() <= (await table.snapshot()).timestamp) await new Promise(setImmediate)
    const { lines } = await sluice(...forced, '--dry-run')
    expect(lines).toEqual([
      expect.stringMatching(/^cities\/part-.*\.parquet$/),
      expect.stringMatching(/^cities: 1 files \([\d,]+ B\) would be deleted, 2 kept$/),
    ])
    expect((await sluice(...forced, '--log')).lines).toEqual([
      expect.stringMatching(/^cities: 1 files \([\d,]+ B\) deleted, 2 kept$/),
      'cities: 0 files of the log deleted',
    ])
    expect(await ids()).toEqual([2, 3])
  })

  test('with a time that is none is refused', async () => {
    expect(await sluice('vacuum', 'cities', '--older-than', 'long')).toMatchObject({
      code: 2,
      err: expect.stringContaining('DURATION_INVALID: Expected olderThan to be a duration'),
    })
  })
})

describe('sluice restore', () => {
  test('goes back to a version or a time, or says what that would be', async () => {
    expect((await sluice('restore', 'cities', '--version', '2', '--dry-run')).out).toMatch(
      /^cities: 1 files back \([\d,]+ B\), 1 away \([\d,]+ B\) to go back to version 2\n$/,
    )
    expect((await sluice('restore', 'cities', '--version', '2')).out).toMatch(
      /^cities: is what it was at version 2, in version 5: 1 files back/,
    )
    expect(await ids()).toEqual([1, 2])
    const { out } = await sluice('restore', 'cities', '--time', '2999-01-01', '--json')
    expect(JSON.parse(out)).toMatchObject({ table: 'cities', version: 5, committed: false })
    expect((await sluice('restore', 'cities', '--time', '2999-01-01 10:00')).out).toBe(
      'cities: is what it was at 2999-01-01T10:00:00Z already\n',
    )
  })

  test.each([
    [[], 'To which version? Choose one of --version and --time.'],
    [['--version', '1', '--time', '2024-05-01'], 'To which version?'],
    [['--version', '99'], 'DELTA_VERSION_NOT_FOUND'],
    [['--time', 'yesterday'], '--time takes a time such as 2024-05-01T10:00:00Z, not yesterday.'],
    [['--time', '1999-01-01'], 'DELTA_VERSION_NOT_FOUND'],
  ])('with %j is refused', async (args, message) => {
    const { code, err } = await sluice('restore', 'cities', ...args)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})
