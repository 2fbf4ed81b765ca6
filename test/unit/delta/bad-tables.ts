import type { SnapshotOptions } from 'sluice/delta'
import type { DamagedTable, DamagedTableOptions } from './damaged-table.ts'

/** What can be wrong with a table on disk, and what a reader is told: expected, found, what to do. */
export interface BadTable {
  readonly title: string
  readonly options?: DamagedTableOptions
  readonly damage: (table: DamagedTable) => void
  readonly code: string
  /** `{uri}`, `{data 2}`: the folder's URI, the data file of version 2. */
  readonly message: string
  readonly read?: SnapshotOptions
  /** The commands that say the same; `show` without. */
  readonly commands?: readonly string[]
}

const LOG = 't/_delta_log'
export const name = (version: number): string => `${LOG}/0000000000000000000${version}`
export const RESTORE_LOG =
  'Restore that file from a copy; without it the table can only be read as of an older version.'
const RESTORE_CHECKPOINT = 'Restore it from a copy; until then only versions whose commits are all there can be read.'
export const ALL = ['show', 'describe', 'history']

/** Changes what version 2 says of its data file. */
export const add2 = (changes: object) => (table: DamagedTable) =>
  table.change(2, 'add', (add) => ({ ...add, ...changes }))
export const metadata = (changes: object) => (table: DamagedTable) =>
  table.change(0, 'metaData', (before) => ({ ...before, ...changes }))
export const schema = (...fields: readonly (readonly [column: string, type: string, nullable: boolean])[]) =>
  metadata({
    schemaString: JSON.stringify({
      type: 'struct',
      fields: fields.map(([column, type, nullable]) => ({ name: column, type, nullable, metadata: {} })),
    }),
  })

export const NO_TABLE: readonly BadTable[] = [
  {
    title: 'A folder without a log',
    damage: (table) => table.remove(...[0, 1, 2, 3].flatMap((at) => [table.commit(at), table.checksum(at)])),
    code: 'DELTA_NOT_A_TABLE',
    message:
      'Expected a Delta table at {uri}/t, found no commits and no checkpoint in its _delta_log. Check the name, or create the table first.',
    commands: ALL,
  },
]

export const LOGS: readonly BadTable[] = [
  {
    title: 'A log with a gap',
    damage: (table) => table.remove(table.commit(2)),
    code: 'DELTA_LOG_GAP',
    message: `Expected commit ${name(2)}.json on the way to version 3, found none, and no later checkpoint. Restore that file from a copy, or read version 1 or older.`,
    commands: ['show', 'describe'],
  },
  {
    title: 'A log without its first commit',
    damage: (table) => table.remove(table.commit(0)),
    code: 'DELTA_LOG_GAP',
    message: `Expected commit ${name(0)}.json on the way to version 3, found none, and no later checkpoint. Restore that file from a copy.`,
    commands: ['show', 'describe'],
  },
  {
    title: 'A gap between the checkpoint and the commits after it',
    options: { versions: 4, checkpoints: [2] },
    damage: (table) => table.remove(...[0, 1, 2, 3].map((at) => table.commit(at))),
    code: 'DELTA_LOG_GAP',
    message: `Expected commit ${name(3)}.json on the way to version 4, found none, and no later checkpoint. Restore that file from a copy, or read version 2 or older.`,
    commands: ['show', 'describe'],
  },
  {
    title: 'A log that has lost its last commit, but not the checksum of that',
    damage: (table) => table.remove(table.commit(3)),
    code: 'DELTA_LOG_GAP',
    message: `Expected commit ${name(3)}.json beside its checksum ${name(3)}.crc, found version 2 as the latest: the log has lost its end. Restore that file from a copy, or delete the checksum if the commit was taken back on purpose.`,
    commands: ['show', 'describe'],
  },
  {
    title: 'A corrupt line of JSON',
    damage: (table) => table.write(table.commit(2), '{"commitInfo":{}}\n{"add":{"path":"x'),
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(2)}.json, line 2: expected a JSON object, found text that is none (ends with "{\\"add\\":{\\"path\\":\\"x"). ${RESTORE_LOG}`,
    commands: ALL,
  },
  {
    title: 'A line of JSON that is no object',
    damage: (table) => table.write(table.commit(2), '[1]\n'),
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(2)}.json, line 1: expected a JSON object, found a list. ${RESTORE_LOG}`,
    commands: ALL,
  },
  {
    title: 'A commit that is not text',
    damage: (table) => table.write(table.commit(2), Uint8Array.of(0x7b, 0x7d, 0x0a, 0xff, 0xfe)),
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(2)}.json, line 2: expected UTF-8 text, found other bytes. ${RESTORE_LOG}`,
    commands: ALL,
  },
  ...(
    [
      ['of no bytes', '', 'an empty file'],
      ['of blank lines', '\n\r\n', 'a file without any'],
      ['that says nothing', '{}\n{"add":null}\n', 'a file without any'],
    ] as const
  ).map(([what, text, found]) => ({
    title: `A commit ${what}`,
    damage: (table: DamagedTable) => table.write(table.commit(2), text),
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(2)}.json, line 1: expected an action, found ${found}. ${RESTORE_LOG}`,
    commands: ALL,
  })),
  {
    title: 'A commit that adds a file twice',
    damage: (table) => {
      const actions = table.actions(table.commit(2))
      table.putActions(2, [
        ...actions,
        { add: { ...actions.at(-1)!['add'], path: 'x', size: 1 } },
        { add: { path: 'x', size: 2 } },
      ])
    },
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(2)}.json, all lines: expected one action for each data file, found several for x. ${RESTORE_LOG}`,
    commands: ALL,
  },
  {
    title: 'A commit that adds and removes one file',
    damage: (table) => {
      const actions = table.actions(table.commit(2))
      table.putActions(2, [{ remove: { path: actions.at(-1)!['add']!['path'], dataChange: true } }, ...actions])
    },
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(2)}.json, all lines: expected one action for each data file, found several for {file 2}. ${RESTORE_LOG}`,
    commands: ALL,
  },
  ...(['metaData', 'protocol'] as const).map((kind) => ({
    title: `A commit with a second ${kind}`,
    damage: (table: DamagedTable) => {
      const actions = table.actions(table.commit(0))
      table.putActions(0, [...actions, actions.find((action) => action[kind] !== undefined)!])
    },
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(0)}.json, line 4: expected one ${kind} action, found a second one. ${RESTORE_LOG}`,
    commands: ALL,
  })),
  ...(['metaData', 'protocol'] as const).map((kind) => ({
    title: `A log without any ${kind}`,
    damage: (table: DamagedTable) =>
      table.putActions(
        0,
        table.actions(table.commit(0)).filter((action) => action[kind] === undefined),
      ),
    code: 'DELTA_LOG_CORRUPT',
    message: `Expected the log ${LOG}/ to hold a ${kind} action at or before version 3, found none. Restore the log from a copy.`,
    commands: ['show', 'describe'],
  })),
]

export const ACTIONS: readonly BadTable[] = [
  ...(
    [
      [{ size: '5' }, 'add.size to be a number, found a string'],
      [{ size: -5 }, 'add.size to be a whole number of bytes, found -5'],
      [{ size: 0.5 }, 'add.size to be a whole number of bytes, found 0.5'],
      [{ path: 5 }, 'add.path to be text, found a number'],
      [{ path: null }, 'add.path to be text, found nothing'],
      [{ partitionValues: { city: 5 } }, 'add.partitionValues.city to be text, found a number'],
      [{ partitionValues: [] }, 'add.partitionValues to be an object, found a list'],
      [{ deletionVector: 'x' }, '"deletionVector" to be an object, found a string'],
    ] as const
  ).map(([changes, what]) => ({
    title: `A file with ${JSON.stringify(changes)}`,
    damage: add2(changes),
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(2)}.json, line 2: expected ${what}. ${RESTORE_LOG}`,
    commands: ALL,
  })),
  {
    title: 'A schema that is not JSON',
    damage: metadata({ schemaString: '{' }),
    code: 'DELTA_LOG_CORRUPT',
    message:
      "Expected the table's metaData action to hold a struct schema, found text that is not JSON. Read an older version, or restore the log from a copy.",
    commands: ['show', 'describe'],
  },
  {
    title: 'A schema whose columns have no types',
    damage: metadata({ schemaString: '{"type":"struct","fields":[{"name":"id"}]}' }),
    code: 'DELTA_LOG_CORRUPT',
    message:
      "Expected the table's metaData action to hold a struct schema, found JSON of another shape. Read an older version, or restore the log from a copy.",
    commands: ['show', 'describe'],
  },
  {
    title: 'A schema with two columns of one name',
    damage: schema(['id', 'long', false], ['id', 'string', true]),
    code: 'DELTA_LOG_CORRUPT',
    message:
      'Expected the table\'s metaData action to hold a struct schema, found two columns "id". Read an older version, or restore the log from a copy.',
    commands: ['show', 'describe'],
  },
  ...[1_001, 100_000].map((depth) => ({
    title: `A schema of ${depth} types in each other`,
    damage: metadata({
      schemaString: `{"type":"struct","fields":[${'{"type":"array","elementType":'.repeat(depth)}"long"${'}'.repeat(depth)}]}`,
    }),
    code: 'DELTA_LOG_CORRUPT',
    message:
      "Expected the table's metaData action to hold a struct schema, found objects more than 1000 deep in each other. Read an older version, or restore the log from a copy.",
    commands: ['show', 'describe'],
  })),
  {
    title: 'A table that is partitioned by what is no column',
    damage: metadata({ partitionColumns: ['town'] }),
    code: 'DELTA_LOG_CORRUPT',
    message:
      "Expected the table's metaData action to partition it by its columns (id, city), found town. Read an older version, or restore the log from a copy.",
  },
  {
    title: 'A partition value that is none of its column',
    options: { partitionBy: ['id'] },
    damage: add2({ partitionValues: { id: 'two' } }),
    code: 'DELTA_LOG_CORRUPT',
    message: 'Expected the partition value of id in t to be long, found "two". Restore the log from a copy.',
  },
]

export const CHECKPOINTS: readonly BadTable[] = (
  [
    ['An empty checkpoint', 0, 'it is shorter than the shortest Parquet file, 12 bytes'],
    ['A truncated checkpoint', 200, 'parquet file invalid (footer != PAR1)'],
  ] as const
).map(([title, bytes, why]) => ({
  title: `${title} of a log that was cleaned`,
  options: { checkpoints: [2] },
  damage: (table: DamagedTable) => {
    table.remove(table.commit(0), table.commit(1))
    table.cut(table.checkpoint(2), bytes)
  },
  code: 'DELTA_CHECKPOINT_CORRUPT',
  message: `Expected a whole Delta checkpoint at ${name(2)}.checkpoint.parquet, but it can't be read (${why}). ${RESTORE_CHECKPOINT}`,
  commands: ['show', 'describe'],
}))

export const CHECKSUMS: readonly BadTable[] = (
  [
    ['with a wrong count of files', '"numFiles":3', '"numFiles":7', 'files: it has 7, the log 3'],
    ['that is no JSON', '{', '', 'it is not a JSON object'],
    [
      'of another protocol',
      '"minWriterVersion":2',
      '"minWriterVersion":1',
      'the protocol: it has [["minReaderVersion",1],["minWriterVersion",1]], the log [["minReaderVersion",1],["minWriterVersion",2]]',
    ],
  ] as const
).map(([what, from, to, difference]) => ({
  title: `A checksum ${what}`,
  damage: (table: DamagedTable) =>
    table.write(table.checksum(3), table.read(table.checksum(3)).toString().replace(from, to)),
  code: 'DELTA_CHECKSUM_MISMATCH',
  message: `Expected version 3 of t to be as its checksum ${name(3)}.crc says, but ${difference}. Either the log or the checksum is damaged: compare with a copy, and delete the checksum if it is the wrong one.`,
  read: { verify: true },
  commands: ['describe --verify'],
}))
