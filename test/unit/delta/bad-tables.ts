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
const name = (version: number): string => `${LOG}/0000000000000000000${version}`
const RESTORE_LOG = 'Restore that file from a copy; without it the table can only be read as of an older version.'
const RESTORE_CHECKPOINT = 'Restore it from a copy; until then only versions whose commits are all there can be read.'
const OTHER_FILE =
  "the file was overwritten, or the table's schema changed without its files. Restore what was changed from a copy."
const ALL = ['show', 'describe', 'history']

/** Changes what version 2 says of its data file. */
const add2 = (changes: object) => (table: DamagedTable) => table.change(2, 'add', (add) => ({ ...add, ...changes }))
const metadata = (changes: object) => (table: DamagedTable) =>
  table.change(0, 'metaData', (before) => ({ ...before, ...changes }))
const protocol = (value: Readonly<Record<string, unknown>>) => (table: DamagedTable) =>
  table.change(0, 'protocol', () => value)
const schema = (...fields: readonly (readonly [column: string, type: string, nullable: boolean])[]) =>
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
      ['that says nothing', '{}\n', 'a file without any'],
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

export const DATA: readonly BadTable[] = [
  {
    title: 'A missing data file',
    damage: (table) => table.remove(table.data(2)),
    code: 'DELTA_FILE_MISSING',
    message:
      'Version 3 of t needs the data file {data 2}, which is gone. If it was vacuumed, read a later version; else restore it from a copy.',
  },
  ...(
    [
      [
        'A data file that is shorter than its size',
        (bytes) => bytes.subarray(0, 100),
        'found 100: it was cut off, or overwritten',
      ],
      ['A data file without any bytes', (bytes) => bytes.subarray(0, 0), 'found 0: it was cut off, or overwritten'],
      [
        'A data file that is longer than its size',
        (bytes) => Buffer.concat([bytes, bytes]),
        'found 608: it was overwritten, or appended to',
      ],
    ] as const satisfies readonly (readonly [string, (bytes: Buffer) => Uint8Array, string])[]
  ).map(([title, change, found]) => ({
    title,
    damage: (table: DamagedTable) => table.write(table.data(2), change(table.read(table.data(2)))),
    code: 'DELTA_FILE_DAMAGED',
    message: `Expected the data file {data 2} of t to have 304 bytes, ${found}. Restore it from a copy.`,
  })),
  {
    title: 'A data file with a damaged footer',
    damage: (table) => {
      const bytes = table.read(table.data(2))
      table.write(table.data(2), bytes.fill(0xff, bytes.length - 40, bytes.length - 8))
    },
    code: 'PARQUET_INVALID',
    message: 'Expected {data 2} to be a Parquet file of 304 bytes, found damage: ',
  },
  ...(
    [
      ['/etc/hostname', '{uri}'],
      ['file:///etc/hostname', '{uri}'],
      ['file://elsewhere/t/x.parquet', '{uri}'],
      ['s3://bucket/x.parquet', '{uri}'],
      ['https://example.com/x.parquet', '{uri}'],
    ] as const
  ).map(([path, uri]) => ({
    title: `A data file outside of the store, ${path},`,
    damage: add2({ path }),
    code: 'DELTA_PATH_OUTSIDE',
    message: `Expected the data files of t below ${uri}, found ${path} in its log. Nothing else is read: open the store that has them all, or copy the table instead of cloning it by reference.`,
  })),
  ...['../x.parquet', 'a/../../x.parquet', '%2e%2e/x.parquet', '..%2Fx.parquet', '..'].map((path) => ({
    title: `A data file outside of the table, ${path},`,
    damage: add2({ path }),
    code: 'DELTA_PATH_OUTSIDE',
    message: `Expected the data files of t below its own folder, found ${path} in its log. Nothing there is read: restore the log from a copy, or copy the table instead of cloning it by reference.`,
  })),
  ...['', '.', './x', 'a//x', 'a/', 'a\\x', 'x%00'].map((path) => ({
    title: `A data file without a path of its own, ${JSON.stringify(path)},`,
    damage: add2({ path }),
    code: 'DELTA_LOG_CORRUPT',
    message: `Expected the path of a data file, such as folder/name.parquet, found ${JSON.stringify(path)} in the log of t. Restore the log from a copy.`,
  })),
  {
    title: 'A path that is no URI',
    damage: add2({ path: 'x%zz' }),
    code: 'DELTA_LOG_CORRUPT',
    message:
      'Expected the path of a data file to be URI-encoded, found "x%zz" in the log of t. Restore the log from a copy.',
  },
  {
    title: 'A schema with another type than that of the files',
    damage: schema(['id', 'string', false], ['city', 'string', true]),
    code: 'DELTA_FILE_DAMAGED',
    message: `Expected column "id" of the data file {data 1} to be string, found INT64: ${OTHER_FILE}`,
  },
  {
    title: 'A schema with a column that is in no file though it may not be null',
    damage: schema(['key', 'long', false], ['city', 'string', true]),
    code: 'DELTA_FILE_DAMAGED',
    message: `Expected column "key" of the data file {data 1} to be long, found no such column, though none may be null: ${OTHER_FILE}`,
  },
]

export const FEATURES: readonly BadTable[] = [
  {
    title: 'A table with an unknown feature',
    damage: protocol({
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['teleport', 'deletionVectors'],
      writerFeatures: [],
    }),
    code: 'DELTA_FEATURE_UNSUPPORTED',
    message:
      "Can't read the Delta table t: it needs teleport, which Sluice does not have. Use an engine that has it, or a table without.",
  },
  {
    title: 'A table of a reader version from the future',
    damage: protocol({ minReaderVersion: 4, minWriterVersion: 8 }),
    code: 'DELTA_FEATURE_UNSUPPORTED',
    message:
      "Can't read the Delta table t: it needs reader version 4, which Sluice does not have. Use an engine that has it, or a table without.",
  },
  {
    title: 'A table that says that it has features, but not which',
    damage: protocol({ minReaderVersion: 3, minWriterVersion: 7 }),
    code: 'DELTA_LOG_CORRUPT',
    message: `Delta log ${name(0)}.json, line 2: expected protocol.readerFeatures to be a list of text, as of reader version 3, found nothing. ${RESTORE_LOG}`,
    commands: ALL,
  },
  {
    title: 'A table of files of another format',
    damage: metadata({ format: { provider: 'orc', options: {} } }),
    code: 'DELTA_FEATURE_UNSUPPORTED',
    message:
      'Expected a table of Parquet files, found the format "orc" in its metaData action. Use an engine that has it.',
  },
  {
    title: 'A column of an unknown type',
    damage: schema(['id', 'quaternion', true]),
    code: 'DELTA_FEATURE_UNSUPPORTED',
    message:
      'Column "id" has the Delta type quaternion, which Sluice does not read. Read the other columns, or the table with another engine.',
  },
]
