import { SluiceError } from '#core/errors.ts'
import type { Plan } from '#plan/plan.ts'

/**
 * Takes what a module exports for a Plan, by its form: it may come from another copy of the library.
 *
 * @throws SluiceError PIPELINE_INVALID, which says what was found
 */
export function assertPlan(value: unknown): Plan {
  const fault = faultOf(value)
  if (fault === null) return value as Plan
  throw new SluiceError(
    'PIPELINE_INVALID',
    `Expected the file's default export to be a pipeline, found ${fault}. ` +
      "End the file with: export default pipeline('name', { … }).",
  )
}

type Properties = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function faultOf(value: unknown): string | null {
  if (value === undefined) return 'no default export'
  if (value instanceof Promise) return 'a promise: leave out async'
  if (!isObject(value)) return nameOf(value)
  if (isObject(value['output']) && isObject(value['chain'])) return 'one output: give it a name inside pipeline()'
  if (typeof value['into'] === 'function') return 'rows or a topic that go nowhere yet: end them with .into(…)'
  if (typeof value['name'] !== 'string') return `an object ${listed(value)} without a name`
  return topicFault(value['topic']) ?? stepsFault(value['steps']) ?? outputsFault(value['outputs'])
}

function topicFault(topic: unknown): string | null {
  if (!isObject(topic)) return `a pipeline whose topic is ${nameOf(topic)}`
  const numbers = ['outOfOrder', 'maxFutureSkew', 'partitions']
  const wrong =
    ['name', 'format', 'eventTime'].find((key) => typeof topic[key] !== 'string') ??
    numbers.find((key) => !Number.isSafeInteger(topic[key])) ??
    (Array.isArray(topic['fields']) ? undefined : 'fields')
  return wrong === undefined ? null : `a pipeline whose topic has ${nameOf(topic[wrong])} as ${wrong}`
}

function stepsFault(steps: unknown): string | null {
  if (!Array.isArray(steps)) return `a pipeline whose steps are ${nameOf(steps)}`
  const wrong = steps.find((step: unknown) => {
    if (!isObject(step) || typeof step['name'] !== 'string') return true
    return step['kind'] === 'check'
      ? typeof step['test'] !== 'function'
      : step['kind'] !== 'derive' || !isObject(step['from'])
  })
  return wrong === undefined ? null : `a pipeline with a step that is ${nameOf(wrong)}`
}

function outputsFault(outputs: unknown): string | null {
  if (!Array.isArray(outputs) || outputs.length === 0) return 'a pipeline without outputs'
  const wrong = outputs.find((output: unknown) => {
    const kinds: readonly unknown[] = ['raw', 'rows', 'window', 'detector']
    return (
      !isObject(output) ||
      typeof output['name'] !== 'string' ||
      !kinds.includes(output['kind']) ||
      !Array.isArray(output['sinks'])
    )
  })
  return wrong === undefined ? null : `a pipeline with an output that is ${nameOf(wrong)}`
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (isObject(value)) return `an object ${listed(value)}`
  return typeof value === 'function' ? 'a function' : `the ${typeof value} ${JSON.stringify(value)}`
}

const listed = (value: Properties): string => `{ ${Object.keys(value).slice(0, 5).join(', ')} }`
