import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { parseAst } from 'vitest/node'

/** A node of the syntax tree, as ESTree has it. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** Where a node hangs: the nodes above it, nearest last, and the field of the nearest that holds it. */
export interface Place {
  readonly above: readonly SyntaxNode[]
  readonly field: string
}

export interface ImportLine {
  readonly specifier: string
  /** Path of the file it leads to, from the root; undefined for packages. */
  readonly file: string | undefined
  readonly line: number
  readonly typeOnly: boolean
}

export interface SourceFile {
  readonly path: string
  readonly text: string
  readonly lines: number
  readonly imports: readonly ImportLine[]
  lineOf(offset: number): number
  walk(visit: (node: SyntaxNode, place: Place) => void): void
}

const SOURCE = /\.(ts|mts|js|mjs)$/

/** Every source file below the folders that are there, and the ones given by name, sorted by path. */
export function readSources(root: string, folders: readonly string[], files: readonly string[] = []): SourceFile[] {
  const present = folders.filter((folder) => existsSync(posix.join(root, folder)))
  const inFolders = present.flatMap((folder) => {
    const entries = readdirSync(posix.join(root, folder), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => posix.join(entry.parentPath, entry.name))
  })
  return [...inFolders, ...files.map((file) => posix.join(root, file))]
    .filter((path) => SOURCE.test(path))
    .sort()
    .map((path) => parseSource(posix.relative(root, path), readFileSync(path, 'utf8')))
}

export function parseSource(path: string, text: string): SourceFile {
  const language = /\.m?js$/.test(path) ? 'js' : 'ts'
  const program = parseAst(text, { lang: language }, path) as unknown as SyntaxNode
  const starts = lineStarts(text)
  const lineOf = (offset: number): number => starts.findLastIndex((start) => start <= offset) + 1
  const walk: SourceFile['walk'] = (visit) => walkNode(program, { above: [], field: 'body' }, visit)
  return { path, text, lines: starts.length, imports: importsOf(path, walk, lineOf), lineOf, walk }
}

/** Offset of each line. A newline at the end of the file begins no line. */
function lineStarts(text: string): number[] {
  const starts = [0]
  for (let i = text.indexOf('\n'); i !== -1 && i + 1 < text.length; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  return starts
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

function walkNode(node: SyntaxNode, place: Place, visit: (node: SyntaxNode, place: Place) => void): void {
  visit(node, place)
  const above = [...place.above, node]
  for (const [field, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child)) walkNode(child, { above, field }, visit)
  }
}

function importsOf(path: string, walk: SourceFile['walk'], lineOf: (offset: number) => number): ImportLine[] {
  const found: ImportLine[] = []
  walk((node) => {
    const names =
      node.type === 'ImportDeclaration' || node.type.startsWith('Export') || node.type.endsWith('ImportType')
    if (!names && node.type !== 'ImportExpression') return
    const source = node['source']
    if (!isNode(source) || typeof source['value'] !== 'string') return
    const typeOnly = node['importKind'] === 'type' || node['exportKind'] === 'type' || node.type === 'TSImportType'
    const specifier = source['value']
    found.push({ specifier, file: fileOf(path, specifier), line: lineOf(node.start), typeOnly })
  })
  return found
}

function fileOf(importer: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(importer), specifier)
  return specifier.startsWith('#') ? `lib/${specifier.slice(1)}` : undefined
}
