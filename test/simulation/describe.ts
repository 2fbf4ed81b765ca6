import { formatDuration } from '#core/duration.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import type { OutputChoice, PlanChoice } from './plans.ts'
import type { Fed } from './records.ts'
import type { Happened, Simulation } from './simulation.ts'
import { recordsOf, type Step, type Task } from './steps.ts'

/** A run that failed, to be read by people: the plan, what happened step by step, what is wrong. */
export function describe(simulation: Simulation, faults: readonly string[]): string {
  const { schedule, happened } = simulation
  const times = recordsOf(schedule.steps).map(({ at }) => at)
  const origin = Math.floor(Math.min(...times, Number.MAX_SAFE_INTEGER) / schedule.plan.unit) * schedule.plan.unit
  const done = new Map(happened.map((one) => [one.step, one]))
  const steps = schedule.steps.map(
    (step, i) => `  ${i + 1}. ${stepText(step, done.get(step), origin, schedule.plan.unit)}`,
  )
  return [
    ...planText(schedule.plan, schedule.partitions),
    ...(schedule.splitsEarly ? ['Pages are split early.'] : []),
    `Event times count in units of ${formatDuration(schedule.plan.unit)} from ${new Date(origin).toISOString()}.`,
    ...steps,
    `  then everything is brought to its end${schedule.recreate ? ', and the topic is created anew' : ''}`,
    'Wrong:',
    ...faults.map((fault) => `  ${fault}`),
  ].join('\n')
}

function planText({ outOfOrder, outputs, rowsToSql }: PlanChoice, partitions: number): readonly string[] {
  const rows = rowsToSql ? ', rows to SQL' : ''
  return [
    `Plan: ${partitions} partitions, out of order by ${millis(outOfOrder)}${rows}`,
    ...outputs.map((output) => `  ${outputText(output)}`),
  ]
}

const millis = (length: Millis): string => (length === 0 ? '0' : formatDuration(length))

function outputText({ name, window, groupBy, aggregates, having, emit, sinks, above }: OutputChoice): string {
  const by = groupBy.length === 0 ? '' : ` by ${groupBy.join(', ')}`
  const over =
    above === undefined
      ? ''
      : `; above it ${above.window === null ? 'the same' : windowText(above.window)}, emit ${above.emit}`
  const where = having === null ? '' : ` where n % ${having} ≠ 0`
  const more = aggregates.length === 0 ? '' : `, ${aggregates.join(', ')}`
  return `${name}: ${windowText(window)}, grace ${millis(window.grace)}${by}: n, ids${more}${where}, emit ${emit} → ${sinks.join(', ')}${over}`
}

function windowText(window: WindowSpec): string {
  const { kind } = window
  if (kind === 'calendar') return `calendar ${window.unit} in ${window.zone}`
  if (kind === 'session') return `session of gap ${millis(window.gap)}, at gap ${window.atGap}, end ${window.end}`
  const shifted = window.offset === 0 ? '' : `, offset ${millis(window.offset)}`
  if (kind === 'sliding') return `sliding ${millis(window.size)} every ${millis(window.every)}${shifted}`
  if (kind === 'cumulating') return `cumulating ${millis(window.size)} step ${millis(window.step)}${shifted}`
  return `tumbling ${millis(window.size)}${shifted}`
}

function stepText(step: Step, done: Happened | undefined, origin: EpochMillis, unit: Millis): string {
  switch (step.do) {
    case 'feed': {
      const wait = step.advance === 0 ? '' : ` after ${step.advance} ms`
      return `feed${wait}: ${step.records.map((record) => recordText(record, origin, unit)).join('; ')}`
    }
    case 'wait':
      return `the clock moves by ${millis(step.advance)}`
    case 'grow':
      return `the topic grows to ${step.partitions} partitions`
    case 'kill':
      return `process ${step.who} is killed`
    default: {
      const does = step.do === 'start' ? taskText(step.task) : 'goes on'
      return `process ${step.who} ${does}${done === undefined ? '' : outcomeText(step, done)}`
    }
  }
}

function recordText({ id, partition, at, who, flag, flaw }: Fed, origin: EpochMillis, unit: Millis): string {
  const time = Number(((at - origin) / unit).toFixed(6))
  return `#${id} to ${partition} at ${time} of ${who}${flag ? ', flag' : ''}${flaw === null ? '' : ` (${flaw})`}`
}

function taskText(task: Task): string {
  if (task.do !== 'deliver') return `${'leased' in task && task.leased ? 'with a lease: ' : ''}${task.do}`
  const parts = task.parts.map(({ partition, back, size }) => {
    const from = back === 0 ? '' : ` from ${back} before what is committed`
    return `${size} of partition ${partition}${from}`
  })
  return `delivers to ${task.to}: ${parts.join(', ')}`
}

function outcomeText(step: Extract<Step, { fault: unknown }>, { calls, error }: Happened): string {
  const last = calls.at(-1)
  const failed = error === null ? '' : `; it ended with ${error.split('\n')[0]}`
  if (last === undefined) return `: nothing to do${failed}`
  if (step.calls === null || calls.length < step.calls) return `: ${calls.length} calls${failed}`
  return `: stands still after ${calls.length} calls, at "${last}"${step.fault === null ? '' : ` (${step.fault})`}${failed}`
}
