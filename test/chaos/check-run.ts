import { DeltaTable } from '#delta/table.ts'
import { isWindowOutput } from '#plan/plan.ts'
import { progressGroup } from '#runtime/keys.ts'
import { listProgress } from '#runtime/progress.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import { type Visit, WINDOWS } from './turnstiles.ts'

export interface Checked {
  readonly records: number
  readonly late: number
  readonly quarantined: number
  readonly rows: number
  /** Results that were published again because of a record within grace. */
  readonly corrected: number
  readonly differences: readonly string[]
}

interface Sums {
  people: number
  numbers: number
  mixed: number
}

type Row = Readonly<Record<string, unknown>>

async function* rowsOf(runtime: Runtime, table: string): AsyncGenerator<Row> {
  const opened = await DeltaTable.open(runtime, tablePath(table))
  for await (const batch of (await opened.snapshot()).rows()) yield* batch
}

/**
 * Holds all tables against the records that were produced: each is in bronze once; each in exactly one of counted, late and
 * quarantined; and every result is the sum of exactly the records that no late row says it has missed.
 *
 * @param ends end offset of each partition
 */
export async function checkRun(
  runtime: Runtime,
  produced: readonly Visit[],
  ends: readonly number[],
): Promise<Checked> {
  const differences: string[] = []
  const numbers = await readBronze(runtime, produced.length, ends, differences)
  const missed = new Map<string, Map<number, number>>(WINDOWS.map(({ name }) => [name, new Map()]))
  const lateOffsets = new Set<string>()
  for await (const row of rowsOf(runtime, 'late.chaos')) {
    const at = `${row['partition']}/${row['offset']}`
    const n = numbers.get(at)!
    const output = missed.get(row['output'] as string)!
    if (output.has(n)) differences.push(`late.chaos: ${at} twice for ${row['output']}`)
    output.set(n, Number(row['last_window_end']))
    if (row['counted_elsewhere'] !== true) lateOffsets.add(at)
  }
  const quarantined = await readQuarantine(runtime, numbers, produced, differences)
  const counts = await accounts(runtime)
  const expected = {
    read: produced.length,
    counted: produced.length - lateOffsets.size - quarantined.size,
    late: lateOffsets.size,
    quarantined: quarantined.size,
  }
  if (JSON.stringify(counts) !== JSON.stringify(expected)) {
    differences.push(`accounts: ${JSON.stringify(counts)}, not ${JSON.stringify(expected)}`)
  }
  let rows = 0
  let corrected = 0
  for (const { name, size } of WINDOWS) {
    const wanted = sums(produced, quarantined, missed.get(name)!, size)
    const found = await readResults(runtime, name, differences)
    rows += found.size
    corrected += [...found.values()].filter(({ revision }) => revision > 0).length
    differences.push(...compare(name, wanted, found))
  }
  return { records: numbers.size, late: lateOffsets.size, quarantined: quarantined.size, rows, corrected, differences }
}

/** `partition/offset` → number of the record. */
async function readBronze(
  runtime: Runtime,
  count: number,
  ends: readonly number[],
  differences: string[],
): Promise<ReadonlyMap<string, number>> {
  const numbers = new Map<string, number>()
  const seen = new Uint8Array(count)
  for await (const row of rowsOf(runtime, 'bronze.turnstiles')) {
    const at = `${row['partition']}/${row['offset']}`
    const { n } = JSON.parse(Buffer.from(row['value'] as Uint8Array).toString()) as { n: number }
    if (numbers.has(at)) differences.push(`bronze: ${at} twice`)
    if (seen[n] === 1) differences.push(`bronze: record ${n} twice`)
    seen[n] = 1
    numbers.set(at, n)
  }
  const lost = seen.indexOf(0)
  if (lost >= 0) differences.push(`bronze: record ${lost} is lost, of ${seen.filter((one) => one === 0).length}`)
  const total = ends.reduce((sum, end) => sum + end, 0)
  if (numbers.size !== total) differences.push(`bronze: ${numbers.size} records, not ${total}`)
  return numbers
}

async function readQuarantine(
  runtime: Runtime,
  numbers: ReadonlyMap<string, number>,
  produced: readonly Visit[],
  differences: string[],
): Promise<ReadonlySet<number>> {
  const quarantined = new Set<number>()
  for await (const row of rowsOf(runtime, 'quarantine.chaos')) {
    const n = numbers.get(`${row['partition']}/${row['offset']}`)!
    if (quarantined.has(n)) differences.push(`quarantine: record ${n} twice`)
    if (produced[n]!.gate !== '') differences.push(`quarantine: record ${n} is well`)
    quarantined.add(n)
  }
  for (const { n, gate } of produced) {
    if (gate === '' && !quarantined.has(n)) differences.push(`quarantine: record ${n} is lost`)
  }
  return quarantined
}

async function accounts(runtime: Runtime) {
  const all = [...(await listProgress(runtime.state, progressGroup(runtime))).values()]
  const sum = (pick: (one: (typeof all)[number]) => number): number => all.reduce((total, one) => total + pick(one), 0)
  return {
    read: sum((one) => one.read),
    counted: sum((one) => one.counted),
    late: sum((one) => one.late),
    quarantined: sum((one) => one.quarantined),
  }
}

function sums(
  produced: readonly Visit[],
  quarantined: ReadonlySet<number>,
  missed: ReadonlyMap<number, number>,
  size: number,
): ReadonlyMap<string, Sums> {
  const wanted = new Map<string, Sums>()
  for (const { n, mixed, at, gate } of produced) {
    const start = Math.floor(at / size) * size
    if (quarantined.has(n) || (missed.get(n) ?? 0) >= start + size) continue
    const key = `${start} ${gate}`
    const sum = wanted.get(key) ?? { people: 0, numbers: 0, mixed: 0 }
    wanted.set(key, sum)
    sum.people++
    sum.numbers += n
    sum.mixed += mixed
  }
  return wanted
}

interface Found extends Sums {
  readonly revision: number
}

/** The highest revision of each row; each revision may be there once. */
async function readResults(runtime: Runtime, name: string, differences: string[]): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>()
  const revisions = new Set<string>()
  const { fields } = runtime.plan.outputs.filter(isWindowOutput).find((output) => output.name === name)!
  if (!fields.some((field) => field.name === 'revision')) throw new Error(`${name} has no revision`)
  for await (const row of rowsOf(runtime, `gold.${name}`)) {
    const key = `${Number(row['window_start'])} ${row['gate']}`
    const revision = Number(row['revision'])
    if (revisions.has(`${key} ${revision}`)) differences.push(`${name}: ${key} revision ${revision} twice`)
    revisions.add(`${key} ${revision}`)
    if ((found.get(key)?.revision ?? -1) > revision) continue
    const [people, numbers, mixed] = ['people', 'numbers', 'mixed'].map((column) => Number(row[column]))
    found.set(key, { people: people!, numbers: numbers!, mixed: mixed!, revision })
  }
  return found
}

function compare(
  name: string,
  wanted: ReadonlyMap<string, Sums>,
  found: ReadonlyMap<string, Found>,
): readonly string[] {
  const wrong: string[] = []
  for (const key of new Set([...wanted.keys(), ...found.keys()])) {
    const right = wanted.get(key)
    const { revision: _, ...is } = found.get(key) ?? { revision: 0 }
    if (JSON.stringify(right ?? {}) === JSON.stringify(is)) continue
    wrong.push(`${name} ${key}: ${JSON.stringify(is)}, not ${JSON.stringify(right)}`)
  }
  return wrong
}
