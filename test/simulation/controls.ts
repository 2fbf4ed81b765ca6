import { chooseSchedule } from './choose-schedule.ts'
import { outcomeOf } from './run-seed.ts'
import { SABOTAGES } from './sabotage.ts'

const only = process.argv.slice(4)
for (const [name, sabotage] of Object.entries(SABOTAGES)) {
  if (only.length && !only.some((x) => name.includes(x))) continue
  const red: number[] = []
  const t = performance.now()
  for (let seed = Number(process.argv[2]); seed <= Number(process.argv[3]); seed++) {
    const f = (await outcomeOf(chooseSchedule(seed), sabotage)).faults
    if (f.length) {
      red.push(seed)
      if (red.length >= 3) break
    }
  }
  console.log(name, red, Math.round(performance.now() - t))
}
