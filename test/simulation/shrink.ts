import type { OutputChoice, PlanChoice } from './plans.ts'
import type { Schedule, Step } from './steps.ts'

/**
 * A schedule as small as it gets that still fails: without steps, records, faults, outputs and whatever else it takes none of to fail.
 * Tries until nothing more can be left out, or until it has tried `attempts` times.
 */
export async function shrink(
  schedule: Schedule,
  fails: (schedule: Schedule) => Promise<boolean>,
  attempts = 600,
): Promise<Schedule> {
  let smallest = schedule
  let left = attempts
  const take = async (candidate: Schedule): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(candidate))) return false
    smallest = candidate
    return true
  }
  for (let before = null as Schedule | null; before !== smallest && left > 0; ) {
    before = smallest
    await withoutParts(
      () => smallest.steps,
      (steps) => take({ ...smallest, steps }),
    )
    for (let i = 0; i < smallest.steps.length; i++) {
      const step = smallest.steps[i]!
      if (step.do === 'feed') {
        const recordsOf = () => (smallest.steps[i] as typeof step).records
        await withoutParts(recordsOf, (records) => take(withStep(smallest, i, { ...step, records })))
      }
      for (const simpler of simplerSteps(step)) await take(withStep(smallest, i, simpler))
    }
    for (const plan of simplerPlans(smallest.plan)) await take({ ...smallest, plan })
    if (smallest.recreate) await take({ ...smallest, recreate: false })
    if (smallest.splitsEarly) await take({ ...smallest, splitsEarly: false })
  }
  return smallest
}

/** Leaves out halves, then quarters, down to single ones. */
async function withoutParts<T>(
  parts: () => readonly T[],
  take: (parts: readonly T[]) => Promise<boolean>,
): Promise<void> {
  for (let size = Math.ceil(parts().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < parts().length; ) {
      const rest = [...parts().slice(0, at), ...parts().slice(at + size)]
      if (!(await take(rest))) at += size
    }
  }
}

const withStep = (schedule: Schedule, at: number, step: Step): Schedule => ({
  ...schedule,
  steps: schedule.steps.with(at, step),
})

function simplerSteps(step: Step): readonly Step[] {
  const simpler: Step[] = []
  if ('fault' in step) {
    if (step.calls !== null) simpler.push({ ...step, calls: null, fault: null })
    if (step.fault !== null) simpler.push({ ...step, fault: null })
  }
  if (step.do !== 'start') return simpler
  const { task } = step
  if (task.do !== 'deliver')
    return 'leased' in task && task.leased ? [...simpler, { ...step, task: { ...task, leased: false } }] : simpler
  for (const part of task.parts.length > 1 ? task.parts : [])
    simpler.push({ ...step, task: { ...task, parts: [part] } })
  const [part] = task.parts
  if (task.parts.length > 1 || part === undefined) return simpler
  if (part.back > 0) simpler.push({ ...step, task: { ...task, parts: [{ ...part, back: 0 }] } })
  if (part.size < 1_000) simpler.push({ ...step, task: { ...task, parts: [{ ...part, size: 1_000 }] } })
  return simpler
}

function simplerPlans(plan: PlanChoice): readonly PlanChoice[] {
  const { outputs } = plan
  const without =
    outputs.length > 1 ? outputs.map((one) => ({ ...plan, outputs: outputs.filter((other) => other !== one) })) : []
  const plain = outputs.flatMap((output, i) => [
    { ...plan, outputs: outputs.with(i, { ...output, aggregates: [] }) },
    { ...plan, outputs: outputs.with(i, { ...output, having: null }) },
    { ...plan, outputs: outputs.with(i, { ...output, emit: 'final' as const }) },
    { ...plan, outputs: outputs.with(i, alone(output)) },
    { ...plan, outputs: outputs.with(i, { ...output, groupBy: [] }) },
  ])
  return [...without, { ...plan, rowsToSql: false }, ...plain].filter(
    (candidate) => JSON.stringify(candidate) !== JSON.stringify(plan),
  )
}

const alone = ({ above: _, ...output }: OutputChoice): OutputChoice => output
