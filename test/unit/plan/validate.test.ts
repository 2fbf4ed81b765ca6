import { describe, expect, test } from 'vitest'
import { assertPlan } from '#plan/validate.ts'
import { c, delta, kafka, pipeline } from '../../../lib/index.ts'
import { refusal } from '../dsl/refusals.ts'

const topic = kafka.topic('readings', { schema: { at: c.timestamp() }, eventTime: 'at', outOfOrder: '1 day' })
const checked = topic.check({ 'is old': (r) => r.at > 0 })
const plan = pipeline('readings', { silver: checked.into(delta.table('silver.readings')) })

describe('A default export', () => {
  test('is taken when it is a pipeline, also one of another copy of the library', () => {
    expect(assertPlan(plan)).toBe(plan)
    const copy = { ...plan, topic: { ...plan.topic } }
    expect(assertPlan(copy)).toBe(copy)
  })

  test.each<[string, unknown]>([
    ['no default export', undefined],
    ['null', null],
    ['a function', () => plan],
    ['an array', [plan]],
    ['the string "readings"', 'readings'],
    ['a promise: leave out async', Promise.resolve(plan)],
    ['one output: give it a name inside pipeline()', topic.into(delta.table('bronze.readings'))],
    ['rows or a topic that go nowhere yet: end them with .into(…)', checked],
    ['an object { plan } without a name', { plan }],
    ['a pipeline whose topic is undefined', { name: 'readings' }],
    ['a pipeline whose topic has undefined as eventTime', { ...plan, topic: { ...plan.topic, eventTime: undefined } }],
    ['a pipeline whose topic has the number 1.5 as partitions', { ...plan, topic: { ...plan.topic, partitions: 1.5 } }],
    ['a pipeline whose topic has null as fields', { ...plan, topic: { ...plan.topic, fields: null } }],
    ['a pipeline whose steps are undefined', { ...plan, steps: undefined }],
    [
      'a pipeline with a step that is an object { kind, name }',
      { ...plan, steps: [{ kind: 'check', name: 'is old' }] },
    ],
    ['a pipeline without outputs', { ...plan, outputs: [] }],
    ['a pipeline with an output that is an object { name }', { ...plan, outputs: [{ name: 'silver' }] }],
  ])('is refused with what was found: %s', (found, value) => {
    expect(refusal(() => assertPlan(value))).toEqual({
      code: 'PIPELINE_INVALID',
      message:
        `Expected the file's default export to be a pipeline, found ${found}. ` +
        "End the file with: export default pipeline('name', { … }).",
    })
  })

  test('that went through JSON is refused: its functions are gone', () => {
    expect(refusal(() => assertPlan(JSON.parse(JSON.stringify(plan)))).message).toContain('with a step that is')
  })
})
