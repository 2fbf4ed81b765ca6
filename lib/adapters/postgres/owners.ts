import { SluiceError } from '#core/errors.ts'
import { ArrayLiteral } from './array-literal.ts'
import type { Query } from './driver.ts'
import { quoteName } from './statements.ts'

export const OWNER_TABLE =
  'CREATE TABLE sluice_owner (table_schema text, table_name text, owner text NOT NULL, ' +
  'PRIMARY KEY (table_schema, table_name))'

/** Fences are named `<owner>/…`, so that what one state has applied says nothing about another one. */
export const fenceOf = (owner: string, name: string): string => `${owner}/${name}`

/** How fences began before they had owners. */
const OWNERLESS = 'sluice/'

/** A table, wherever the search path has found it. */
export interface TablePlace {
  readonly schema: string
  readonly table: string
}

interface Taken {
  readonly place: TablePlace
  /** Null where nobody is on record. */
  readonly owner: string | null
}

const PLACE_SQL =
  'SELECT n.nspname::text AS schema, c.relname::text AS table FROM pg_class c ' +
  'JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1::text)'

/** Null when there is no such table. */
export async function placeOf(query: Query, quoted: string): Promise<TablePlace | null> {
  const [row] = await query(PLACE_SQL, [quoted])
  return row === undefined ? null : { schema: row['schema']!, table: row['table']! }
}

/** Sees that each of these tables is the owner's or nobody's. @throws SluiceError SQL_TABLE_TAKEN, naming all that are not */
export async function checkOwner(query: Query, places: readonly TablePlace[], owner: string): Promise<void> {
  const taken: Taken[] = []
  for (const place of places) {
    const found = await ownerOf(query, place)
    if (found === owner || (found === null && (await isFree(query, place)))) continue
    taken.push({ place, owner: found })
  }
  if (taken.length > 0) throw await tablesTaken(query, taken, owner)
}

/** Puts it on record that a table that exists, and that passed `checkOwner`, is the owner's. */
export async function adopt(query: Query, { schema, table }: TablePlace, owner: string): Promise<void> {
  const sql = 'INSERT INTO sluice_owner VALUES ($1::text, $2::text, $3::text) ON CONFLICT DO NOTHING'
  await query(sql, [schema, table, owner])
}

/**
 * Puts it on record that a table that was just created is the owner's. Where there was one of that name before, it was dropped: then
 * the owner's fences go, or a result that is sent once more would be passed over and be missing in the new table.
 */
export async function takeCreated(query: Query, place: TablePlace, owner: string): Promise<void> {
  const { schema, table } = place
  const forget = 'DELETE FROM sluice_owner WHERE table_schema = $1::text AND table_name = $2::text RETURNING owner'
  const before = await query(forget, [schema, table])
  await adopt(query, place, owner)
  if (before.length > 0) await query('DELETE FROM sluice_fence WHERE starts_with(name, $1::text)', [fenceOf(owner, '')])
}

/**
 * Sees that the tables are still the owner's, and that they stay so to the end of the transaction.
 *
 * @throws SluiceError SQL_TABLE_TAKEN
 */
export async function holdTables(query: Query, places: readonly TablePlace[], owner: string): Promise<void> {
  const distinct = new Map(places.map((place) => [JSON.stringify([place.schema, place.table]), place]))
  const schemas = new ArrayLiteral('string')
  const tables = new ArrayLiteral('string')
  for (const { schema, table } of distinct.values()) {
    schemas.add(schema)
    tables.add(table)
  }
  const held = await query(
    'SELECT table_name FROM sluice_owner WHERE owner = $1::text AND (table_schema, table_name) IN ' +
      '(SELECT * FROM unnest($2::text::text[], $3::text::text[])) FOR SHARE',
    [owner, schemas.finish(), tables.finish()],
  )
  if (held.length === distinct.size) return
  const taken: Taken[] = []
  for (const place of distinct.values()) {
    const found = await ownerOf(query, place)
    if (found !== owner) taken.push({ place, owner: found })
  }
  throw await tablesTaken(query, taken, owner)
}

/** For a database that can be one state's only: what was filled before owners were on record is handed over to whoever prepares it. */
export async function handOver(query: Query): Promise<void> {
  if ((await placeOf(query, 'sluice_fence')) === null) return
  await query('DELETE FROM sluice_fence WHERE starts_with(name, $1::text)', [OWNERLESS])
}

async function ownerOf(query: Query, { schema, table }: TablePlace): Promise<string | null> {
  const sql = 'SELECT owner FROM sluice_owner WHERE table_schema = $1::text AND table_name = $2::text'
  const [row] = await query(sql, [schema, table])
  return row?.['owner'] ?? null
}

/** A table with nobody on record was made by hand, unless it has rows, and fences are there that have no owner either. */
async function isFree(query: Query, { schema, table }: TablePlace): Promise<boolean> {
  const fences = 'SELECT name FROM sluice_fence WHERE starts_with(name, $1::text) LIMIT 1'
  if ((await query(fences, [OWNERLESS])).length === 0) return true
  return (await query(`SELECT 'a row' AS found FROM ${quotePlace({ schema, table })} LIMIT 1`)).length === 0
}

async function tablesTaken(query: Query, taken: readonly Taken[], owner: string): Promise<SluiceError> {
  const fences = quotePlace((await placeOf(query, 'sluice_fence'))!)
  const found = taken.map(
    ({ place: { schema, table }, owner: other }) =>
      `${schema}.${table} (${other === null ? 'of an earlier version, which kept no owner' : `state ${other}`})`,
  )
  const prefixes = [...new Set(taken.map(({ owner: other }) => (other === null ? OWNERLESS : fenceOf(other, ''))))]
  const forget = prefixes.map((prefix) => `DELETE FROM ${fences} WHERE starts_with(name, ${quoteText(prefix)});`)
  const own = taken.every(({ owner: other }) => other === null)
    ? ' If it was this data folder that filled them, the DELETE alone hands them over to it.'
    : ''
  return new SluiceError(
    'SQL_TABLE_TAKEN',
    `Expected tables of state ${owner} (this data folder's), found ones that another data folder has filled: ` +
      `${found.join(', ')}. The rows of both would get mixed. Use the data folder that filled them, or another database or ` +
      `schema in DATABASE_URL; or drop them, and they are filled anew with all that this data folder delivers from now on:\n` +
      `  DROP TABLE ${taken.map(({ place }) => quotePlace(place)).join(', ')};\n  ${forget.join('\n  ')}${own && `\n${own.trim()}`}`,
    {
      details: {
        tables: taken.map(({ place: { schema, table } }) => `${schema}.${table}`),
        expected: owner,
        found: taken.map((each) => each.owner),
      },
    },
  )
}

const quotePlace = ({ schema, table }: TablePlace): string => `${quoteName(schema)}.${quoteName(table)}`
const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`
