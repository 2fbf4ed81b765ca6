import { ALL, add2, type BadTable, metadata, name, RESTORE_LOG, schema } from './bad-tables.ts'
import type { DamagedTable } from './damaged-table.ts'

/** The second half of the list: data files and features. */

const OTHER_FILE =
  "the file was overwritten, or the table's schema changed without its files. Restore what was changed from a copy."
const protocol = (value: Readonly<Record<string, unknown>>) => (table: DamagedTable) =>
  table.change(0, 'protocol', () => value)

export const DATA: readonly BadTable[] = [
  {
    title: 'A missing deletion vector',
    damage: add2({
      deletionVector: {
        storageType: 'u',
        pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
        offset: 1,
        sizeInBytes: 36,
        cardinality: 1,
      },
    }),
    code: 'DELTA_FILE_MISSING',
    message:
      'Version 3 of t needs the deletion vector t/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin, which is gone. If it was vacuumed, read a later version; else restore it from a copy.',
  },
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
    title: 'A table whose columns are mapped in an unknown way',
    damage: metadata({ configuration: { 'delta.columnMapping.mode': 'hash' } }),
    code: 'DELTA_FEATURE_UNSUPPORTED',
    message:
      'Expected the property delta.columnMapping.mode to be none, name, id, found "hash". Use an engine that has it.',
  },
  {
    title: 'A column of an unknown type',
    damage: schema(['id', 'quaternion', true]),
    code: 'DELTA_FEATURE_UNSUPPORTED',
    message:
      'Column "id" has the Delta type quaternion, which Sluice does not read. Read the other columns, or the table with another engine.',
  },
]
