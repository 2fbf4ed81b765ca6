import { auctionsScenario } from './auctions.ts'
import { goldenCase } from './golden-case.ts'

goldenCase('A pipeline of results of results', {
  whole: auctionsScenario({ perMinute: 2 }),
  small: auctionsScenario({ perMinute: 0.1, phases: 2 }),
})
