import { SluiceError } from '#core/errors.ts'
import type { SqlTable } from '#ports/sql-sink.ts'
import type { Query } from './driver.ts'
import { adopt, checkOwner, OWNER_TABLE, placeOf, type TablePlace, takeCreated } from './owners.ts'
import { quoteName, quoteTable, splitTableName, sqlType } from './statements.ts'

/** "sluice" in ASCII: whoever prepares tables holds this lock, so that two who start at once don't create one table twice. */
const PREPARE_LOCK = '126939403182949'

const FENCE_TABLE = 'CREATE TABLE sluice_fence (name text PRIMARY KEY, fence bigint NOT NULL)'

interface FoundColumn {
  readonly type: string
  readonly notNull: boolean
  readonly hasDefault: boolean
  readonly inKey: boolean
}

/**
 * Creates or widens the tables and makes them the owner's, inside the caller's transaction. Gives back where each of them is.
 *
 * @throws SluiceError SQL_TABLE_TAKEN, SQL_SCHEMA_MISMATCH
 */
export async function prepareTables(
  query: Query,
  tables: readonly SqlTable[],
  owner: string,
): Promise<readonly TablePlace[]> {
  await query(`SELECT pg_advisory_xact_lock(${PREPARE_LOCK})::text`)
  if ((await placeOf(query, 'sluice_fence')) === null) await query(FENCE_TABLE)
  if ((await placeOf(query, 'sluice_owner')) === null) await query(OWNER_TABLE)
  const existing: TablePlace[] = []
  for (const { name } of tables) {
    const place = await placeOf(query, quoteTable(name))
    if (place !== null) existing.push(place)
  }
  await checkOwner(query, existing, owner)
  const places: TablePlace[] = []
  for (const table of tables) places.push(await prepareTable(query, table, owner))
  return places
}

/** Looks before it creates: CREATE … IF NOT EXISTS wants the right to create even where nothing is to be done. */
async function prepareTable(query: Query, table: SqlTable, owner: string): Promise<TablePlace> {
  const existing = await placeOf(query, quoteTable(table.name))
  if (existing !== null) {
    await widen(query, table)
    await adopt(query, existing, owner)
    return existing
  }
  await createSchema(query, table.name)
  await query(createTableSql(table))
  const created = (await placeOf(query, quoteTable(table.name)))!
  await takeCreated(query, created, owner)
  return created
}

async function widen(query: Query, table: SqlTable): Promise<void> {
  const found = await findColumns(query, table.name)
  checkKey(table, found)
  for (const { name, column } of table.fields) {
    const wanted = sqlType(table.name, name, column.kind)
    const existing = found.get(name)
    if (existing !== undefined) checkColumn(table.name, name, wanted, column.nullable, existing)
    else if (!column.nullable) throw mismatch(table.name, name, `${wanted} NOT NULL`, 'no such column')
    else await query(`ALTER TABLE ${quoteTable(table.name)} ADD COLUMN ${quoteName(name)} ${wanted}`)
  }
  for (const [name, { type, notNull, hasDefault }] of found) {
    if (!notNull || hasDefault || table.fields.some((field) => field.name === name)) continue
    throw mismatch(table.name, name, 'no such column, or one that may be empty', `${type} NOT NULL`)
  }
}

async function createSchema(query: Query, name: string): Promise<void> {
  const { schema } = splitTableName(name)
  if (schema === null) return
  const found = await query('SELECT nspname::text AS name FROM pg_namespace WHERE nspname = $1::text', [schema])
  if (found.length === 0) await query(`CREATE SCHEMA ${quoteName(schema)}`)
}

function createTableSql({ name, fields, primaryKey }: SqlTable): string {
  const columns = fields.map(
    (field) =>
      `${quoteName(field.name)} ${sqlType(name, field.name, field.column.kind)}${field.column.nullable ? '' : ' NOT NULL'}`,
  )
  return `CREATE TABLE ${quoteTable(name)} (${columns.join(', ')}, PRIMARY KEY (${primaryKey.map(quoteName).join(', ')}))`
}

const COLUMNS_SQL = `
  SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull::text AS not_null, (a.atthasdef OR a.attidentity <> '')::text AS has_default,
    coalesce(a.attnum = ANY (i.indkey), false)::text AS in_key
  FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
  WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attnum`

async function findColumns(query: Query, table: string): Promise<ReadonlyMap<string, FoundColumn>> {
  const rows = await query(COLUMNS_SQL, [quoteTable(table)])
  return new Map(
    rows.map((row) => [
      row['name']!,
      {
        type: row['type']!,
        notNull: row['not_null'] === 'true',
        hasDefault: row['has_default'] === 'true',
        inKey: row['in_key'] === 'true',
      },
    ]),
  )
}

function checkColumn(table: string, name: string, wanted: string, nullable: boolean, found: FoundColumn): void {
  if (found.type !== wanted) throw mismatch(table, name, wanted, found.type)
  if (nullable && found.notNull) throw mismatch(table, name, `${wanted}, may be empty`, `${found.type} NOT NULL`)
}

function checkKey({ name, primaryKey }: SqlTable, columns: ReadonlyMap<string, FoundColumn>): void {
  const found = [...columns].flatMap(([column, { inKey }]) => (inKey ? [column] : []))
  if (found.toSorted().join('\0') === primaryKey.toSorted().join('\0')) return
  const text = (key: readonly string[]): string => (key.length === 0 ? 'none' : `(${key.join(', ')})`)
  throw new SluiceError(
    'SQL_SCHEMA_MISMATCH',
    `Table ${name}: expected the primary key ${text(primaryKey)}, found ${text(found)}. ` +
      'Give the sink another table, or drop this one and let it be made anew.',
    { details: { table: name, wanted: primaryKey, found } },
  )
}

function mismatch(table: string, column: string, wanted: string, found: string): SluiceError {
  return new SluiceError(
    'SQL_SCHEMA_MISMATCH',
    `Table ${table}, column "${column}": expected ${wanted}, found ${found}. ` +
      'Change the column, give the sink another table, or drop this one and let it be made anew.',
    { details: { table, column, wanted, found } },
  )
}
