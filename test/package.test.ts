import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTemporaryFolder } from './support/temp.ts'

// The package as others get it: packed, looked at, installed in an empty project and used there.
// `npm run test:package` builds dist/ first.

const root = fileURLToPath(new URL('../', import.meta.url))
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

const temporary = createTemporaryFolder()
const project = join(temporary.path, 'project')
const installed = join(project, 'node_modules', 'sluice')
let tarball = ''

/** Runs a command to its end and returns its output; a failure shows what it printed. */
function run(command: string, args: readonly string[], cwd = root): string {
  const result: SpawnSyncReturns<string> = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (result.error) throw result.error
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} → ${result.status}\n${result.stdout}\n${result.stderr}`)
  return result.stdout
}

const tool = (name: string): string => join(root, 'node_modules', '.bin', name)

/** Runs a module of the empty project, written as a user would write it. */
function runInProject(name: string, ...lines: string[]): string {
  writeFileSync(join(project, name), `${lines.join('\n')}\n`)
  return run(process.execPath, [name], project)
}

beforeAll(() => {
  if (!existsSync(join(root, 'dist', 'lib', 'index.js')))
    throw new Error('dist/ is not built. Run: npm run test:package')
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', temporary.path])
  tarball = join(temporary.path, `sluice-${version}.tgz`)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "version": "1.0.0", "type": "module" }')
  run('npm', ['install', tarball, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], project)
})

afterAll(() => temporary[Symbol.dispose]())

const packed = (): string[] =>
  readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
    .filter((path) => !path.startsWith('node_modules/'))

describe('The tarball', () => {
  test('holds what was built, the command and the documents, and nothing else', () => {
    const expected = /^(dist\/|bin\/|(package\.json|README\.md|LICENSE|CHANGELOG\.md)$)/
    expect(packed().filter((path) => !expected.test(path))).toEqual([])
    expect(packed()).toEqual(
      expect.arrayContaining(['dist/lib/index.js', 'dist/lib/index.d.ts', 'bin/sluice.mjs', 'LICENSE', 'README.md']),
    )
  })

  test('holds no TypeScript sources, which Node would refuse to run there', () => {
    expect(packed().filter((path) => /(?<!\.d)\.ts$/.test(path))).toEqual([])
  })

  test('has every file that its modules and declarations import', () => {
    const missing = packed()
      .filter((path) => /^dist\/.*\.(js|d\.ts)$/.test(path))
      .flatMap((path) => {
        const text = readFileSync(join(installed, path), 'utf8')
        const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"\n]+)['"]/g)].map(
          ([, specifier]) => specifier!,
        )
        const extension = path.endsWith('.d.ts') ? '.d.ts' : '.js'
        const targets = specifiers.map((specifier) =>
          join(installed, dirname(path), specifier.replace(/\.js$/, extension)),
        )
        return targets.filter((target) => !existsSync(target)).map((target) => `${path} → ${target}`)
      })
    expect(missing).toEqual([])
  })

  test('is sound in the eyes of publint', () => {
    expect(run(tool('publint'), ['run', tarball, '--strict'])).toContain('All good!')
  })

  test('has types that every kind of module resolution finds', () => {
    const report = run(tool('attw'), [
      tarball,
      '--profile',
      'esm-only',
      '--format',
      'ascii',
      '--no-emoji',
      '--no-color',
    ])
    expect(report).toMatch(/"sluice"\s+node16 \(from ESM\): OK \(ESM\)\s+bundler: OK/)
    expect(report).toMatch(/"sluice\/delta"\s+node16 \(from ESM\): OK \(ESM\)\s+bundler: OK/)
    expect(report).toMatch(/"sluice\/testing"\s+node16 \(from ESM\): OK \(ESM\)\s+bundler: OK/)
  })
})

describe('In an empty project', () => {
  test('the sluice command runs', () => {
    expect(run(join(project, 'node_modules', '.bin', 'sluice'), ['--version'], project).trim()).toBe(version)
  })

  test('sluice, sluice/delta and sluice/testing can be imported', () => {
    const out = runInProject(
      'import.js',
      "import * as sluice from 'sluice'",
      "import * as delta from 'sluice/delta'",
      "import * as testing from 'sluice/testing'",
      'console.log([sluice, delta, testing].map((module) => Object.keys(module).length > 0).join())',
    )
    expect(out).toBe('true,true,true\n')
  })

  test('TypeScript finds the declarations', () => {
    const options = { module: 'nodenext', strict: true, noEmit: true, skipLibCheck: true, types: [] }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['types.ts'] }))
    const lines = [
      "import * as sluice from 'sluice'",
      "import * as delta from 'sluice/delta'",
      "import * as testing from 'sluice/testing'",
      '// An unresolved module would be any, and any has every key.',
      "type Declared<Module> = 'no such export' extends keyof Module ? false : true",
      'export const declared: [Declared<typeof sluice>, Declared<typeof delta>, Declared<typeof testing>] = [true, true, true]',
    ]
    writeFileSync(join(project, 'types.ts'), `${lines.join('\n')}\n`)
    expect(run(tool('tsc'), ['-p', project])).toBe('')
  })

  test('the example pipelines are there', () => {
    const out = runInProject(
      'example.js',
      "const crimes = await import('./node_modules/sluice/dist/pipelines/crimes.js')",
      'console.log(crimes.default.name)',
    )
    expect(out).toBe('crimes\n')
  })

  test('a Delta table is written and read in ten lines', () => {
    const out = runInProject(
      'table.js',
      "import { c, DeltaTable, directory } from 'sluice/delta'",
      '',
      "const fields = [{ name: 'id', ...c.long() }, { name: 'city', ...c.string().nullable() }]",
      "const table = await DeltaTable.create(directory('lake'), 'cities', { fields })",
      "await table.append([{ id: 1, city: 'Bonn' }, { id: 2, city: null }])",
      "await table.merge([{ id: 2, city: 'Ulm' }], { on: ['id'] })",
      'for await (const rows of (await table.snapshot()).rows({ where: { id: 2 } })) console.log(JSON.stringify(rows))',
    )
    expect(out).toBe('[{"id":2,"city":"Ulm"}]\n')
  })

  test('a pipeline of ten lines runs over rows in memory', () => {
    const out = runInProject(
      'readings.js',
      "import { c, delta, kafka, pipeline, tumbling } from 'sluice'",
      "import { testPipeline } from 'sluice/testing'",
      '',
      "const readings = kafka.topic('readings', {",
      '  schema: { sensor: c.string(), at: c.timestamp() },',
      "  key: 'sensor', eventTime: 'at', outOfOrder: '1 minute', partitions: 2,",
      '})',
      "const perMinute = readings.groupBy('sensor').window(tumbling('1 minute', { grace: '1 minute' }))",
      '  .aggregate((a) => ({ readings: a.count() }))',
      "const plan = pipeline('readings', { per_minute: perMinute.into(delta.table('gold.per_minute')) })",
      '',
      "const records = ['12:00:10', '12:00:50', '12:01:05'].map((time) => ({ sensor: 'a', at: '2024-05-01T' + time + 'Z' }))",
      'const run = await testPipeline(plan, { records })',
      "const rows = run.rows('gold.per_minute').map((row) => [row.sensor, Number(row.window_start), Number(row.readings)])",
      'console.log(JSON.stringify(rows.sort((a, b) => a[1] - b[1])))',
    )
    expect(JSON.parse(out)).toEqual([
      ['a', Date.parse('2024-05-01T12:00:00Z'), 2],
      ['a', Date.parse('2024-05-01T12:01:00Z'), 1],
    ])
  })
})
