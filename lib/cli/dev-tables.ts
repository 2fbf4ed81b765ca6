import { type ResultRow, resultOf } from '#cli/dev-results.ts'
import type { Quarantined, TableView } from '#cli/dev-view.ts'
import { filesOfCommit, lastRows, readFileRows } from '#cli/table-files.ts'
import { numRecords } from '#delta/stats.ts'
import type { AddFile, Snapshot } from '#delta/table.ts'
import { isWindowOutput, type Plan, quarantineTable } from '#plan/plan.ts'
import { openTable } from '#runtime/open-table.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plannedTables } from '#runtime/tables.ts'

const QUARANTINE_SHOWN = 5
const QUARANTINE_COLUMNS = ['partition', 'offset', 'reason', 'detail']
/** Rows of a gold table that are read to show its last window. */
const RESULTS_READ = 500

/** Follows the tables of a running pipeline commit by commit; their logs are read from the start only once. */
export class DevTables {
  readonly #runtime: Runtime
  readonly #tables = new Map<string, TableView>()
  #quarantined: readonly Quarantined[] = []

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get views(): readonly TableView[] {
    return plannedTables(this.#runtime.plan).flatMap(({ name }) => this.#tables.get(name) ?? [])
  }

  /** Newest first. */
  get quarantined(): readonly Quarantined[] {
    return this.#quarantined
  }

  rows(name: string): number {
    return this.#tables.get(name)?.rows ?? 0
  }

  /** The tables as they are now. `onResults` gets the last rows of each window's table. */
  async load(onResults: (output: string, rows: readonly ResultRow[]) => void): Promise<void> {
    const { plan, store } = this.#runtime
    const quarantine = quarantineTable(plan)
    for (const { name, writer, output } of plannedTables(plan)) {
      const snapshot = await (await openTable(this.#runtime, name)).snapshot()
      this.#tables.set(name, { name, rows: snapshot.totalRows() ?? 0, version: snapshot.version })
      if (writer === 'close') onResults(output!, await this.#lastResults(name, output!, snapshot))
      if (name !== quarantine) continue
      const rows = await lastRows(store, name, snapshot, QUARANTINE_SHOWN)
      this.#quarantined = rows.map(quarantinedOf).reverse()
    }
  }

  async #lastResults(table: string, output: string, snapshot: Snapshot): Promise<readonly ResultRow[]> {
    const window = this.#runtime.plan.outputs.filter(isWindowOutput).find(({ name }) => name === output)!
    const rows = await lastRows(this.#runtime.store, table, snapshot, RESULTS_READ)
    return rows.filter((row) => row['is_final'] === true).map((row) => resultOf(window, row))
  }

  /** Takes in the commits up to `version`. True when these are the first rows of the table. */
  async follow(table: string, version: number): Promise<boolean> {
    const { store, plan } = this.#runtime
    const known = this.#tables.get(table)
    if (known === undefined || version <= known.version) return false
    let rows = known.rows
    if (rowsTakeTurns(plan, table)) {
      rows = (await (await openTable(this.#runtime, table)).snapshot({ version })).totalRows() ?? 0
      this.#tables.set(table, { name: table, rows, version })
      return known.rows === 0 && rows > 0
    }
    for (let next = known.version + 1; next <= version; next++) {
      const files = await filesOfCommit(store, table, next)
      for (const file of files) rows += numRecords(file.stats) ?? 0
      if (table === quarantineTable(plan)) await this.#addQuarantined(table, files)
    }
    this.#tables.set(table, { name: table, rows, version })
    return known.rows === 0 && rows > 0
  }

  async #addQuarantined(table: string, files: readonly AddFile[]): Promise<void> {
    for (const file of files) {
      const rows = await readFileRows(this.#runtime.store, table, file, QUARANTINE_COLUMNS)
      const newest = rows.slice(-QUARANTINE_SHOWN).map(quarantinedOf).reverse()
      this.#quarantined = [...newest, ...this.#quarantined].slice(0, QUARANTINE_SHOWN)
    }
  }
}

function quarantinedOf(row: Readonly<Record<string, unknown>>): Quarantined {
  const { reason, detail, partition, offset } = row
  return {
    reason: String(reason),
    detail: detail === null || detail === undefined ? null : String(detail),
    partition: Number(partition),
    offset: Number(offset),
  }
}

/** Tables that closing windows fills: what people wait for. */
export function isResultTable(plan: Plan, table: string): boolean {
  return plannedTables(plan).some(({ name, writer }) => name === table && writer === 'close')
}

/** Whether rows of a table take each other's place: then its commits remove some, and what they add is not what has come. */
function rowsTakeTurns({ outputs }: Plan, table: string): boolean {
  return outputs
    .filter(isWindowOutput)
    .some(({ emit, sinks }) => emit !== 'final' && sinks.some((sink) => sink.kind === 'delta' && sink.table === table))
}
