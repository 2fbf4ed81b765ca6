import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

/** What one task took in its process. */
export interface Measure {
  readonly wall: number
  readonly cpu: number
  readonly rssMb: number
  /** Bytes that were read, or written, where the task counts them. */
  readonly bytes?: number
  /** Size of the task, so that nothing is measured that was not done. */
  readonly rows?: number
  /** How often it was done. */
  readonly times?: number
}

/** What a task says of itself, beside its times. */
export type Done = Pick<Measure, 'bytes' | 'rows' | 'times'>

const LINE = 'measured:'

/** Runs the work in this process and prints what it took. `work` says where the clock starts by calling `start`. */
export async function report(work: (start: () => void) => Promise<Done | undefined>): Promise<void> {
  let wall = process.hrtime.bigint()
  let cpu = process.cpuUsage()
  const done = await work(() => {
    wall = process.hrtime.bigint()
    cpu = process.cpuUsage()
  })
  const { user, system } = process.cpuUsage(cpu)
  const measure: Measure = {
    wall: Number(process.hrtime.bigint() - wall) / 1e9,
    cpu: (user + system) / 1e6,
    rssMb: process.resourceUsage().maxRSS / 1024,
    ...done,
  }
  process.stdout.write(`${LINE}${JSON.stringify(measure)}\n`)
}

const TASKSET = '/usr/bin/taskset'

/** Runs a command on one core, where the system can do that, and gives what it printed of itself. */
export async function measured(command: string, args: readonly string[]): Promise<Measure> {
  const [file, all] = existsSync(TASKSET) ? [TASKSET, ['-c', '1', command, ...args]] : [command, [...args]]
  const child = spawn(file, all, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout) text += String(chunk)
  const line = text.split('\n').find((each) => each.startsWith(LINE))
  if (line === undefined) throw new Error(`${command} ${args.join(' ')} measured nothing: ${text.slice(0, 500)}`)
  return JSON.parse(line.slice(LINE.length)) as Measure
}
