import { formatDuration } from '#core/duration.ts'
import { ruleName, ruleText } from '#plan/describe-rule.ts'
import { aggregateText, placeText, sourceText } from '#plan/fingerprint.ts'
import {
  type Emit,
  isWindowOutput,
  lateTable,
  type Output,
  type Plan,
  quarantineTable,
  type Sink,
  type Step,
  type WindowOutput,
  type WindowSpec,
} from '#plan/plan.ts'

/** The plan as aligned text for a terminal: topic, steps, outputs and the tables they go into. */
export function describe(plan: Plan): string {
  const lines: (readonly string[])[] = [
    ['topic', plan.topic.name, topicText(plan)],
    ...plan.steps.map((step): readonly string[] => [step.kind, step.name, stepText(step)]),
  ]
  for (const output of plan.outputs) {
    lines.push(['output', output.name, outputText(plan, output)])
    for (const sink of output.sinks) lines.push(['', '', `→ ${sinkText(sink)}`])
    if (output.sinks.length === 0) lines.push(['', '', '→ only other windows'])
  }
  lines.push(['table', quarantineTable(plan), 'records that are malformed or fail a check, with the reason'])
  if (plan.outputs.some(isWindowOutput)) {
    lines.push(['table', lateTable(plan), 'records that came after the grace of a window'])
  }
  return [`pipeline ${plan.name}`, ...aligned(lines)].join('\n')
}

/** The plan as a Mermaid flowchart: topic → steps → outputs → tables. */
export function mermaid(plan: Plan): string {
  const quarantine = `quarantine[(${quoted(quarantineTable(plan))})]`
  const lines = [`topic[/${quoted(`topic ${plan.topic.name}`)}/]`, `topic -. malformed .-> ${quarantine}`]
  plan.steps.forEach((step, index) => {
    const label = step.kind === 'check' ? `check: ${step.name}` : `${step.name} = ${stepText(step)}`
    lines.push(`${stepId(index)} --> ${stepId(index + 1)}[${quoted(label)}]`)
    if (step.kind === 'check') lines.push(`${stepId(index + 1)} -. fails .-> quarantine`)
  })
  for (const output of plan.outputs) {
    const id = outputId(output.name)
    const source = isWindowOutput(output) ? output.source : undefined
    const before = output.kind === 'detector' ? output.of : source?.output
    const step = output.kind === 'rows' || output.kind === 'window' ? output.after : 0
    const from = before === undefined ? stepId(step) : outputId(before)
    const label = labelOf(output)
    lines.push(`${from} --> ${id}[${quoted(label)}]`)
    if (isWindowOutput(output) && source === undefined)
      lines.push(`${id} -. late .-> late[(${quoted(lateTable(plan))})]`)
    for (const { kind, table } of output.sinks) {
      // names are lowercase, so that this is the id of no other table
      lines.push(`${id} --> ${kind}_${table.replace('.', '_DOT_')}[(${quoted(`${kind} ${table}`)})]`)
    }
  }
  return ['flowchart LR', ...lines.map((line) => `  ${line}`)].join('\n')
}

function labelOf(output: Output): string {
  if (isWindowOutput(output)) return `${output.name}<br/>${windowText(output.window)}`
  return output.kind === 'detector' ? `${output.name}<br/>${ruleName(output.rule)}` : output.name
}

/** Step 0 is the topic. Ids have prefixes because `end` and others are words of Mermaid. */
const stepId = (index: number): string => (index === 0 ? 'topic' : `step_${index}`)

// a name with a dot is of results that no user has named
const outputId = (name: string): string => `output_${name.replaceAll('.', '_DOT_')}`

const quoted = (text: string): string => `"${text.replaceAll('#', '#35;').replaceAll('"', '#quot;')}"`

function aligned(lines: readonly (readonly string[])[]): readonly string[] {
  const width = (column: number): number => Math.max(...lines.map((line) => line[column]!.length))
  const [first, second] = [width(0), width(1)]
  return lines.map(([kind, name, text]) => `  ${kind!.padEnd(first)}  ${name!.padEnd(second)}  ${text}`.trimEnd())
}

function topicText({ topic }: Plan): string {
  const key = topic.key === null ? 'no key' : `key ${topic.key}`
  return [
    counted(topic.fields.length, 'column'),
    counted(topic.partitions, 'partition'),
    key,
    `event time ${topic.eventTime}, up to ${formatDuration(topic.outOfOrder)} out of order`,
  ].join('; ')
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

function stepText(step: Step): string {
  if (step.kind === 'check') return 'or else to quarantine'
  const { from, column } = step
  return from.kind === 'function' ? `${column.kind} from a function` : placeText(from)
}

function outputText(plan: Plan, output: Output): string {
  if (output.kind === 'raw') return 'the records as they came'
  if (output.kind === 'rows') {
    const place = output.after === 0 ? '' : `, after ${plan.steps[output.after - 1]!.name}`
    return `rows of ${counted(output.fields.length, 'column')}${place}`
  }
  if (output.kind === 'detector') return `alerts: ${output.column} of ${output.of}, ${ruleText(output.rule)}`
  return windowOutputText(output)
}

function windowOutputText({ window, source, groupBy, aggregates, where, emit }: WindowOutput): string {
  const of = source === undefined ? '' : ` of ${sourceText(source)}`
  const bounds = source?.windows === 'same' ? of.slice(' of '.length) : `${windowText(window)}${of}`
  const group = groupBy.length === 0 ? '' : ` by ${groupBy.join(', ')}`
  const values = aggregates.map((aggregate) => `${aggregate.name} = ${aggregateText(aggregate)}`).join(', ')
  const grace = `grace ${formatDuration(window.grace)}`
  return `${bounds}${group}: ${values}${where === null ? '' : ', some of them'}; ${grace}${emitText(emit)}`
}

function emitText(emit: Emit): string {
  if (emit === 'final') return ''
  if (emit === 'change') return '; running results'
  return emit === 'complete'
    ? '; running results, the whole table each time'
    : `; running results every ${formatDuration(emit.every)}`
}

function windowText(spec: WindowSpec): string {
  if (spec.kind === 'calendar') return `every ${spec.unit} in ${spec.zone}`
  if (spec.kind === 'session') {
    const apart = spec.atGap === 'join' ? `with gaps up to` : `with gaps below`
    return `sessions ${apart} ${formatDuration(spec.gap)}${spec.end === 'gap' ? '' : ', to the last event'}`
  }
  const offset = spec.offset === 0 ? '' : ` at ${formatDuration(spec.offset)}`
  if (spec.kind === 'tumbling') return `every ${formatDuration(spec.size)}${offset}`
  if (spec.kind === 'cumulating') {
    return `every ${formatDuration(spec.size)}${offset} in steps of ${formatDuration(spec.step)}`
  }
  return `${formatDuration(spec.size)} every ${formatDuration(spec.every)}${offset}`
}

function sinkText(sink: Sink): string {
  const columns = sink.kind === 'delta' ? sink.clusterBy : sink.primaryKey
  const suffix =
    columns.length === 0 ? '' : ` (${sink.kind === 'delta' ? 'clustered by' : 'key'} ${columns.join(', ')})`
  return `${sink.kind} ${sink.table}${suffix}`
}
