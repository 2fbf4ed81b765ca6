import type { Plan } from '#plan/plan.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import type { StateStore } from '#ports/state-store.ts'

/** What every stage is given: the Plan and the ports. The lake's store holds table `layer.name` at `layer/name`. */
export interface Runtime {
  readonly plan: Plan
  /** Fingerprint of what shapes window state, with the epoch: another definition, or another epoch, never meets old state. */
  readonly fingerprint: string
  /** Number of the rebuild that this is; absent for the pipeline that serves. */
  readonly rebuild?: number
  readonly store: ObjectStore
  readonly state: StateStore
  readonly clock: Clock
  readonly ids: Ids
  /** Null when no output has a SQL sink. */
  readonly sql: SqlSink | null
}

/** Where a table named `layer.name` lies below the store's root. */
export function tablePath(table: string): string {
  return table.replace('.', '/')
}
