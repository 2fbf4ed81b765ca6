/**
 * Runs schedules of random seeds over memory adapters and holds what they leave against brute force.
 *
 *   npm run test:simulation -- [--seeds 500] [--from N] [--seed N] [--workers 2] [--controls] [--every-call]
 *
 * Without --from the seeds are those of the day (UTC), so that every day tries others; --seed runs one again. A seed that fails is printed
 * with the smallest schedule that still fails. Exits with 0 if none does. --controls breaks exactly-once in every way it knows, and exits with
 * 0 if each of them makes one of the seeds fail. --every-call lets each call to a port of the crimes pipeline go wrong, one by one, in every way.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DAY } from '#core/time.ts'
import { crimesScenario } from '../golden/crimes.ts'
import { controlsShow } from './controls.ts'
import { faultEveryCall } from './every-call.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string' },
    seed: { type: 'string' },
    workers: { type: 'string' },
    controls: { type: 'boolean' },
    'every-call': { type: 'boolean' },
  },
})

/** Failures that are made smaller and printed; of more only the number is told. */
const PRINTED = 5
const SEEDS_A_DAY = 1_000_000

function numberOf(option: 'seeds' | 'from' | 'seed' | 'workers', byDefault: number): number {
  const text = values[option]
  const number = text === undefined ? byDefault : Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error(`Expected --${option} to be a whole number, found "${text}".`)
  process.exit(2)
}

const only = values.seed === undefined ? null : numberOf('seed', 0)
const count = only === null ? numberOf('seeds', 500) : 1
const from = only ?? numberOf('from', Math.floor(Date.now() / DAY) * SEEDS_A_DAY)
const workers = Math.min(count, Math.max(1, numberOf('workers', 2)))

if (values['every-call'] === true) {
  const { calls, wrong } = await faultEveryCall(crimesScenario({ count: 1_500, thin: true }))
  for (const line of wrong.slice(0, 20)) console.log(line)
  console.log(`${calls} calls, each ended before, ended after, and its answer lost: ${wrong.length} differences`)
  process.exit(wrong.length === 0 ? 0 : 1)
}
console.log(`seeds ${from} to ${from + count - 1}`)
if (values.controls === true) process.exit((await controlsShow(from, count)) ? 0 : 1)
const started = performance.now()
const failed: number[] = []
let done = 0
let cpu = 0

async function runWorker(first: number): Promise<void> {
  const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [
    ...[first, workers, from + count, Math.ceil(PRINTED / workers)].map(String),
  ])
  child.on('message', (message: { seed: number; failure: string | null } | { cpu: number }) => {
    if ('cpu' in message) {
      cpu += message.cpu
      return
    }
    done++
    if (message.failure === null) return
    failed.push(message.seed)
    console.log(`\nSeed ${message.seed} fails (npm run test:simulation -- --seed ${message.seed}).\n${message.failure}`)
  })
  const ended = Promise.withResolvers<void>()
  child.on('exit', () => ended.resolve())
  await ended.promise
}

await Promise.all(Array.from({ length: workers }, (_, worker) => runWorker(from + worker)))
const seconds = (performance.now() - started) / 1000
const each = done === 0 ? 0 : Math.round(cpu / done)
console.log(
  `${done - failed.length} passed, ${failed.length} failed, ${count - done} skipped: ${seconds.toFixed(1)} s, ${each} ms CPU a seed`,
)
process.exitCode = failed.length > 0 || done < count ? 1 : 0
