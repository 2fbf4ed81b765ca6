import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement, DuckDBResult, Json } from '@duckdb/node-api'
import { SluiceError } from '#core/errors.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import { type JsonConverter, jsonValues } from './json-values.ts'

type DuckDb = typeof import('@duckdb/node-api')

const SETTINGS = {
  threads: '2',
  memory_limit: '1GB',
  // Nothing is spilled to disk and nothing fetched from the network.
  temp_directory: '',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
}

export interface QueryResult {
  /** Names need not be different. Types are DuckDB's: `BIGINT`, `STRUCT("latitude" DOUBLE, "longitude" DOUBLE)`. */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /**
   * Rows in portions of about 2,000, read while they are computed. Values can be written as JSON: whole numbers as numbers
   * where exact, else as text; timestamps with a zone as ISO 8601 in UTC; decimals, dates, times and binary as text.
   *
   * @throws SluiceError QUERY_FAILED
   */
  readonly rows: AsyncIterable<readonly (readonly unknown[])[]>
}

/** SQL over Parquet files. First the views, then the queries: from the first query on no other file can be reached. */
export interface QueryEngine {
  /**
   * Makes the files a table `schema.name`. They are read when a query needs them; columns that one lacks are null in it.
   *
   * @param files absolute paths of Parquet files; none makes an empty table
   * @param fields the table's columns, in order
   */
  view(schema: string, name: string, files: readonly string[], fields: Fields): Promise<void>
  /** Runs one or several statements; the last one's result. @throws SluiceError QUERY_FAILED with what DuckDB says */
  run(sql: string): Promise<QueryResult>
  close(): Promise<void>
}

/** DuckDB in memory: two threads, 1 GB, time zone UTC. It is loaded here and takes about 35 ms to start. */
export async function openDuckDb(): Promise<QueryEngine> {
  const duckdb = await import('@duckdb/node-api')
  const instance = await duckdb.DuckDBInstance.create(':memory:', SETTINGS)
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  await connection.run('SET parquet_metadata_cache = true')
  return new DuckDbEngine(duckdb, instance, connection)
}

class DuckDbEngine implements QueryEngine {
  readonly #duckdb: DuckDb
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #converter: JsonConverter
  readonly #files = new Set<string>()
  #locked: Promise<void> | null = null

  constructor(duckdb: DuckDb, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#duckdb = duckdb
    this.#instance = instance
    this.#connection = connection
    this.#converter = jsonValues(duckdb)
  }

  async view(schema: string, name: string, files: readonly string[], fields: Fields): Promise<void> {
    if (this.#locked !== null) throw new Error(`view ${schema}.${name} comes after a query: views are made first`)
    const columns = fields.map((field) => `NULL::${sqlType(field.column.kind)} AS ${quotedName(field.name)}`)
    const empty = `SELECT ${columns.join(', ')} WHERE false`
    const read =
      files.length === 0
        ? ''
        : ` UNION ALL BY NAME SELECT * FROM read_parquet(${listOf(files)}, union_by_name = true, hive_partitioning = false)`
    for (const file of files) this.#files.add(file)
    await explained(async () => {
      await this.#connection.run(`CREATE SCHEMA IF NOT EXISTS ${quotedName(schema)}`)
      await this.#connection.run(`CREATE VIEW ${quotedName(schema)}.${quotedName(name)} AS ${empty}${read}`)
    })
  }

  async run(sql: string): Promise<QueryResult> {
    this.#locked ??= this.#lock()
    await this.#locked
    const result = await explained(() => this.#last(sql))
    const columns = result.columnNames().map((name, i) => ({ name, type: result.columnType(i).toString() }))
    return { columns, rows: this.#rows(result) }
  }

  async close(): Promise<void> {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }

  async *#rows(result: DuckDBResult): AsyncIterable<readonly (readonly unknown[])[]> {
    const portions = result.yieldConvertedRows<Json>(this.#converter)
    for (;;) {
      const portion = await explained(() => portions.next())
      if (portion.done === true) return
      yield portion.value
    }
  }

  /** Files that no view has can't be read from here on, nor any be written, and no setting changes that. */
  async #lock(): Promise<void> {
    await this.#connection.run(`SET allowed_paths = ${listOf([...this.#files])}`)
    await this.#connection.run('SET enable_external_access = false')
    await this.#connection.run('SET lock_configuration = true')
  }

  async #last(sql: string): Promise<DuckDBResult> {
    const statements = await this.#connection.extractStatements(sql)
    for (let i = 0; i < statements.count - 1; i++) {
      const statement = await this.#readOnly(await statements.prepare(i), sql)
      await statement.run()
      statement.destroySync()
    }
    const last = await this.#readOnly(await statements.prepare(statements.count - 1), sql)
    return last.stream()
  }

  /** The files of the views may be reached, so a COPY could write over them. */
  async #readOnly(statement: DuckDBPreparedStatement, sql: string): Promise<DuckDBPreparedStatement> {
    const { COPY, EXPORT, EXPLAIN } = this.#duckdb.StatementType
    const type = statement.statementType
    const copies = type === COPY || type === EXPORT || (type === EXPLAIN && /\b(copy|export)\b/i.test(sql))
    if (!copies) return statement
    statement.destroySync()
    throw new SluiceError(
      'QUERY_FAILED',
      'Expected a statement that reads, found COPY or EXPORT, which write files. Use SELECT, and write its result elsewhere.',
    )
  }
}

/** What the package says where DuckDB says nothing. */
const MESSAGES: Readonly<Record<string, string>> = {
  'Error in native callback': 'Expected a SQL statement, found none.',
}

async function explained<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof SluiceError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new SluiceError('QUERY_FAILED', MESSAGES[message] ?? message.replace(/^Failed to extract statements: /, ''), {
      cause: error,
    })
  }
}

const SQL_TYPES: Readonly<Record<ColumnKind, string>> = {
  string: 'VARCHAR',
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  double: 'DOUBLE',
  timestamp: 'TIMESTAMPTZ',
  date: 'DATE',
  binary: 'BLOB',
  geo_point: 'STRUCT(latitude DOUBLE, longitude DOUBLE)',
  headers: 'STRUCT("name" VARCHAR, "value" BLOB)[]',
}

const sqlType = (kind: ColumnKind): string => SQL_TYPES[kind]
const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`
const quotedText = (text: string): string => `'${text.replaceAll("'", "''")}'`
const listOf = (texts: readonly string[]): string => `[${texts.map(quotedText).join(', ')}]::VARCHAR[]`
