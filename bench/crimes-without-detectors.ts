import type { Output, Plan } from '#plan/plan.ts'
import crimes from '../pipelines/crimes.ts'

/** The job that other engines were measured at: the crimes pipeline without its detectors, and without the column that only they need. */
const steps = crimes.steps.filter(({ name }) => name !== 'cell')

const plan: Plan = {
  ...crimes,
  steps,
  outputs: crimes.outputs.flatMap((output): Output[] => {
    if (output.kind === 'detector' || output.name.endsWith('.input')) return []
    return output.kind === 'raw' ? [output] : [{ ...output, after: Math.min(output.after, steps.length) }]
  }),
}

export default plan
