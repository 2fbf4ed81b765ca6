import { formatDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import type { DeclaredOutput, WindowDefinition } from '#dsl/declared-output.ts'
import type { Output, WindowSpec } from '#plan/plan.ts'

/**
 * Whether results of one kind of windows can be rows of another.
 *
 * @throws SluiceError WINDOW_INVALID for sessions, and for a grace that would lose corrections of the results
 */
export function checkChainedWindow(results: WindowSpec, own: WindowSpec | null): void {
  if (results.kind === 'session' || own?.kind === 'session') {
    throw new SluiceError(
      'WINDOW_INVALID',
      `Expected results of windows with fixed bounds to be grouped again, in windows with fixed bounds, found ` +
        `${results.kind === 'session' ? 'results of sessions' : 'sessions of results'}: their bounds change as records come. ` +
        'Use tumbling, sliding, cumulating or calendar windows.',
    )
  }
  if (own === null || own.grace >= results.grace) return
  throw new SluiceError(
    'WINDOW_INVALID',
    `Expected the grace of windows over results to be at least theirs, ${formatDuration(results.grace)}, found ${formatDuration(own.grace)}: ` +
      `corrections of the results would be lost. Write grace: '${formatDuration(results.grace)}'.`,
  )
}

/**
 * The outputs by their names, and before each of them the results that it is made of, unless these are outputs themselves: they get
 * the name of the first output that needs them, with `.input` behind it, which no user can give.
 */
export function namedOutputs(declared: readonly (readonly [string, DeclaredOutput])[]): readonly Output[] {
  const names = new Map<WindowDefinition, string>()
  for (const [name, { results }] of declared) {
    if (results !== undefined && !names.has(results)) names.set(results, name)
  }
  const outputs: Output[] = []
  const nameOf = (results: WindowDefinition, needing: string): string => {
    const known = names.get(results) ?? `${needing}.input`
    if (names.has(results)) return known
    names.set(results, known)
    const { chain, of: _, ...planned } = results
    const from = source(results, known)
    outputs.push({
      kind: 'window',
      name: known,
      after: chain.steps.length,
      ...planned,
      emit: 'final',
      sinks: [],
      ...from,
    })
    return known
  }
  const source = ({ of }: WindowDefinition, name: string) =>
    of === null ? {} : { source: { output: nameOf(of.results, name), windows: of.windows } }
  for (const [name, { output, results, judges }] of declared) {
    const from = results === undefined ? {} : source(results, name)
    const of = judges === undefined ? {} : { of: nameOf(judges, name) }
    outputs.push({ ...output, name, ...from, ...of } as Output)
  }
  return outputs
}
