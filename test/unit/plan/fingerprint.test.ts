import { describe, expect, test } from 'vitest'
import { describeChange, fingerprint, planShape } from '#plan/fingerprint.ts'
import type { Plan, WindowOutput } from '#plan/plan.ts'
import { c, type Duration, delta, kafka, pipeline, point, postgres, sliding } from '../../../lib/index.ts'

interface Variation {
  readonly outOfOrder?: Duration
  readonly size?: Duration
  readonly zone?: string
  readonly partitions?: number
  readonly threshold?: 14 | 15
  readonly check?: 'is indoors' | 'is inside'
  readonly column?: 'temperature' | 'humidity'
  readonly unused?: boolean
  readonly rows?: boolean
  readonly hot?: boolean
}

const above14 = (r: { total: number }) => r.total > 14
const above15 = (r: { total: number }) => r.total > 15

/** One pipeline with one thing changed. */
function variation(changed: Variation = {}): Plan {
  const schema = {
    id: c.long(),
    taken_at: c.timestamp({ zone: changed.zone ?? 'UTC' }),
    sensor: c.string(),
    floor: c.int(),
    latitude: c.double(),
    longitude: c.double(),
    temperature: c.double().nullable(),
    humidity: c.double().nullable(),
    ...(changed.unused === true ? { battery: c.double().nullable() } : {}),
  }
  const topic = kafka.topic('readings', {
    schema,
    eventTime: 'taken_at',
    outOfOrder: changed.outOfOrder ?? '5 minutes',
    partitions: changed.partitions ?? 3,
  })
  const rows = topic
    .check({ [changed.check ?? 'is indoors']: (r) => r.floor >= 0 })
    .with({ place: point('latitude', 'longitude') })
  const window = sliding(changed.size ?? '5 hours', { every: '30 minutes', grace: '1 day' })
  const results = rows
    .groupBy('sensor')
    .window(window)
    .aggregate((a) => ({ total: a.count(), heat: a.sum(changed.column ?? 'temperature') }))
    .where(changed.threshold === 15 ? above15 : above14)
  const hot = rows
    .groupBy()
    .window(window)
    .aggregate((a) => ({ heat: a.max('temperature') }))
  return pipeline('readings', {
    ...(changed.rows === true ? { silver: rows.into(delta.table('silver.readings')) } : {}),
    ...(changed.hot === true ? { hot: hot.into(delta.table('gold.hot')) } : {}),
    heat: results.into(delta.table('gold.heat'), ...(changed.rows === true ? [postgres.table('heat')] : [])),
  })
}

const changes = (changed: Variation) => describeChange(planShape(variation()), planShape(variation(changed)))

describe('A fingerprint', () => {
  test('is 16 hex digits, the same for the same pipeline', () => {
    expect(fingerprint(variation())).toMatch(/^[0-9a-f]{16}$/)
    expect(fingerprint(variation())).toBe(fingerprint(variation()))
  })

  test.each<[string, Variation]>([
    ['a column is added that nothing reads', { unused: true }],
    ['the topic gets more partitions', { partitions: 12 }],
    ['outputs of rows and other tables are added', { rows: true }],
  ])('stays when %s', (_, changed) => {
    expect(fingerprint(variation(changed))).toBe(fingerprint(variation()))
    expect(changes(changed)).toEqual([])
  })

  test('does not depend on the order of outputs', () => {
    const plan = variation({ hot: true })
    expect(fingerprint({ ...plan, outputs: plan.outputs.toReversed() })).toBe(fingerprint(plan))
  })

  test('does not depend on line ends in functions', () => {
    const plan = variation()
    const [unix, windows] = ['\n', '\r\n'].map((end): Plan => {
      const where = new Function(`return (r) =>${end} r.total > 14`)()
      return { ...plan, outputs: [{ ...plan.outputs[0]!, where } as WindowOutput] }
    })
    expect(fingerprint(unix!)).toBe(fingerprint(windows!))
  })
})

describe('A fingerprint changes, and the change says so, when', () => {
  test.each<[string, Variation, readonly string[]]>([
    ['a window gets another size', { size: '6 hours' }, ['window of heat: size 5 hours → 6 hours']],
    ['records may come later', { outOfOrder: '1 hour' }, ['out of order 5 minutes → 1 hour']],
    [
      'event times are read in another zone',
      { zone: 'America/Chicago' },
      ["column taken_at timestamp 'iso' in UTC → timestamp 'iso' in America/Chicago"],
    ],
    ['a filter changes', { threshold: 15 }, ['window of heat: where (r) => r.total > 14 → (r) => r.total > 15']],
    [
      'a check gets another name',
      { check: 'is inside' },
      [
        "steps check 'is indoors', derived column place → check 'is inside', derived column place",
        "check 'is indoors' is gone: (r) => r.floor >= 0",
        "check 'is inside' is new: (r) => r.floor >= 0",
      ],
    ],
    [
      'an aggregate reads another column',
      { column: 'humidity' },
      [
        'column temperature is gone: double or null',
        'window of heat: aggregate heat double or null = sum(temperature) → double or null = sum(humidity)',
        'column humidity is new: double or null',
      ],
    ],
    ['a window is added', { hot: true }, ['window of hot is new: sliding']],
  ])('%s', (_, changed, lines) => {
    expect(fingerprint(variation(changed))).not.toBe(fingerprint(variation()))
    expect(changes(changed)).toEqual(lines)
  })

  test('a window is removed', () => {
    const lines = describeChange(planShape(variation({ hot: true })), planShape(variation()))
    expect(lines).toEqual(['window of hot is gone: sliding'])
  })

  test('a long function changes near its end', () => {
    const long = `(r) => ${'r.total > 14 && '.repeat(10)}`
    const key = 'window of heat: where'
    expect(describeChange({ [key]: `${long}true` }, { [key]: `${long}false` })).toEqual([
      `${key} changed inside: ${long.slice(0, 79)}…`,
    ])
  })
})

describe('The shape of a plan', () => {
  test('survives JSON', () => {
    const shape = planShape(variation())
    expect(describeChange(JSON.parse(JSON.stringify(shape)), shape)).toEqual([])
  })

  test('has the columns that functions read', () => {
    expect(planShape(variation())).toMatchObject({ 'column floor': 'int', 'column latitude': 'double' })
    expect(Object.keys(planShape(variation()))).not.toContain('column humidity')
  })
})
