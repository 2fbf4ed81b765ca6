import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ERROR_CODES } from '#core/errors.ts'
import * as rules from './support/architecture-rules.ts'
import { parseSource, readSources, type SourceFile } from './support/source-file.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const files = readSources(root, ['lib', 'pipelines', 'test', 'bench', 'scripts', 'bin'], ['vitest.config.ts'])
const lib = files.filter(({ path }) => path.startsWith('lib/'))
const tests = files.filter(({ path }) => path.startsWith('test/'))

describe('The repository keeps to its architecture:', () => {
  test('layers import only what the table allows', () => {
    expect(lib.flatMap(rules.forbiddenImports)).toEqual([])
  })

  test('no file imports itself in a circle', () => {
    expect(rules.importCycles(files)).toEqual([])
  })

  test('the core takes time, randomness and the environment from ports and parameters', () => {
    expect(lib.flatMap(rules.ambientAccess)).toEqual([])
  })

  test(`no file has more than ${rules.MAX_FILE_LINES} lines`, () => {
    expect(files.flatMap(rules.longFiles)).toEqual([])
  })

  test(`no function has more than ${rules.MAX_FUNCTION_LINES} lines`, () => {
    expect(files.flatMap(rules.longFunctions)).toEqual([])
  })

  test('every file and folder is named for its idea', () => {
    expect(files.flatMap(rules.poorNames)).toEqual([])
  })

  test('nothing is typed any', () => {
    expect(files.flatMap(rules.anyTypes)).toEqual([])
  })

  test('every error code is used', () => {
    const users = lib.filter(({ path }) => path !== 'lib/core/errors.ts')
    expect(rules.unmentioned(ERROR_CODES, users)).toEqual([])
  })

  test('every error code is tested', () => {
    expect(rules.unmentioned(ERROR_CODES, tests)).toEqual([])
  })

  test('lib/index.ts only passes on what others define', () => {
    const publicApi = lib.filter(({ path }) => path === 'lib/index.ts')
    expect(publicApi.flatMap(statementsThatDefine)).toEqual([])
  })

  test('CONTRIBUTING.md has the same table', () => {
    expect(tableIn(readFileSync(`${root}CONTRIBUTING.md`, 'utf8'))).toEqual(tableOf(rules.LAYERS))
  })
})

function statementsThatDefine(file: SourceFile): string[] {
  const found: string[] = []
  file.walk((node, { above }) => {
    if (above.length !== 1 || (node.type.startsWith('Export') && node['source'] != null)) return
    found.push(`${file.path}:${file.lineOf(node.start)}: ${node.type}`)
  })
  return found
}

/** Rows of the table under "Who may import whom": folder → what it may import, as written. */
function tableIn(markdown: string): Record<string, string> {
  const section = markdown.split(/^## /m).find((part) => part.startsWith('Who may import whom')) ?? ''
  const rows = section.matchAll(/^\| `([a-z]+)` \| (.+?) \|$/gm)
  return Object.fromEntries([...rows].map(([, layer, may]) => [layer, may!.replaceAll('`', '')]))
}

function tableOf(layers: typeof rules.LAYERS): Record<string, string> {
  const rows = Object.entries(layers).map(([layer, { layers, types = [], packages = [] }]) => {
    const own =
      layer === 'adapters'
        ? ["Node's modules, its own SDK"]
        : packages.map((name) => (name === '*' ? "Node's modules" : name))
    const may = [...layers, ...types.map((name) => `types of ${name}`), ...own].join(', ')
    return [layer, may || 'nothing']
  })
  return Object.fromEntries(rows)
}

/** A file as the rules see it, from the lines in it. */
const sample = (path: string, ...lines: string[]): SourceFile => parseSource(path, `${lines.join('\n')}\n`)

describe('The rules find what breaks them:', () => {
  test.each([
    ['lib/core/a.ts', "import { b } from '#schema/b.ts'", 'core may not import schema'],
    ['lib/core/a.ts', "import { readFile } from 'node:fs'", 'core may not import node:fs'],
    ['lib/plan/a.ts', "export { b } from '#window/b.ts'", 'plan may not import window'],
    ['lib/plan/a.ts', "export * from '#window/b.ts'", 'plan may not import window'],
    [
      'lib/window/a.ts',
      "import { Plan } from '#plan/plan.ts'",
      'window may import types of plan only: write import type',
    ],
    ['lib/ports/a.ts', "import { c } from '#core/c.ts'", 'ports may import types of core only: write import type'],
    ['lib/delta/a.ts', "const b = await import('#local/b.ts')", 'delta may not import local'],
    ['lib/delta/a.ts', "type B = import('#local/b.ts').B", 'delta may not import local'],
    [
      'lib/schema/a.ts',
      "import { c } from '../core/c.ts'",
      'another layer is imported as #core/…, not by a relative path',
    ],
    ['lib/parquet/a.ts', "import { x } from 'parquetjs'", 'parquet may not import parquetjs'],
    ['lib/adapters/files/a.ts', "import { Client } from 'pg'", 'adapters/files may not import pg'],
    [
      'lib/adapters/files/a.ts',
      "import { c } from '#adapters/kafka/c.ts'",
      'adapters/files may not import adapters/kafka',
    ],
    ['lib/local/a.ts', "import { Client } from 'pg'", 'local may not import pg'],
    ['lib/local/a.ts', "import { c } from '#cli/c.ts'", 'local may not import cli'],
    ['lib/cli/a.ts', "import { c } from '../index.ts'", 'cli may not import lib/index.ts'],
  ])('in %s, %s is reported with its line', (path, line, message) => {
    expect(rules.forbiddenImports(sample(path, '', line))).toEqual([`${path}:2: ${message}`])
  })

  test.each([
    ['lib/window/a.ts', "import type { Plan } from '#plan/plan.ts'"],
    ['lib/parquet/a.ts', "import { zstdCompressSync } from 'node:zlib'"],
    ['lib/adapters/kafka/a.ts', "import { Producer } from '@platformatic/kafka'"],
    ['lib/adapters/kafka/a.ts', "import { c } from './c.ts'"],
    ['lib/cli/a.ts', "import { c } from '#delta/c.ts'"],
    ['test/unit/a.test.ts', "import { Client } from 'pg'"],
  ])('in %s, %s is allowed', (path, line) => {
    expect(rules.forbiddenImports(sample(path, line))).toEqual([])
  })

  test('a circle of imports is reported once, also when it is one of types', () => {
    const circle = [
      sample('lib/core/a.ts', "import { b } from './b.ts'"),
      sample('lib/core/b.ts', '', "import { c } from '#core/c.ts'"),
      sample('lib/core/c.ts', "import type { b } from './b.ts'"),
    ]
    expect(rules.importCycles(circle)).toEqual([
      'lib/core/b.ts:2: imports itself by way of lib/core/c.ts → lib/core/b.ts',
    ])
  })

  test.each([
    ['Date.now()', 'Date.now'],
    ["Date['now']()", 'Date.now'],
    ['new Date()', 'new Date()'],
    ['Date()', 'Date()'],
    ['Math.random()', 'Math.random'],
    ['randomUUID()', 'randomUUID'],
    ['performance.now()', 'performance'],
    ["process.env['HOME']", 'process'],
    ['setTimeout(f, 1)', 'setTimeout'],
    ['{ fetch }', 'fetch'],
  ])('%s in a core layer is reported with its line', (expression, what) => {
    const file = sample('lib/runtime/a.ts', '// ä𝄞 counts as it is written', `export const a = ${expression}`)
    expect(rules.ambientAccess(file)).toEqual([`lib/runtime/a.ts:2: ${what} in the core: use a port or a parameter`])
  })

  test.each(['new Date(0)', 'clock.now()', '{ process: 1 }', 'event.process', 'Math.min(1, 2)'])(
    '%s is allowed',
    (expression) => {
      expect(rules.ambientAccess(sample('lib/runtime/a.ts', `export const a = ${expression}`))).toEqual([])
    },
  )

  test('an adapter may read the clock', () => {
    expect(rules.ambientAccess(sample('lib/adapters/system/clock.ts', 'export const now = Date.now()'))).toEqual([])
  })
})

describe('The limits are exact:', () => {
  const lines = (count: number, line = '0'): string[] => new Array<string>(count).fill(line)

  test('a file of 400 lines is not too long, one of 401 is', () => {
    expect(rules.longFiles(sample('lib/core/a.ts', ...lines(400)))).toEqual([])
    expect(rules.longFiles(sample('lib/core/a.ts', ...lines(401)))).toEqual([
      'lib/core/a.ts:401: 401 lines, 400 allowed',
    ])
  })

  test.each([
    ['function f() {', '}', 'f'],
    ['const f = () => {', '}', 'f'],
    ['class A { f() {', '} }', 'f'],
    ['const o = { f() {', '} }', 'f'],
    ['export default function () {', '}', 'a function'],
    ["test('f', () => {", '})', 'a function'],
  ])('%s of 70 lines is not too long, one of 71 is', (head, tail, name) => {
    const path = 'test/unit/a.test.ts'
    expect(rules.longFunctions(sample(path, '', head, ...lines(68), tail))).toEqual([])
    expect(rules.longFunctions(sample(path, '', head, ...lines(69), tail))).toEqual([
      `${path}:2: ${name} has 71 lines, 70 allowed`,
    ])
  })

  test.each([
    ["describe('a', () => {", "test('b', () => {})"],
    ["describe.skipIf(true)('a', () => {", "test.each([1])('b', () => {})"],
    ['export function contract(): void {', "describe('b', () => {})"],
  ])('%s with %s in it may have as many lines as its file', (head, inside) => {
    const tail = head.startsWith('describe') ? '})' : '}'
    expect(rules.longFunctions(sample('test/unit/a.test.ts', head, inside, ...lines(100), tail))).toEqual([])
  })

  test.each([
    ['lib/core/utils.ts', "'utils' in a name says nothing: name the one idea in it"],
    ['lib/common/a.ts', "'common' in a name says nothing: name the one idea in it"],
    ['lib/core/state-manager.ts', "'manager' in a name says nothing: name the one idea in it"],
    ['lib/core/fooBar.ts', 'fooBar is not in kebab-case'],
  ])('the name %s is reported', (path, message) => {
    expect(rules.poorNames(sample(path, ''))).toEqual([`${path}:1: ${message}`])
  })

  test('any is reported as a type, not as a word', () => {
    const file = sample('lib/core/a.ts', '// any', 'const any = 1', 'let b: any[]')
    expect(rules.anyTypes(file)).toEqual(['lib/core/a.ts:3: any: use unknown or the real type'])
  })

  test('a code that only a comment names is not used', () => {
    const file = sample('lib/core/a.ts', "// 'NAME_INVALID'", "throw new SluiceError('PLAN_INVALID', 'x')")
    expect(rules.unmentioned(['NAME_INVALID', 'PLAN_INVALID'], [file])).toEqual(['NAME_INVALID'])
  })
})
