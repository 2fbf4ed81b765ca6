import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { DeltaTable, type DeltaType, directory } from 'sluice/delta'
import { describe, expect, test } from 'vitest'
import { main } from '#cli/main.ts'
import { RecordingTerminal } from '../cli/recording-terminal.ts'
import { DATA, FEATURES } from './bad-data.ts'
import * as bad from './bad-tables.ts'
import { DamagedTable, type DamagedTableOptions } from './damaged-table.ts'

function filledIn(message: string, table: DamagedTable, files: readonly string[]): string {
  return message
    .replaceAll('{uri}', `file://${table.root}`)
    .replaceAll(/\{data (\d)\}/g, (_, version) => files[version]!)
    .replaceAll(/\{file (\d)\}/g, (_, version) => files[version]!.slice(2))
}

describe.each([
  ['no table', bad.NO_TABLE],
  ['the log', bad.LOGS],
  ['actions', bad.ACTIONS],
  ['checkpoints', bad.CHECKPOINTS],
  ['checksums', bad.CHECKSUMS],
  ['data files', DATA],
  ['features', FEATURES],
])('Bad input: %s', (_, cases) => {
  test.each(cases)('$title is refused with $code, which says what to do', async (wrong) => {
    const table = await DamagedTable.create(wrong.options)
    const files = ['', table.data(1), table.data(2)]
    wrong.damage(table)
    const message = filledIn(wrong.message, table, files)
    const error = await table.ids(wrong.read).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'SluiceError', code: wrong.code, retryable: false })
    expect((error as Error).message.slice(0, message.length)).toBe(message)
    for (const command of wrong.commands ?? ['show']) {
      const terminal = new RecordingTerminal({ workingFolder: table.root })
      const code = await main([...command.split(' '), './t'], terminal)
      expect({ command, code, out: terminal.output }).toEqual({
        command,
        code: wrong.code === 'DELTA_NOT_A_TABLE' ? 2 : 1,
        out: '',
      })
      expect(terminal.errors).toBe(`sluice: ${wrong.code}: ${(error as Error).message}\n`)
    }
  })
})

/** What is wrong, and made up for in silence: the rows are right. */
interface Survived {
  readonly title: string
  readonly options?: DamagedTableOptions
  readonly damage: (table: DamagedTable) => void
  readonly ids?: readonly number[]
}

const cleaned = (table: DamagedTable): void => table.remove(table.commit(0), table.commit(1))

const SURVIVED: readonly Survived[] = [
  ...(
    [
      ['An empty', 0],
      ['A truncated', 200],
    ] as const
  ).map(([what, bytes]) => ({
    title: `${what} checkpoint is passed over as long as the commits are there`,
    options: { checkpoints: [2] },
    damage: (table: DamagedTable) => table.cut(table.checkpoint(2), bytes),
  })),
  {
    title: 'A truncated checkpoint is passed over for an older one',
    options: { versions: 5, checkpoints: [2, 4] },
    damage: (table) => {
      cleaned(table)
      table.cut(table.checkpoint(4), 300)
    },
    ids: [1, 2, 3, 4, 5],
  },
  {
    title: 'A log that was cleaned up to its checkpoint is whole',
    options: { checkpoints: [2] },
    damage: (table) => table.remove(table.commit(0), table.commit(1), table.commit(2)),
  },
  {
    title: 'A checkpoint that is newer than all commits is the latest version',
    options: { checkpoints: [3] },
    damage: (table) => table.remove(...[0, 1, 2, 3].map((version) => table.commit(version))),
  },
  ...(
    [
      ['stale', '{"version":1,"size":3}'],
      ['dangling', '{"version":2,"size":4}'],
      ['from the future', '{"version":50,"size":4}'],
      ['negative', '{"version":-1}'],
      ['beyond all numbers', '{"version":1e300}'],
      ['empty', ''],
      ['binary garbage', Uint8Array.of(0, 159, 146, 150, 255)],
    ] as const
  ).map(([what, content]) => ({
    title: `A _last_checkpoint that is ${what} costs time only`,
    options: { checkpoints: [1, 3] },
    damage: (table: DamagedTable) => table.write(table.hint, content),
  })),
  {
    title: 'A missing checksum is done without',
    damage: (table) => table.remove(table.checksum(3)),
  },
  {
    title: 'A truncated checksum is done without',
    damage: (table) => table.cut(table.checksum(3), 60),
  },
  {
    title: 'A checksum with wrong counts changes no rows',
    damage: (table) =>
      table.write(table.checksum(3), table.read(table.checksum(3)).toString().replace('"numFiles":3', '"numFiles":30')),
  },
  {
    title: 'A commit without a line break at its end is whole',
    damage: (table) => table.write(table.commit(3), table.read(table.commit(3)).toString().trimEnd()),
  },
]

describe('Bad input that is made up for', () => {
  test.each(SURVIVED)('$title', async ({ options, damage, ids = [1, 2, 3] }) => {
    const table = await DamagedTable.create(options)
    damage(table)
    expect(await table.ids()).toEqual(ids)
    const terminal = new RecordingTerminal({ workingFolder: table.root })
    expect(await main(['show', './t', '--columns', 'id'], terminal)).toBe(0)
    expect(terminal.output.trim().split(/\s+/)).toEqual(['id', ...ids.map(String)])
    // The next append finds its way too.
    await (await table.open()).append([{ id: 99, city: null }])
    expect(await table.ids()).toEqual([...ids, 99])
  })

  test('A clock that went back leaves the versions in their order', async () => {
    const table = await DamagedTable.create()
    const at = (version: number): number => Date.UTC(2026, 0, [1, 9, 5, 7][version]!)
    for (const version of [0, 1, 2, 3]) utimesSync(join(table.root, table.commit(version)), 0, at(version) / 1000)
    // Version 2 was written on the 5th by a clock that was behind: it counts as a moment after version 1, of the 9th.
    expect(await table.ids({ timestamp: at(1) })).toEqual([1])
    expect(await table.ids({ timestamp: at(1) + 1 })).toEqual([1, 2])
    expect(await table.ids({ timestamp: at(1) + 2 })).toEqual([1, 2, 3])
    await expect(table.ids({ timestamp: at(0) - 1 })).rejects.toMatchObject({
      code: 'DELTA_VERSION_NOT_FOUND',
      message:
        'Expected a time at or after 2026-01-01T00:00:00.000Z, when version 0 of t was committed, found 2025-12-31T23:59:59.999Z. Choose a later time.',
    })
  })
})

describe('Rows and schemas that no table can take', () => {
  const nested = (depth: number): DeltaType =>
    depth === 0 ? 'long' : { type: 'array', elementType: nested(depth - 1), containsNull: true }
  const struct = (name: string, type: DeltaType, nullable = true) => ({
    schema: { type: 'struct', fields: [{ name, type, nullable, metadata: {} }] } as const,
  })
  const MEND = 'Nothing was committed: mend the rows, or evolve the table first.'

  test('Rows of another schema are refused column by column', async () => {
    const table = await (await DamagedTable.create()).open()
    await expect(table.append([{ id: 'x', city: 5, mayor: true }])).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The rows do not fit the Delta table t: id: expected a whole number (a bigint beyond 2^53) of 64 bits, found "x" (row 0); city: expected well-formed text, found 5 (row 0); mayor: the table has no such column (row 0). ${MEND}`,
    })
    expect((await table.snapshot()).version).toBe(3)
  })

  test('Null is refused in a column that may not be null, with its row', async () => {
    const table = await (await DamagedTable.create()).open()
    await expect(
      table.append([
        { id: 1, city: null },
        { id: null, city: null },
      ]),
    ).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The rows do not fit the Delta table t: id: expected long, found null, and it may not be null (row 1). ${MEND}`,
    })
  })

  test.each(['1000.00', 999.995, '-12345', 1e21])('A decimal that overflows is refused: %j', async (price) => {
    const made = await DamagedTable.create({ versions: 0, ...struct('price', 'decimal(5,2)') })
    await expect((await made.open()).append([{ price }])).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The rows do not fit the Delta table t: price: expected a decimal of 5 digits, 2 of them after the point, found ${JSON.stringify(price)} (row 0). ${MEND}`,
    })
  })

  test.each([
    [
      'a column nested too deep',
      struct('deep', nested(33)),
      'DELTA_FEATURE_UNSUPPORTED',
      `Expected column deep${'.element'.repeat(10).slice(0, 76)}… to be structs, lists and maps in each other 32 deep at most, found more. Declare the column otherwise.`,
    ],
    [
      'an illegal column name',
      struct('a b', 'long'),
      'NAME_INVALID',
      'Expected a Delta column name without spaces and without any of ,;{}()=, found "a b". Rename the column.',
    ],
    [
      'a column without a name',
      struct('', 'long'),
      'NAME_INVALID',
      'Expected a Delta column name without spaces and without any of ,;{}()=, found "". Rename the column.',
    ],
  ])('A new table with %s is refused', async (_, options, code, message) => {
    await expect(DamagedTable.create(options)).rejects.toMatchObject({ code, message })
  })

  test('A table is not created over another one', async () => {
    const made = await DamagedTable.create()
    await expect(DeltaTable.create(directory(made.root), 't', struct('x', 'long'))).rejects.toMatchObject({
      code: 'DELTA_TABLE_EXISTS',
      message: `Expected no Delta table at file://${made.root}/t, found one. Open it, or choose another path.`,
    })
  })
})
