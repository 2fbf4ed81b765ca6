import { SluiceError } from '#core/errors.ts'
import { namedOutputs } from '#dsl/chained.ts'
import type { Chain, DeclaredOutput } from '#dsl/declared-output.ts'
import { requireSnakeCase } from '#dsl/names.ts'
import { isWindowOutput, lateTable, type Plan, quarantineTable, type Step } from '#plan/plan.ts'

/** Outputs by name. */
export type DeclaredOutputs = Readonly<Record<string, DeclaredOutput>>

/**
 * The whole pipeline as one frozen value: the default export of a pipeline's file. Its outputs share one topic and one chain of
 * steps, so that every record is decoded and checked once, with one verdict.
 *
 * @throws SluiceError NAME_INVALID, NAME_DUPLICATE, PLAN_INVALID
 */
export function pipeline(name: string, outputs: DeclaredOutputs): Plan {
  requireSnakeCase('the pipeline', name)
  const declared = Object.entries(outputs)
  if (declared.length === 0) {
    throw new SluiceError(
      'PLAN_INVALID',
      `Expected at least one output of pipeline '${name}', found none. Give one: { bronze: topic.into(delta.table('bronze.${name}')) }.`,
    )
  }
  for (const [output, value] of declared) requireOutput(name, output, value)
  const { topic, steps } = sharedChain(name, declared)
  const plan: Plan = {
    name,
    topic,
    steps,
    outputs: namedOutputs(declared),
  }
  requireOwnTables(plan)
  requireOneWindowStep(plan)
  return freezeDeeply(plan)
}

function requireOutput(pipelineName: string, name: string, value: DeclaredOutput): void {
  requireSnakeCase(`output '${name}'`, name)
  if (typeof value === 'object' && value !== null && 'chain' in value && 'output' in value) return
  throw new SluiceError(
    'PLAN_INVALID',
    `Expected output '${name}' of pipeline '${pipelineName}' to be what .into(…) gives, found ${value === null ? 'null' : typeof value}. ` +
      `End it with a table: .into(delta.table('silver.${name}')).`,
  )
}

/** The longest chain, of which all others must be a beginning. */
function sharedChain(name: string, declared: readonly (readonly [string, DeclaredOutput])[]): Chain {
  let longest = declared[0]!
  for (const entry of declared) if (entry[1].chain.steps.length > longest[1].chain.steps.length) longest = entry
  const [longestName, { chain }] = longest
  for (const [output, { chain: other }] of declared) {
    if (other.topic !== chain.topic) {
      throw new SluiceError(
        'PLAN_INVALID',
        `Expected all outputs of pipeline '${name}' to come from one kafka.topic(…), found '${output}' from topic '${other.topic.name}' ` +
          `and '${longestName}' from topic '${chain.topic.name}'. Keep the topic in one constant, or write one pipeline a topic.`,
      )
    }
    const fork = other.steps.findIndex((step, index) => step !== chain.steps[index])
    if (fork === -1) continue
    throw new SluiceError(
      'PLAN_INVALID',
      `Expected all outputs of pipeline '${name}' to lie on one chain of steps, found that '${output}' goes on with ` +
        `${stepName(other.steps[fork]!)} where '${longestName}' goes on with ${stepName(chain.steps[fork]!)}. ` +
        'Share the chain: call .check() and .with() once, keep the result in a constant and take the outputs from it; ' +
        'use .select() where an output should have fewer columns.',
    )
  }
  return chain
}

const stepName = (step: Step): string =>
  step.kind === 'check' ? `check '${step.name}'` : `derived column '${step.name}'`

/** All windows share one slice store, so a record is in all of their inputs or in none. */
function requireOneWindowStep(plan: Plan): void {
  const [first, ...others] = plan.outputs.filter(isWindowOutput)
  const other = others.find((output) => output.after !== first?.after)
  if (first === undefined || other === undefined) return
  throw new SluiceError(
    'PLAN_INVALID',
    `Expected all windows of pipeline '${plan.name}' to start from the same step, found '${first.name}' after ${first.after} ` +
      `and '${other.name}' after ${other.after} checks and derived columns. Start all of them from the same constant.`,
  )
}

/** Two writers of one table would mix their rows. */
function requireOwnTables(plan: Plan): void {
  const owners = new Map<string, string>([[`Delta table '${quarantineTable(plan)}'`, 'the quarantine']])
  if (plan.outputs.some(isWindowOutput)) owners.set(`Delta table '${lateTable(plan)}'`, 'the late records')
  for (const output of plan.outputs) {
    for (const sink of output.sinks) {
      const table = `${sink.kind === 'delta' ? 'Delta' : 'Postgres'} table '${sink.table}'`
      const owner = owners.get(table)
      if (owner !== undefined) {
        throw new SluiceError(
          'NAME_DUPLICATE',
          `Expected one writer for ${table} of pipeline '${plan.name}', found ${owner} and output '${output.name}'. Give each its own table.`,
        )
      }
      owners.set(table, `output '${output.name}'`)
    }
  }
}

/** Functions stay as they are: they are the user's. */
function freezeDeeply<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const part of Object.values(value)) freezeDeeply(part)
  return Object.freeze(value)
}
