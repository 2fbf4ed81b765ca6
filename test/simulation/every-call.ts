import { Course } from '../golden/crashes.ts'
import type { Scenario } from '../golden/scenario.ts'
import { worldOf } from '../golden/world-of.ts'
import { PortCalls } from '../support/faulty-ports.ts'
import { type Contents, differences } from '../support/table-rows.ts'
import type { Fault } from './steps.ts'
import { Turnstile } from './turnstile.ts'

/** What may happen at a call, each by itself. */
const FAULTS: readonly Fault[] = ['crash before', 'crash after', 'answer lost']

export interface EveryCall {
  readonly calls: number
  /** What is not as after a run that nothing disturbed. */
  readonly wrong: readonly string[]
}

/**
 * Runs a scenario once for each call to a port and each fault: its process ends before the call, ends after it, or lives on and doesn't get
 * the answer. A process that has ended, or given up, is followed by another one.
 */
export async function faultEveryCall(scenario: Scenario): Promise<EveryCall> {
  const undisturbed = worldOf(scenario)
  const counted = new PortCalls(undisturbed)
  await new Course(scenario).run(counted)
  const wanted = await undisturbed.contents({ coordinates: true })
  const calls = counted.calls.length
  const wrong: string[] = []
  for (let call = 1; call <= calls; call++) {
    for (const fault of FAULTS) {
      const found = await contentsAfter(scenario, call, fault)
      for (const difference of differences(found, wanted)) {
        wrong.push(`call ${call}, ${fault}: ${counted.calls[call - 1]!.name}: ${difference}`)
      }
    }
  }
  return { calls, wrong }
}

async function contentsAfter(scenario: Scenario, call: number, fault: Fault): Promise<Contents> {
  const world = worldOf(scenario)
  const course = new Course(scenario)
  const gate = new Turnstile(world)
  const opened = gate.open(call, fault)
  let done = false
  const run = course.run(gate).then(
    () => {
      done = true
    },
    () => {},
  )
  await Promise.race([run, opened])
  if (!gate.isDead) await Promise.race([run, gate.open(Number.POSITIVE_INFINITY, null)])
  if (!done) await course.run(new PortCalls(world))
  return world.contents({ coordinates: true })
}
