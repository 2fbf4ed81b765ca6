import { alertsScenario } from './alerts.ts'
import { goldenCase } from './golden-case.ts'

goldenCase('A pipeline with detectors', {
  whole: alertsScenario({ perHour: 12 }),
  small: alertsScenario({ perHour: 10, phases: 2 }),
})
