import { requireDistinct, requireSnakeCase, requireTableName } from '#dsl/names.ts'

/** A Delta table as the end of an output; `ClusterBy` are the columns it names. */
export interface DeltaTable<ClusterBy extends string = string> {
  readonly kind: 'delta'
  readonly table: string
  readonly clusterBy: readonly ClusterBy[]
}

/** A PostgreSQL table as the end of an output; `Key` are the columns of its primary key, when they are named. */
export interface PostgresTable<Key extends string = string> {
  readonly kind: 'postgres'
  readonly table: string
  /** Null for the default: of windows the group columns and window_start. */
  readonly primaryKey: readonly Key[] | null
}

export interface DeltaOptions<ClusterBy extends string> {
  /** Columns that OPTIMIZE sorts by: those that queries filter on, the coarsest first. */
  readonly clusterBy?: readonly ClusterBy[]
}

export interface PostgresOptions<Key extends string> {
  /** Columns that name a row. Needed for rows; of windows it is the group columns and window_start unless given. */
  readonly primaryKey?: readonly Key[]
}

export const delta = Object.freeze({
  /**
   * @param name layer.table, such as `gold.crimes_anomaly`; it lies at lake/<layer>/<table>/
   * @throws SluiceError NAME_INVALID, NAME_DUPLICATE
   */
  table: <const ClusterBy extends string = never>(
    name: string,
    options: DeltaOptions<ClusterBy> = {},
  ): DeltaTable<ClusterBy> => {
    requireTableName(name)
    const clusterBy = Object.freeze([...(options.clusterBy ?? [])])
    requireDistinct(clusterBy, `clusterBy of ${name}`)
    return Object.freeze({ kind: 'delta', table: name, clusterBy })
  },
})

export const postgres = Object.freeze({
  /** @throws SluiceError NAME_INVALID, NAME_DUPLICATE */
  table: <const Key extends string = never>(name: string, options: PostgresOptions<Key> = {}): PostgresTable<Key> => {
    requireSnakeCase(`Postgres table '${name}'`, name)
    const primaryKey = options.primaryKey === undefined ? null : Object.freeze([...options.primaryKey])
    requireDistinct(primaryKey ?? [], `primaryKey of ${name}`)
    return Object.freeze({ kind: 'postgres', table: name, primaryKey })
  },
})
