import type { Place, SourceFile, SyntaxNode } from './source-file.ts'

/** What breaks a rule and where: `path:line: what`. */
export type Finding = string

const finding = (file: SourceFile, line: number, what: string): Finding => `${file.path}:${line}: ${what}`

interface Layer {
  /** Layers it may import anything from. */
  readonly layers: readonly string[]
  /** Layers it may import types from. */
  readonly types?: readonly string[]
  /** Packages and Node's own modules it may import; '*' stands for all of Node's. */
  readonly packages?: readonly string[]
}

const BELOW_LOCAL = [
  'core',
  'schema',
  'plan',
  'dsl',
  'window',
  'detect',
  'parquet',
  'delta',
  'ports',
  'runtime',
  'adapters',
]

/** Who may import whom. CONTRIBUTING.md has the same table for people, and the tests compare the two. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  core: { layers: [] },
  schema: { layers: ['core'], packages: ['node:buffer'] },
  plan: { layers: ['core', 'schema'], packages: ['node:crypto'] },
  dsl: { layers: ['core', 'schema', 'plan'] },
  window: { layers: ['core', 'schema'], types: ['plan'] },
  detect: { layers: ['core', 'schema', 'plan'], packages: ['node:crypto'] },
  parquet: {
    layers: ['core', 'schema'],
    packages: ['hyparquet', 'hyparquet-compressors', 'node:zlib'],
  },
  ports: { layers: [], types: ['core', 'schema'] },
  delta: { layers: ['core', 'schema', 'parquet', 'ports'] },
  runtime: {
    layers: ['core', 'schema', 'plan', 'window', 'detect', 'delta', 'parquet', 'ports'],
    packages: ['h3-js', 'node:zlib'],
  },
  adapters: { layers: ['core', 'schema', 'ports'], packages: ['*'] },
  local: { layers: BELOW_LOCAL, packages: ['*'] },
  cli: { layers: [...BELOW_LOCAL, 'local'], packages: ['*'] },
}

/** The packages of an adapter: its own SDK and nobody else's. */
export const SDKS: Readonly<Record<string, readonly string[]>> = {
  aws: ['@aws-sdk/client-dynamodb', '@aws-sdk/client-s3'],
  duckdb: ['@duckdb/node-api'],
  kafka: ['@platformatic/kafka'],
  postgres: ['pg', '@electric-sql/pglite'],
}

/** Layers that do no I/O, read no clock and roll no dice. */
export const CORE_LAYERS = ['core', 'schema', 'plan', 'dsl', 'window', 'detect', 'parquet', 'delta', 'ports', 'runtime']

/** The layer a file of lib/ belongs to; undefined for lib/index.ts, lib/testing and everything outside lib/. */
export function layerOf(path: string): string | undefined {
  const [folder, layer] = path.split('/')
  return folder === 'lib' && layer !== undefined && layer in LAYERS ? layer : undefined
}

/** Imports that leave the table, cross layers by a relative path, or reach into another adapter. */
export function forbiddenImports(file: SourceFile): Finding[] {
  const layer = layerOf(file.path)
  if (layer === undefined) return []
  return file.imports.flatMap((line) => {
    const wrong =
      line.file === undefined
        ? wrongPackage(layer, file.path, line.specifier)
        : wrongFile(layer, file.path, line.file, line.specifier, line.typeOnly)
    return wrong === undefined ? [] : [finding(file, line.line, wrong)]
  })
}

function wrongFile(layer: string, from: string, to: string, specifier: string, typeOnly: boolean): string | undefined {
  const target = layerOf(to)
  const { layers, types = [] } = LAYERS[layer]!
  if (target === layer) {
    const [ownAdapter, otherAdapter] = [from.split('/')[2], to.split('/')[2]]
    if (layer !== 'adapters' || ownAdapter === otherAdapter) return undefined
    return `adapters/${ownAdapter} may not import adapters/${otherAdapter}`
  }
  if (target === undefined) return `${layer} may not import ${to}`
  if (types.includes(target) && !typeOnly) return `${layer} may import types of ${target} only: write import type`
  if (!layers.includes(target) && !types.includes(target)) return `${layer} may not import ${target}`
  return specifier.startsWith('#') ? undefined : `another layer is imported as #${target}/…, not by a relative path`
}

function wrongPackage(layer: string, path: string, specifier: string): string | undefined {
  const allowed = LAYERS[layer]?.packages ?? []
  const adapter = layer === 'adapters' ? (SDKS[path.split('/')[2] ?? ''] ?? []) : []
  const fromNode = specifier.startsWith('node:')
  if (fromNode ? allowed.includes('*') : adapter.includes(specifier)) return undefined
  return allowed.includes(specifier)
    ? undefined
    : `${path.split('/').slice(1, -1).join('/')} may not import ${specifier}`
}

/** Files that import each other in a circle, types included: one finding a circle. */
export function importCycles(files: readonly SourceFile[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const found: Finding[] = []
  const visit = (file: SourceFile, trail: readonly SourceFile[]): void => {
    const at = trail.indexOf(file)
    if (at !== -1) {
      const circle = [...trail.slice(at), file].map(({ path }) => path)
      const line = file.imports.find((each) => each.file === circle[1])?.line ?? 1
      found.push(finding(file, line, `imports itself by way of ${circle.slice(1).join(' → ')}`))
      return
    }
    if (done.has(file.path)) return
    for (const { file: target } of file.imports) {
      const next = target === undefined ? undefined : byPath.get(target)
      if (next !== undefined) visit(next, [...trail, file])
    }
    done.add(file.path)
  }
  for (const file of files) visit(file, [])
  return found
}

const AMBIENT_NAMES = new Set(
  'console crypto fetch globalThis performance process randomBytes randomUUID setImmediate setInterval setTimeout'.split(
    ' ',
  ),
)
const AMBIENT_MEMBERS = new Set(['Date.now', 'Math.random', 'Temporal.Now'])

/** Time, randomness, environment and I/O that a core layer takes from nowhere instead of from a port or a parameter. */
export function ambientAccess(file: SourceFile): Finding[] {
  if (!CORE_LAYERS.includes(layerOf(file.path) ?? '')) return []
  const found: Finding[] = []
  file.walk((node, place) => {
    const what = ambient(node, place)
    if (what !== undefined)
      found.push(finding(file, file.lineOf(node.start), `${what} in the core: use a port or a parameter`))
  })
  return found
}

function ambient(node: SyntaxNode, place: Place): string | undefined {
  if (node.type === 'Identifier' && AMBIENT_NAMES.has(nameOf(node)) && isReference(place)) return nameOf(node)
  if (node.type === 'MemberExpression') {
    const member = `${nameOf(node['object'])}.${nameOf(node['property'])}`
    return AMBIENT_MEMBERS.has(member) ? member : undefined
  }
  const callsDate = nameOf(node['callee']) === 'Date'
  if (node.type === 'CallExpression' && callsDate) return 'Date()'
  return node.type === 'NewExpression' && callsDate && (node['arguments'] as []).length === 0 ? 'new Date()' : undefined
}

/** False where an identifier only names a field: `x.process`, `{ process: 1 }`. */
function isReference({ above, field }: Place): boolean {
  const parent = above.at(-1)!
  if (parent['computed'] === true) return true
  return field !== 'key' && field !== 'property' && field !== 'imported'
}

function nameOf(node: unknown): string {
  const { name, value } = (node ?? {}) as { name?: unknown; value?: unknown }
  return typeof name === 'string' ? name : typeof value === 'string' ? value : ''
}

export const MAX_FILE_LINES = 400
export const MAX_FUNCTION_LINES = 70

export function longFiles(file: SourceFile): Finding[] {
  return file.lines > MAX_FILE_LINES
    ? [finding(file, file.lines, `${file.lines} lines, ${MAX_FILE_LINES} allowed`)]
    : []
}

/** Functions over the limit. One that declares tests is a folder of them and doesn't count. */
export function longFunctions(file: SourceFile): Finding[] {
  const found: Finding[] = []
  file.walk((node, place) => {
    if (!/Function(Declaration|Expression)$/.test(node.type) || declaresTests(node)) return
    const parent = place.above.at(-1)!
    const whole = place.field === 'value' ? parent : node
    const first = file.lineOf(whole.start)
    const lines = file.lineOf(whole.end - 1) - first + 1
    if (lines <= MAX_FUNCTION_LINES) return
    const name = nameOf(node['id']) || nameOf(parent['key']) || nameOf(parent['id']) || 'a function'
    found.push(finding(file, first, `${name} has ${lines} lines, ${MAX_FUNCTION_LINES} allowed`))
  })
  return found
}

function declaresTests(callback: SyntaxNode): boolean {
  const statements = (callback['body'] as SyntaxNode | undefined)?.['body']
  if (!Array.isArray(statements)) return false
  return (statements as SyntaxNode[]).some((statement) => ['describe', 'test', 'it'].includes(calledBy(statement)))
}

/** The name that a statement's call begins with: `describe` of `describe.each(…)(…)`. */
function calledBy(statement: SyntaxNode): string {
  let node = statement['expression'] as SyntaxNode | undefined
  while (node?.type === 'CallExpression' || node?.type === 'MemberExpression') {
    node = (node['callee'] ?? node['object']) as SyntaxNode
  }
  return nameOf(node)
}

const EMPTY_WORDS = new Set('util utils helper helpers common manager service misc shared'.split(' '))

/** File and folder names that say nothing, or are not in kebab-case. */
export function poorNames(file: SourceFile): Finding[] {
  const parts = file.path.split('/').map((part) => part.replace(/\..*$/, ''))
  return parts.flatMap((part) => {
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part)) return [finding(file, 1, `${part} is not in kebab-case`)]
    const empty = part.split('-').find((word) => EMPTY_WORDS.has(word))
    return empty === undefined ? [] : [finding(file, 1, `'${empty}' in a name says nothing: name the one idea in it`)]
  })
}

export function anyTypes(file: SourceFile): Finding[] {
  const found: Finding[] = []
  file.walk((node) => {
    if (node.type === 'TSAnyKeyword')
      found.push(finding(file, file.lineOf(node.start), 'any: use unknown or the real type'))
  })
  return found
}

/** The words among `wanted` that no string in the files contains. */
export function unmentioned(wanted: readonly string[], files: readonly SourceFile[]): string[] {
  const strings: string[] = []
  for (const file of files) {
    file.walk((node) => {
      if (node.type === 'Literal') strings.push(String(node['value']))
      if (node.type === 'TemplateElement') strings.push((node['value'] as { raw: string }).raw)
    })
  }
  const said = new Set(strings.flatMap((string) => string.match(/\w+/g) ?? []))
  return wanted.filter((word) => !said.has(word))
}
