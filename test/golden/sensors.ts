import { type EpochMillis, MINUTE } from '#core/time.ts'
import { c, delta, kafka, pipeline, postgres, sliding, tumbling } from '../../lib/index.ts'
import { disordered, grouped, type Scenario, seededRandom } from './scenario.ts'

const readings = kafka.topic('readings', {
  schema: {
    sensor: c.string(),
    taken_at: c.timestamp(),
    room: c.string().nullable(),
    celsius: c.double().nullable(),
    people: c.int(),
    alarm: c.boolean(),
  },
  key: 'sensor',
  eventTime: 'taken_at',
  outOfOrder: '10 minutes',
  partitions: 2,
})

const clean = readings.check({ 'people can be counted': (row) => row.people >= 0 }).with({
  fahrenheit: c
    .double()
    .nullable()
    .from((row) => (row.celsius === null ? null : row.celsius * 1.8 + 32)),
})

const sensors = pipeline('sensors', {
  bronze: readings.into(delta.table('bronze.readings')),
  silver: clean.into(delta.table('silver.readings')),
  per_sensor: clean
    .groupBy('sensor')
    .window(tumbling('15 minutes', { grace: '0 seconds' }))
    .aggregate((a) => ({
      readings: a.count(),
      total: a.sum('celsius'),
      mean: a.avg('celsius'),
      coldest: a.min('celsius'),
      hottest: a.max('fahrenheit'),
    }))
    .into(delta.table('gold.per_sensor'), postgres.table('per_sensor')),
  // Windows of 10 minutes every 4: neither divides the other.
  per_room: clean
    .groupBy('room')
    .window(sliding('10 minutes', { every: '4 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({
      people: a.sum('people'),
      mean: a.avg('people'),
      alarms: a.countIf('alarm'),
      last: a.max('taken_at'),
    }))
    .into(delta.table('gold.per_room')),
})

interface Reading {
  readonly [column: string]: unknown
  readonly sensor: string
  readonly taken_at: string
  readonly room: string | null
  readonly celsius: number | null
  readonly people: number
  readonly alarm: boolean
}

const START: EpochMillis = Date.UTC(2026, 2, 1, 11, 58)

/** Readings with temperatures such as 21.1 that no double holds exactly, at random distances of time. */
function readingsOf(count: number): readonly Reading[] {
  const random = seededRandom(5)
  const pick = (limit: number): number => Math.floor(random() * limit)
  let time = START
  return Array.from({ length: count }, () => {
    time += pick(90_000)
    return {
      sensor: `sensor ${pick(4)}`,
      taken_at: new Date(time).toISOString(),
      room: pick(5) === 0 ? null : `room ${pick(2)}`,
      celsius: pick(6) === 0 ? null : (pick(400) - 100) / 10,
      people: pick(12) === 0 ? -1 : pick(9),
      alarm: pick(7) === 0,
    }
  })
}

/** Every double between 0.1 and 1000 is a whole number of 2^-60: sums of those are exact, and rounded once. */
function exactSum(values: readonly number[]): number | null {
  if (values.length === 0) return null
  return Number(values.reduce((sum, value) => sum + BigInt(value * 2 ** 60), 0n)) / 2 ** 60
}

function answerOf(readings: readonly Reading[]): Scenario['answer'] {
  const good = readings
    .filter(({ people }) => people >= 0)
    .map((row) => ({
      ...row,
      at: Date.parse(row.taken_at),
      fahrenheit: row.celsius === null ? null : row.celsius * 1.8 + 32,
    }))
  const inWindows = (size: number, every: number) =>
    good.flatMap((row) => {
      const starts = []
      for (let start = Math.floor(row.at / every) * every; start > row.at - size; start -= every) starts.push(start)
      return starts.map((start) => ({ ...row, window_start: start, window_end: start + size }))
    })
  const perSensor = grouped(inWindows(15 * MINUTE, 15 * MINUTE), (row) => [row.window_start, row.sensor]).map(
    (rows) => {
      const celsius = rows.flatMap((row) => row.celsius ?? [])
      const total = exactSum(celsius)
      const { window_start, window_end, sensor } = rows[0]!
      const mean = total === null ? null : total / celsius.length
      const [coldest, hottest] = [
        celsius.toSorted((a, b) => a - b)[0] ?? null,
        rows.flatMap((row) => row.fahrenheit ?? []),
      ]
      const max = hottest.toSorted((a, b) => b - a)[0] ?? null
      return { window_start, window_end, sensor, readings: rows.length, total, mean, coldest, hottest: max }
    },
  )
  const perRoom = grouped(inWindows(10 * MINUTE, 4 * MINUTE), (row) => [row.window_start, row.room]).map((rows) => {
    const { window_start, window_end, room } = rows[0]!
    const people = rows.reduce((sum, row) => sum + row.people, 0)
    const alarms = rows.filter((row) => row.alarm).length
    const last = Math.max(...rows.map((row) => row.at))
    return { window_start, window_end, room, people, mean: people / rows.length, alarms, last }
  })
  return {
    tables: {
      'bronze.readings': readings.map((row) => ({ value: JSON.stringify(row) })),
      'silver.readings': good.map(({ at, ...row }) => ({ ...row, taken_at: at })),
      'gold.per_sensor': perSensor,
      'sql per_sensor': perSensor,
      'gold.per_room': perRoom,
    },
    late: 0,
    quarantined: readings.length - good.length,
  }
}

/** In so many phases; each is two or three batches. */
export function sensorsScenario(options: { readonly count: number; readonly phases: number }): Scenario {
  const readings = readingsOf(options.count)
  const length = Math.ceil(readings.length / options.phases)
  return {
    plan: sensors,
    partitions: 2,
    batchSize: Math.ceil(length / 2),
    phases: Array.from({ length: options.phases }, (_, i) => readings.slice(i * length, (i + 1) * length)),
    // Half the bound: the other half is for the clock, which moves between the phases.
    shuffle: (phase, random) =>
      disordered(phase, (record) => Date.parse((record as Reading).taken_at), 5 * MINUTE, random),
    answer: answerOf(readings),
  }
}
