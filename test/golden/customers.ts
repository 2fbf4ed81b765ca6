import { c, delta, kafka, pipeline, point, postgres } from '../../lib/index.ts'
import { type Random, type Scenario, seededRandom } from './scenario.ts'

const customers = kafka.topic('customers', {
  schema: {
    id: c.string(),
    changed_at: c.timestamp(),
    name: c.string().nullable(),
    latitude: c.double().nullable(),
    longitude: c.double().nullable(),
  },
  key: 'id',
  eventTime: 'changed_at',
  outOfOrder: '1 day',
  partitions: 2,
})

const known = customers
  .check({ 'name known': (row) => row.name !== null })
  .with({ place: point('latitude', 'longitude'), initial: c.string().from((row) => row.name!.slice(0, 1)) })

/** No windows: rows into a table, and their latest version into a database. */
const plan = pipeline('customers', {
  bronze: customers.into(delta.table('bronze.customers')),
  silver: known.into(delta.table('silver.customers')),
  latest: known.select('id', 'initial', 'changed_at').into(postgres.table('customers', { primaryKey: ['id'] })),
})

interface Customer {
  readonly [column: string]: unknown
  readonly id: string
  readonly changed_at: string
  readonly name: string | null
  readonly latitude: number | null
  readonly longitude: number | null
}

function changes(count: number): readonly Customer[] {
  const random = seededRandom(3)
  return Array.from({ length: count }, (_, number) => {
    const there = random() < 0.7
    return {
      id: `customer ${Math.floor(random() * Math.sqrt(count))}`,
      changed_at: new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString(),
      name: random() < 0.1 ? null : `${'ABCDE'.charAt(Math.floor(random() * 5))} ${number}`,
      latitude: there ? random() : null,
      longitude: there ? random() : null,
    }
  })
}

/** Any order that leaves the changes of one customer in theirs. */
function shuffled(phase: readonly Customer[], random: Random): readonly Customer[] {
  const places = Map.groupBy(
    phase.map(({ id }) => ({ id, at: random() })),
    ({ id }) => id,
  )
  const next = new Map([...places].map(([id, drawn]) => [id, drawn.map(({ at }) => at).sort((a, b) => a - b)]))
  return phase
    .map((change) => ({ change, at: next.get(change.id)!.shift()! }))
    .sort((a, b) => a.at - b.at)
    .map(({ change }) => change)
}

function answerOf(all: readonly Customer[]): Scenario['answer'] {
  const good = all.flatMap((one) => {
    const { id, changed_at, name, latitude, longitude } = one
    if (name === null) return []
    const place = latitude === null || longitude === null ? null : { latitude, longitude }
    return [{ id, changed_at: Date.parse(changed_at), name, place, initial: name.charAt(0) }]
  })
  const latest = new Map(good.map(({ id, initial, changed_at }) => [id, { id, initial, changed_at }]))
  return {
    tables: {
      'bronze.customers': all.map((one) => ({ key: one.id, value: JSON.stringify(one) })),
      'silver.customers': good,
      'sql customers': [...latest.values()],
      'quarantine.customers': all
        .filter(({ name }) => name === null)
        .map((one) => ({ reason: 'name known', value: JSON.stringify(one) })),
    },
    late: 0,
    quarantined: all.length - good.length,
  }
}

/** In so many phases; each is two or three batches. */
export function customersScenario(options: { readonly count: number; readonly phases: number }): Scenario {
  const all = changes(options.count)
  const length = Math.ceil(all.length / options.phases)
  return {
    plan,
    partitions: 2,
    batchSize: Math.ceil(length / 2),
    phases: Array.from({ length: options.phases }, (_, i) => all.slice(i * length, (i + 1) * length)),
    shuffle: (phase, random) => shuffled(phase as readonly Customer[], random),
    answer: answerOf(all),
  }
}
