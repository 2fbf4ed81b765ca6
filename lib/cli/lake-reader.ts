import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { foldersIn } from '#cli/data-location.ts'
import { SluiceError } from '#core/errors.ts'
import { nearest } from '#core/nearest.ts'
import { type DeltaDeps, DeltaTable } from '#delta/table.ts'

/** The tables of a data folder, for reading beside whatever runs there: found by their logs, no pipeline needed. */
export interface LakeReader {
  readonly dataFolder: string
  readonly deps: DeltaDeps
  /** `layer.table`, layers in the order in which rows pass them. */
  readonly names: readonly string[]
  /** @throws SluiceError TABLE_UNKNOWN */
  open(name: string): Promise<DeltaTable>
}

const ORDER = ['bronze', 'silver', 'gold', 'quarantine', 'late']

export function readLake(dataFolder: string): LakeReader {
  const lake = join(dataFolder, 'lake')
  const deps: DeltaDeps = { store: new DirectoryObjectStore(lake), clock: systemClock, ids: randomIds }
  const layers = [...new Set([...ORDER, ...foldersIn(lake)])]
  const names = layers.flatMap((layer) =>
    foldersIn(join(lake, layer))
      .filter((table) => existsSync(join(lake, layer, table, '_delta_log')))
      .map((table) => `${layer}.${table}`),
  )
  return {
    dataFolder,
    deps,
    names,
    open: async (name) => DeltaTable.open(deps, tableName(name, names, dataFolder).replace('.', '/')),
  }
}

/**
 * The table that is meant: by its whole name in any case, or by the part after the layer where only one has it.
 *
 * @throws SluiceError TABLE_UNKNOWN
 */
export function tableName(wanted: string, names: readonly string[], dataFolder: string): string {
  const lower = wanted.toLowerCase().replace('/', '.')
  if (names.includes(lower)) return lower
  const alike = names.filter((name) => name.endsWith(`.${lower}`))
  if (alike.length === 1) return alike[0]!
  const near = alike.length > 1 ? undefined : nearestTable(lower, names)
  const hint =
    alike.length > 1 ? ` It could be ${alike.join(' or ')}.` : near === undefined ? '' : ` Did you mean ${near}?`
  const list = names.length === 0 ? 'There are no tables yet.' : `Tables: ${names.join(', ')}.`
  throw new SluiceError('TABLE_UNKNOWN', `There is no table ${wanted} in ${dataFolder}.${hint} ${list}`, {
    details: { table: wanted, tables: names },
  })
}

function nearestTable(wanted: string, names: readonly string[]): string | undefined {
  const whole = nearest(wanted, names)
  if (whole !== undefined || wanted.includes('.')) return whole
  const bare = nearest(
    wanted,
    names.map((name) => name.slice(name.indexOf('.') + 1)),
  )
  return bare === undefined ? undefined : names.find((name) => name.endsWith(`.${bare}`))
}
