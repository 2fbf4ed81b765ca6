import { HOUR } from '#core/time.ts'
import { type CrimeRecord, crimes, crimesAnswer, crimeTime, simulatedCrimes } from '../support/crimes-pipeline.ts'
import { disordered, type Scenario } from './scenario.ts'

/** Twenty thefts of one evening, and those that end in quarantine. */
const isTelling = (record: CrimeRecord, busiest: string): boolean =>
  `${record.primary_type} ${record.district}` === busiest || record.district === '' || Number.isNaN(crimeTime(record))

/** Some days of crimes by the simulator; every record, or few that still have all there is to see. */
export function crimesScenario(options: { readonly count: number; readonly thin: boolean }): Scenario {
  const all = simulatedCrimes(9, options.count)
  const far = { ...all[3]!, id: 1, latitude: 52.5 }
  const records = [...(options.thin ? thinned(all) : all), { ...far, date: all.at(-1)!.date }]
  const half = options.thin ? records.length : Math.ceil(records.length / 2)
  return {
    plan: crimes,
    partitions: 2,
    batchSize: Math.ceil(half / 2),
    phases: options.thin ? [records] : [records.slice(0, half), records.slice(half)],
    // The simulator's own disorder is below 20 hours, the bound is a day.
    shuffle: (phase, random) => disordered(phase, (record) => orderTime(record as CrimeRecord), 20 * HOUR, random),
    answer: crimesAnswer(records),
  }
}

/** A date that can't be read may be anywhere. */
const orderTime = (record: CrimeRecord): number => {
  const time = crimeTime(record)
  return Number.isNaN(time) ? 0 : time
}

function thinned(all: readonly CrimeRecord[]): readonly CrimeRecord[] {
  const anomalies = crimesAnswer(all).tables['gold.crimes_anomaly']
  const busiest = `${anomalies[0]!['primary_type']} ${anomalies[0]!['district']}`
  return all.filter((record, number) => isTelling(record, busiest) || number % 150 === 0)
}
