import { customersScenario } from './customers.ts'
import { goldenCase } from './golden-case.ts'

goldenCase('A pipeline without windows', {
  whole: customersScenario({ count: 2_000, phases: 2 }),
  small: customersScenario({ count: 30, phases: 1 }),
})
