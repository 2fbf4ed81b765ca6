import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** JSON of other projects, of a dozen forms: whoever reads it knows what to find. */
export type Json = ReturnType<typeof JSON.parse>

export interface WindowCase {
  /** `<file>/<id>`. */
  readonly name: string
  /** The whole file, for what its cases share. */
  readonly file: Json
  readonly json: Json
  readonly form: Form
  /** Reads one of the inputs that several files share. */
  readonly input: (path: string) => string
}

/** By what a file has, not by its name. */
export type Form =
  | 'assign'
  | 'merge'
  | 'refusal'
  | 'transcript'
  | 'panes'
  | 'updates'
  | 'finals'
  | 'batches'
  | 'calendar'
  | 'table'
  | 'query'
  | 'named query'
  | 'unknown'

/** All cases of a folder, by name. */
export function findWindowCases(folder: string): readonly WindowCase[] {
  const input = (path: string): string => {
    const inside = join(folder, 'inputs', basename(path))
    return readFileSync(existsSync(inside) ? inside : join(folder, path), 'utf8')
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json') && !path.split(/[/\\]/).includes('inputs'))
    .sort()
  return files.flatMap((path) => {
    const file = JSON.parse(readFileSync(join(folder, path), 'utf8')) as Json
    const stem = path.replace(/\.json$/, '')
    return casesOf(file).map(({ id, json, form }) => ({ name: `${stem}/${id}`, file, json, form, input }))
  })
}

function casesOf(file: Json): readonly { readonly id: string; readonly json: Json; readonly form: Form }[] {
  if (file.queries !== undefined) {
    return Object.entries(file.queries).map(([id, json]) => ({ id, json, form: 'named query' }))
  }
  if (file.cases === undefined) {
    if (file.expect === undefined && file.steps === undefined) return []
    return [{ id: 'result', json: file, form: file.timeField === undefined ? formOf(file, file) : 'query' }]
  }
  const cases = (file.cases as readonly Json[]).map((json, i) => ({
    id: String(json.id ?? json.name ?? i + 1),
    json,
    form: formOf(json, file),
  }))
  const refused = (file.invalid ?? []) as readonly Json[]
  return [...cases, ...refused.map((json, i) => ({ id: `refused ${i + 1}`, json, form: 'refusal' as const }))]
}

function formOf(json: Json, file: Json): Form {
  if (json.merge !== undefined) return 'merge'
  if (json.ts !== undefined) return 'assign'
  if (json.transcript !== undefined) return 'panes'
  if (json.outputs !== undefined) return 'updates'
  if (json.expectUpdates !== undefined || json.expectFinal !== undefined) return 'finals'
  if (json.batches !== undefined || json.steps?.some((step: Json) => step.batch !== undefined)) return 'batches'
  if (json.steps !== undefined) return 'transcript'
  if (json.unit !== undefined) return 'calendar'
  if (json.input !== undefined && typeof json.input === 'string') return 'query'
  if ((json.input ?? file.input) !== undefined) return 'table'
  return 'unknown'
}
