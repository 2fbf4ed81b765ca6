import { correctionsScenario } from './corrections.ts'
import { goldenCase } from './golden-case.ts'

goldenCase('A pipeline with late records and corrections', {
  whole: correctionsScenario({ perMinute: 6 }),
  small: correctionsScenario({ perMinute: 0.4, phases: 3 }),
})
