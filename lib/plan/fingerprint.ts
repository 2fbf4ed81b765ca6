import { createHash } from 'node:crypto'
import { formatDuration } from '#core/duration.ts'
import {
  type AggregatePlan,
  type DeriveStep,
  isWindowOutput,
  type Plan,
  type ResultsSource,
  type Step,
  type WindowOutput,
  type WindowSpec,
} from '#plan/plan.ts'
import type { Column, Fields } from '#schema/column.ts'

/**
 * Everything in a plan that decides what window state means, by name, in words: for people to compare, and to store beside the
 * state. Columns are in it when event time, a step or a window reads them, so that one more column changes nothing.
 */
export type PlanShape = Readonly<Record<string, string>>

export function planShape(plan: Plan): PlanShape {
  const { topic } = plan
  const shape: Record<string, string> = {
    topic: topic.name,
    'event time': topic.eventTime,
    'out of order': formatDuration(topic.outOfOrder),
    'max future skew': formatDuration(topic.maxFutureSkew),
    steps: plan.steps.map(stepName).join(', '),
  }
  for (const { name, column } of columnsRead(plan)) shape[`column ${name}`] = columnText(column)
  for (const step of plan.steps) shape[stepName(step)] = stepText(step)
  for (const output of plan.outputs) {
    if (!isWindowOutput(output)) continue
    shape[windowKey(output.name)] = output.window.kind
    for (const [what, text] of Object.entries(windowParts(output))) shape[`${windowKey(output.name)}: ${what}`] = text
  }
  return shape
}

/**
 * 16 hex digits that are equal for plans whose window state means the same. It keys the state: another fingerprint starts with
 * none. The text of functions counts, so a bundler that rewrites them changes it; the value of a constant that a function takes
 * from outside can't be seen. The order of outputs doesn't count.
 */
export function fingerprint(plan: Plan): string {
  const entries = Object.entries(planShape(plan)).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16)
}

/** What became another, came and went from one shape to the next, a line each: `window of x: size 5 hours → 6 hours`. */
export function describeChange(oldShape: PlanShape, newShape: PlanShape): readonly string[] {
  const lines: string[] = []
  for (const key of new Set([...Object.keys(oldShape), ...Object.keys(newShape)])) {
    const before = oldShape[key]
    const after = newShape[key]
    const window = windowOf(key)
    // of a window that came or went as a whole one line is enough
    if (before === after || (key !== window && isNewOrGone(window, oldShape, newShape))) continue
    if (before === undefined) lines.push(`${key} is new: ${shortened(after!)}`)
    else if (after === undefined) lines.push(`${key} is gone: ${shortened(before)}`)
    else lines.push(`${key} ${changeOf(before, after)}`)
  }
  return lines
}

const windowKey = (output: string): string => `window of ${output}`
const windowOf = (key: string): string | null => (key.startsWith('window of ') ? key.split(':')[0]! : null)

function isNewOrGone(window: string | null, oldShape: PlanShape, newShape: PlanShape): boolean {
  return window !== null && (oldShape[window] === undefined) !== (newShape[window] === undefined)
}

const TEXT_MAX = 80

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length <= TEXT_MAX ? line : `${line.slice(0, TEXT_MAX - 1)}…`
}

function changeOf(before: string, after: string): string {
  const [from, to] = [shortened(before), shortened(after)]
  return from === to ? `changed inside: ${from}` : `${from} → ${to}`
}

const stepName = (step: Step): string =>
  step.kind === 'check' ? `check '${step.name}'` : `derived column ${step.name}`

function stepText(step: Step): string {
  if (step.kind === 'check') return sourceOf(step.test)
  const { from } = step
  const value = from.kind === 'function' ? sourceOf(from.compute) : placeText(from)
  return `${columnText(step.column)} = ${value}`
}

/** As it is written. */
export function placeText(from: Exclude<DeriveStep['from'], { readonly kind: 'function' }>): string {
  return from.kind === 'point' ? `point(${from.latitude}, ${from.longitude})` : `h3(${from.point}, ${from.resolution})`
}

function windowParts({ window, after, source, groupBy, aggregates, where }: WindowOutput): Record<string, string> {
  const parts: Record<string, string> = { ...specParts(window), steps: String(after), 'grouped by': groupBy.join(', ') }
  if (source !== undefined) parts['made of'] = sourceText(source)
  // pages hold accumulators in this order
  parts['aggregates'] = aggregates.map(({ name }) => name).join(', ')
  for (const aggregate of aggregates) {
    parts[`aggregate ${aggregate.name}`] = `${columnText(aggregate.result)} = ${aggregateText(aggregate)}`
  }
  if (where !== null) parts['where'] = sourceOf(where)
  return parts
}

/** `results of counts`. */
export function sourceText({ output, windows }: ResultsSource): string {
  return windows === 'own' ? `results of ${output}` : `results of ${output} in the same windows`
}

/** As it is written, without `a.`: `topK(sensor, 3, by value, where alarm)`. */
export function aggregateText({ function: by, column, parameter, by: rank, where }: AggregatePlan): string {
  const rest = [
    parameter,
    rank === 'value' ? 'by value' : undefined,
    where === undefined ? undefined : `where ${where}`,
  ]
  return `${by}(${[column ?? undefined, ...rest].filter((part) => part !== undefined).join(', ')})`
}

function specParts(spec: WindowSpec): Record<string, string> {
  const grace = formatDuration(spec.grace)
  if (spec.kind === 'calendar') return { size: `1 ${spec.unit}`, zone: spec.zone, grace }
  if (spec.kind === 'session') return { gap: formatDuration(spec.gap), 'at the gap': spec.atGap, end: spec.end, grace }
  const fixed = { size: formatDuration(spec.size), offset: formatDuration(spec.offset), grace }
  if (spec.kind === 'tumbling') return fixed
  return spec.kind === 'sliding'
    ? { ...fixed, every: formatDuration(spec.every) }
    : { ...fixed, step: formatDuration(spec.step) }
}

function columnText({ kind, nullable, format }: Column): string {
  const type = format === undefined ? kind : `${kind} '${format.pattern}' in ${format.zone}`
  return nullable ? `${type} or null` : type
}

/** Text of a function as it is; line ends depend on how the sources were checked out. */
const sourceOf = (fn: (...args: never[]) => unknown): string =>
  Function.prototype.toString.call(fn).replaceAll('\r\n', '\n')

/** The topic's columns that event time, windows or points name, or whose name is a word in a function's text. */
function columnsRead(plan: Plan): Fields {
  const names = new Set([plan.topic.eventTime])
  const addWords = (text: string): void => {
    for (const [word] of text.matchAll(/\w+/g)) names.add(word)
  }
  for (const step of plan.steps) addWords(stepText(step))
  for (const output of plan.outputs) {
    // What is made of results reads none of the topic's columns.
    if (!isWindowOutput(output) || output.source !== undefined) continue
    for (const name of output.groupBy) names.add(name)
    for (const { column, where } of output.aggregates) {
      if (column !== null) names.add(column)
      if (where !== undefined) names.add(where)
    }
  }
  return plan.topic.fields.filter(({ name }) => names.has(name))
}
