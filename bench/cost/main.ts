/**
 * npm run bench:cost [-- --window 5] [--rates 1,10,100,1000,5000]
 *
 * What the state of the crimes pipeline costs on DynamoDB, by events a second: units as they are billed, dollars for a million
 * events, and the largest item. Simulated time, real stages, memory for DynamoDB. bench/README.md says what it taught us.
 */
import { parseArgs } from 'node:util'
import { MINUTE } from '#core/time.ts'
import { scheduleDollars, stateDollars } from './prices.ts'
import { idleUsage, stateCost } from './state-cost.ts'

const { values } = parseArgs({
  options: {
    window: { type: 'string', default: '5' },
    rates: { type: 'string', default: '1,10,100,1000,5000' },
    kinds: { type: 'boolean', default: false },
  },
})

/** Long enough for some thousand events, some windows, and no longer than a minute of ours. */
const MINUTES: Readonly<Record<number, number>> = { 1: 60, 10: 30, 100: 8, 1000: 4, 5000: 1 }
const WARM_UP = 100_000

process.stdout.write('events/s  write units/M  read units/M  $/M     reads/100 batches  largest item\n')
for (const rate of values.rates.split(',').map(Number)) {
  const duration = (MINUTES[rate] ?? 5) * MINUTE
  const cost = await stateCost({ rate, duration, warmUp: WARM_UP, batchWindow: Number(values.window) * 1_000 })
  const perMillion = (value: number): number => (value * 1e6) / cost.events
  const units = { writeUnits: perMillion(cost.total.writeUnits), readUnits: perMillion(cost.total.readUnits) }
  const cells = [
    String(rate).padEnd(8),
    units.writeUnits.toFixed(0).padStart(13),
    units.readUnits.toFixed(0).padStart(12),
    stateDollars(units).toFixed(4).padStart(7),
    ((100 * cost.batchReads) / cost.batches).toFixed(2).padStart(17),
    `${(cost.total.largestItem / 1024).toFixed(1)} KB`.padStart(13),
  ]
  process.stdout.write(`${cells.join('  ')}\n`)
  if (!values.kinds) continue
  for (const [kind, usage] of cost.usage) {
    const { writes, reads, largestItem } = usage
    const line = `${writes} writes of ${(usage.writeUnits / Math.max(1, writes)).toFixed(1)} units, ${reads} reads of ${(usage.readUnits / Math.max(1, reads)).toFixed(1)}`
    process.stdout.write(`  ${kind}: ${line}, largest ${largestItem}\n`)
  }
}
const minutes = 60
const month = 30 * 24 * 60
const idle = await idleUsage(minutes)
const state = (stateDollars(idle) * month) / minutes
const schedules = scheduleDollars(month, 0.25 * 0.2)
process.stdout.write(
  `idle for a month: $${(state + schedules).toFixed(2)}, of which state $${state.toFixed(2)} (${idle.writeUnits / minutes} write and ${idle.readUnits / minutes} read units a minute)\n`,
)
