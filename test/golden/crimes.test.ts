import { crimesScenario } from './crimes.ts'
import { goldenCase } from './golden-case.ts'

goldenCase('The crimes pipeline', {
  whole: crimesScenario({ count: 2_500, thin: false }),
  small: crimesScenario({ count: 2_500, thin: true }),
})
