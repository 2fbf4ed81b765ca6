import type { WindowRow } from '#runtime/results.ts'
import type { Json } from './case.ts'
import { Excluded, type QueryRun, specOf, startQuery, TIME, type WindowJson } from './engine.ts'

/** Longer than any transcript: late elements are taken for ever there unless it says otherwise. */
const FOR_EVER = 86_400_000_000

/** Elements that are their own times, watermarks, and the panes that each action causes. */
export async function runPanes(json: Json): Promise<readonly string[]> {
  const { trigger_fn: trigger = 'Default', accumulation_mode: mode = 'accumulating' } = json
  if (mode === 'discarding') throw new Excluded('discarded results', `accumulation mode ${mode}`)
  if (!/^(Default|DefaultTrigger|AfterWatermark)(\(\))?$/.test(trigger)) {
    throw new Excluded(/count/i.test(trigger) ? 'count trigger' : 'custom triggers', `trigger ${trigger}`)
  }
  const transcript = json.transcript as readonly Json[]
  const inputs = transcript
    .flatMap(({ input }) => (input ?? []) as readonly number[])
    .map((value) => ({ time: value, cells: { value } }))
  const lateness = json.allowed_lateness
  const run = await startQuery(
    {
      window: specOf(windowOf(json.window_fn), lateness ?? FOR_EVER, { atGap: 'split' }),
      aggregates: [
        { name: 'values', function: 'collect', column: 'value', parameter: 1000 },
        { name: 'latest', function: 'max', column: TIME },
        { name: 'earliest', function: 'min', column: TIME },
      ],
    },
    inputs,
  )
  return replay(run, transcript, json.timestamp_combiner ?? 'OUTPUT_AT_EOW', lateness === undefined)
}

async function replay(
  run: QueryRun,
  transcript: readonly Json[],
  combiner: string,
  forEver: boolean,
): Promise<readonly string[]> {
  const reasons: string[] = []
  let watermark: number | null = null
  let panes: readonly WindowRow[] = []
  for (const [i, step] of transcript.entries()) {
    if (step.expect !== undefined) {
      reasons.push(...compare(panes, step.expect, combiner, forEver))
      panes = []
      continue
    }
    // How much the other engine keeps is its own affair.
    if (step.state !== undefined) continue
    if (panes.length > 0)
      reasons.push(...compare(panes, [], combiner, forEver).map((reason) => `before step ${i + 1}: ${reason}`))
    if (step.input !== undefined) {
      await run.feed((step.input as readonly number[]).map((value) => ({ time: value, cells: { value } })))
    } else if (step.watermark !== undefined) watermark = step.watermark
    else throw new Excluded('processing time', `step ${JSON.stringify(step)}`)
    panes = watermark === null ? [] : (await run.watermark(watermark)).filter(({ final }) => final)
  }
  return [...reasons, ...compare(panes, [], combiner, forEver)]
}

function windowOf(text: string): WindowJson {
  const [, name, rest = ''] = /^(\w+)\((.*)\)$/.exec(text) ?? []
  const [first = 0, second = 0] = rest.split(',').map((part) => Number(part.replace(/^.*=/, '')))
  switch (name) {
    case 'FixedWindows':
      return { kind: 'tumbling', sizeMs: first, offsetMs: second }
    case 'SlidingWindows':
      return { kind: 'sliding', sizeMs: first, slideMs: second }
    case 'Sessions':
      return { kind: 'session', gapMs: first }
    default:
      throw new Excluded(name === 'GlobalWindows' ? 'global windows' : text, `window ${text}`)
  }
}

function compare(
  panes: readonly WindowRow[],
  expected: readonly Json[],
  combiner: string,
  forEver: boolean,
): readonly string[] {
  const left = [...panes]
  const reasons: string[] = []
  for (const one of expected) {
    const at = left.findIndex((pane) => fits(pane, one, combiner, forEver))
    if (at < 0) reasons.push(`missing pane: ${JSON.stringify(one)}`)
    else left.splice(at, 1)
  }
  return [...reasons, ...left.map((pane) => `unexpected pane: ${JSON.stringify(pane)}`)]
}

function fits({ start, end, values, revision }: WindowRow, one: Json, combiner: string, forEver: boolean): boolean {
  const [list, latest, earliest] = values
  const found = (JSON.parse(list as string) as { values: number[] }).values.sort((a, b) => a - b)
  const timestamp = combiner === 'OUTPUT_AT_LATEST' ? latest : combiner === 'OUTPUT_AT_EARLIEST' ? earliest : end - 1
  const facts: Readonly<Record<string, unknown>> = {
    window: [start, end - 1],
    values: found,
    timestamp,
    early: false,
    late: revision > 0,
    index: revision,
    nonspeculative_index: revision,
    ...(forEver ? { final: false } : {}),
  }
  return Object.entries(one).every(([name, value]) => {
    if (!(name in facts)) return name === 'final'
    const expected = name === 'values' ? (value as number[]).toSorted((a, b) => a - b) : value
    return JSON.stringify(facts[name]) === JSON.stringify(expected)
  })
}
