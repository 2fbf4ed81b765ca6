import { chooseSchedule } from './choose-schedule.ts'
import { outcomeOf, runSchedule } from './run-seed.ts'

/** Runs every `step`-th seed from `first` on; the first failures are made smaller, of those after them only the faults are told. */
const [first = 0, step = 1, end = 0, printed = 1] = process.argv.slice(2).map(Number)

let shrunken = 0
for (let seed = first; seed < end; seed += step) {
  let failure: string | null
  if (shrunken < printed) {
    failure = await runSchedule(chooseSchedule(seed))
    if (failure !== null) shrunken++
  } else {
    const { faults } = await outcomeOf(chooseSchedule(seed))
    failure = faults.length === 0 ? null : faults.slice(0, 3).join('\n')
  }
  process.send?.({ seed, failure })
}
const { user, system } = process.cpuUsage()
process.send?.({ cpu: (user + system) / 1000 })
process.disconnect?.()
