import { goldenCase } from './golden-case.ts'
import { visitsScenario } from './visits.ts'

goldenCase('A pipeline of sessions', {
  whole: visitsScenario({ perMinute: 3 }),
  small: visitsScenario({ perMinute: 0.4, phases: 3 }),
})
