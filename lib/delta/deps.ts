import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** What a Delta table is kept with. */
export interface DeltaDeps {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly ids: Ids
}
