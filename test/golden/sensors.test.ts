import { goldenCase } from './golden-case.ts'
import { sensorsScenario } from './sensors.ts'

goldenCase('A pipeline of sensors', {
  whole: sensorsScenario({ count: 1_500, phases: 4 }),
  small: sensorsScenario({ count: 30, phases: 1 }),
})
