import type { WindowRow } from '#runtime/results.ts'
import type { Json } from './case.ts'
import {
  type Call,
  Excluded,
  type InputRow,
  parseCall,
  type QueryRun,
  sessionRules,
  specOf,
  startQuery,
  type WindowJson,
} from './engine.ts'
import { differences } from './values.ts'

/** A row and the watermarks that it came out between. */
interface Emitted {
  readonly row: WindowRow
  readonly after: number | null
  readonly notAfter: number | null
}

/** What an older test harness leaves to its default. */
const LATENESS_DEFAULT = 1000

/** Elements and watermarks one by one, with restarts in between. */
export async function runTranscript(json: Json, file: Json): Promise<readonly string[]> {
  const { trigger = 'eventTime', aggregate = 'sum' } = json
  if (trigger !== 'eventTime' && !(trigger === 'purging(eventTime)' && json.allowedLatenessMs === 0)) {
    throw new Excluded(ruleOf(trigger), `trigger ${trigger}`)
  }
  // Flink: no element with a time ≤ w will come; elsewhere: none below w.
  const isFlink = String(json.semantics ?? file.provenance?.project ?? '')
    .toLowerCase()
    .includes('flink')
  const steps = json.steps as readonly Json[]
  const elements = steps.flatMap(({ element }) => (element === undefined ? [] : [element]))
  const inputs = elements.map(({ key = null, value, ts }: Json) => ({ time: ts, cells: { key, value } }))
  const call = aggregate === 'count' ? 'count(*)' : `${aggregate}(value)`
  const runs = await startAll(json, file, [parseCall(call)!], inputs)
  const watermark = async (at: number): Promise<readonly WindowRow[]> => {
    const rows: WindowRow[] = []
    for (const run of runs) rows.push(...(await run.watermark(at)))
    return rows
  }
  const emitted: Emitted[] = []
  const reasons: string[] = []
  let current: number | null = null
  let last: readonly WindowRow[] = []
  let fed = 0
  for (const [i, step] of steps.entries()) {
    if (step.element !== undefined) {
      for (const run of runs) await run.feed([inputs[fed]!])
      fed++
      // There, a late element makes its window come out again at once.
      if (!isFlink || current === null) continue
      const rows = await watermark(current + 1)
      const next = steps.slice(i).find(({ watermark }) => watermark !== undefined)?.watermark ?? null
      for (const row of rows) emitted.push({ row, after: current, notAfter: next })
    } else if (step.watermark !== undefined) {
      last = await watermark(step.watermark + (isFlink ? 1 : 0))
      for (const row of last) emitted.push({ row, after: current, notAfter: step.watermark })
      current = step.watermark
    } else if (step.snapshotAndRestore === true) for (const { run } of runs) run.restart()
    else if (step.expectContains !== undefined) reasons.push(...missingFrom(last, step.expectContains, aggregate))
    else throw new Error(`There is no step ${JSON.stringify(step)}`)
  }
  if (json.expect !== undefined) reasons.push(...compareEmitted(emitted, json.expect, aggregate))
  // A harness that drops late elements lists none of them.
  const isDropped = /drop/i.test(json.id ?? '') && json.expectLateSideOutput?.length === 0
  if (json.expectLateSideOutput !== undefined && !isDropped) {
    const late = (await runs[0]!.late()).map((offset) => elements[offset])
    reasons.push(...differences(late, json.expectLateSideOutput))
  }
  return reasons
}

/** A run for each window of the case. */
async function startAll(
  json: Json,
  file: Json,
  aggregates: readonly Call[],
  inputs: readonly InputRow[],
): Promise<readonly QueryRun[]> {
  const runs: QueryRun[] = []
  for (const own of (json.windows ?? [json.window]) as readonly WindowJson[]) {
    const window = specOf(own, json.allowedLatenessMs ?? own.graceMs ?? LATENESS_DEFAULT, sessionRules(file))
    runs.push(await startQuery({ window, groupBy: ['key'], aggregates }, inputs))
  }
  return runs
}

function ruleOf(trigger: string): string {
  if (/processing/i.test(trigger)) return 'processing time'
  if (trigger.includes('continuous')) return 'continuous trigger'
  if (trigger.includes('count')) return 'count trigger'
  return trigger.includes('purging') ? 'discarded results' : trigger
}

function missingFrom(rows: readonly WindowRow[], expected: Json, aggregate: string): readonly string[] {
  const found = rows.some(
    ({ start, end, values, final }) =>
      final && start === expected.windowStart && end === expected.windowEnd && values[0] === expected[aggregate],
  )
  return found ? [] : [`missing: ${JSON.stringify(expected)}`]
}

/** Everything that is expected comes out once and between its watermarks, and nothing else; what is withdrawn has no counterpart there. */
function compareEmitted(emitted: readonly Emitted[], expected: readonly Json[], aggregate: string): readonly string[] {
  const left = emitted.filter(({ row }) => row.final)
  const reasons: string[] = []
  for (const one of expected) {
    const at = left.findIndex(({ row, after, notAfter }) => {
      const lower = one.emittedAfterWatermark === null || (after !== null && after >= one.emittedAfterWatermark)
      const upper =
        one.emittedNotAfterWatermark === null || (notAfter !== null && notAfter <= one.emittedNotAfterWatermark)
      const bounds = one.windowStart === undefined || (row.start === one.windowStart && row.end === one.windowEnd)
      return (
        lower &&
        upper &&
        bounds &&
        row.group[0] === one.key &&
        row.values[0] === one[aggregate] &&
        row.end - 1 === one.ts
      )
    })
    if (at < 0) reasons.push(`missing: ${JSON.stringify(one)}`)
    else left.splice(at, 1)
  }
  return [...reasons, ...left.map((one) => `unexpected: ${JSON.stringify(one)}`)]
}
