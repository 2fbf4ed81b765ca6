import { customersScenario } from './customers.ts'
import { goldenCase } from './golden-case.ts'

goldenCase('A pipeline without windows', {
  whole: customersScenario({ count: 2_000 }),
  small: customersScenario({ count: 40 }),
})
