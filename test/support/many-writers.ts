import type { DeltaTable, StructType } from 'sluice/delta'
import { writeByDeltaRs } from './delta-rs.ts'
import type { SparkSession } from './spark.ts'
import { field } from './typed-rows.ts'

/** The columns of a table that Spark, delta-rs and we write to at once. */
export const SHARED: StructType = { type: 'struct', fields: [field('id', 'long', false), field('name', 'string')] }

const SPARK_FROM = 1_000
const ROUNDS = 8
const DELTA_RS = { append: 10_000, merge: 20_000 } as const
const DELTA_RS_ROWS = 12
/** Then the others get their turn: their merges lose to our changes, too. */
const OUR_MOST = 50

/** What we do to it, one thing after another: appends, with all the rest now and then. */
async function ourStep(table: DeltaTable, id: number): Promise<void> {
  await table.append([{ id, name: `sluice ${id}` }], { txn: { appId: 'ours', version: id } })
  if (id % 4 === 0) await table.update({ id: id - 1 }, { name: `updated ${id - 1}` })
  if (id % 5 === 0) await table.optimize({ targetBytes: 100_000 })
  if (id % 6 === 0) await table.checkpointIfDue()
  if (id % 7 === 0) await table.vacuum()
}

/** Appends a row, or merges it together with a change of row 0. */
function sparkStatement(table: string, round: number): string {
  const row = `SELECT ${SPARK_FROM + round}L AS id, 'spark ${round}' AS name`
  if (round % 2 === 0) return `INSERT INTO ${table} ${row}`
  return `MERGE INTO ${table} t USING (${row} UNION ALL SELECT 0L, 'spark ${round}') s ON s.id = t.id
    WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT *`
}

/** Who writes beside us. */
export interface Others {
  readonly spark?: SparkSession
  /** Python with deltalake. */
  readonly deltaRs?: string
  /** Where they find the table: a folder, or a URI for delta-rs alone. */
  readonly place: string
}

/** Writes to a new table from all sides at once, and says which rows it must have then. */
export async function writeTogether(
  table: DeltaTable,
  { spark, deltaRs, place }: Others,
): Promise<ReadonlyMap<number, string>> {
  await table.append([{ id: 0, name: 'first' }])
  const actions = deltaRs === undefined ? [] : (['append', 'merge'] as const)
  let running = true
  const others = Promise.all(
    actions.map((action) => writeByDeltaRs(deltaRs!, action, place, DELTA_RS[action], DELTA_RS_ROWS)),
  ).finally(() => {
    running = false
  })
  others.catch(() => {})
  const ours = { next: 1 }
  if (spark !== undefined) await takeTurns(table, spark, `delta.\`${place}\``, ours)
  while (running && ours.next < OUR_MOST) await ourStep(table, ours.next++)
  await others
  return expectedRows(ours.next, actions, spark !== undefined)
}

/** What Spark merges it loses to each of our updates and optimizes: it tries again, at last with nothing beside it. */
async function takeTurns(table: DeltaTable, spark: SparkSession, name: string, ours: { next: number }): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    for (let tries = 0; ; tries++) {
      const failing = spark.sql(sparkStatement(name, round)).then(
        () => undefined,
        (error: Error) => error,
      )
      for (let step = 0; tries < 2 && step < 5; step++) await ourStep(table, ours.next++)
      const error = await failing
      if (error === undefined) break
      if (tries === 20 || !/concurrent/i.test(error.message)) throw error
    }
  }
}

function expectedRows(
  next: number,
  actions: readonly ('append' | 'merge')[],
  withSpark: boolean,
): ReadonlyMap<number, string> {
  const rows = new Map<number, string>([[0, withSpark ? `spark ${ROUNDS - 1}` : 'first']])
  for (let id = 1; id < next; id++) {
    rows.set(id, (id + 1) % 4 === 0 && id + 1 < next ? `updated ${id}` : `sluice ${id}`)
  }
  for (let round = 0; withSpark && round < ROUNDS; round++) rows.set(SPARK_FROM + round, `spark ${round}`)
  for (const action of actions) {
    for (let at = 0; at < DELTA_RS_ROWS; at++) rows.set(DELTA_RS[action] + at, `delta-rs ${DELTA_RS[action] + at}`)
  }
  return rows
}
