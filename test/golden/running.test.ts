import { goldenCase } from './golden-case.ts'
import { runningScenario } from './running.ts'

goldenCase('A pipeline of running results', {
  whole: runningScenario({ perMinute: 3 }),
  small: runningScenario({ perMinute: 0.12, phases: 2 }),
})
