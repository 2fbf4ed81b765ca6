/** Appends a million row objects that a generator makes to a new table, in a process of its own: started by append-memory.test.ts. */
import { randomUUID } from 'node:crypto'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { DeltaTable } from '#delta/table.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'

export interface AppendCost {
  readonly rows: number | null
  /** What the process took at most. */
  readonly peakMegabytes: number
}

const ROWS = 1_000_000
const KINDS: Readonly<Record<string, ColumnKind>> = {
  id: 'long',
  case_number: 'string',
  date: 'timestamp',
  block: 'string',
  iucr: 'string',
  primary_type: 'string',
  description: 'string',
  location_description: 'string',
  arrest: 'boolean',
  domestic: 'boolean',
  beat: 'string',
  district: 'string',
  ward: 'int',
  community_area: 'int',
  fbi_code: 'string',
  x_coordinate: 'int',
  y_coordinate: 'int',
  year: 'int',
  updated_on: 'timestamp',
  latitude: 'double',
  longitude: 'double',
  location: 'string',
}
const FIELDS: Fields = Object.entries(KINDS).map(([name, kind]) => ({ name, column: { kind, nullable: true } }))

function crime(i: number): object {
  // Spread as the real ones are: some texts repeat in every row, some hardly ever.
  const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0
  const [latitude, longitude] = [41.6 + (mixed % 40_000) / 1e5, -87.9 + (mixed % 35_000) / 1e5]
  return {
    id: 11_000_000 + i,
    case_number: `JB${mixed % 1_000_000}${i}`,
    date: 1_527_811_200_000 + (mixed % 44_000) * 60_000,
    block: `0${mixed % 120}XX N STREET ${mixed % 17_000}`,
    iucr: `${mixed % 300}`,
    primary_type: `TYPE ${mixed % 31}`,
    description: `DESCRIPTION ${mixed % 260}`,
    location_description: i % 400 === 0 ? null : `PLACE ${mixed % 112}`,
    arrest: mixed % 5 === 0,
    domestic: mixed % 6 === 0,
    beat: `${mixed % 274}`,
    district: `0${mixed % 23}`,
    ward: mixed % 50,
    community_area: mixed % 77,
    fbi_code: `${mixed % 25}`,
    x_coordinate: 1_100_000 + (mixed % 24_000),
    y_coordinate: 1_800_000 + (mixed % 28_000),
    year: 2018,
    updated_on: 1_530_000_000_000 + (mixed % 250) * 86_400_000,
    latitude,
    longitude,
    location: `(${latitude}, ${longitude})`,
  }
}

function* crimes(): Generator<object> {
  for (let i = 0; i < ROWS; i++) yield crime(i)
}

async function main(folder: string): Promise<void> {
  const store = new DirectoryObjectStore(folder)
  const deps = { store, clock: systemClock, ids: { next: randomUUID } }
  const table = await DeltaTable.openOrCreate(deps, 'crimes', { fields: FIELDS })
  await table.append(crimes())
  const rows = (await table.snapshot()).totalRows()
  const cost: AppendCost = { rows, peakMegabytes: process.resourceUsage().maxRSS / 1024 }
  process.stdout.write(JSON.stringify(cost))
}

if (import.meta.main) await main(process.argv[2] ?? '')
