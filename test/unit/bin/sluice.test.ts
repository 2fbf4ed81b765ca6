import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temp.ts'

const bin = fileURLToPath(new URL('../../../bin', import.meta.url))

/** A folder with the real bin/ and the given files beside it. */
function project(files: Record<string, string>): string {
  const folder = temporaryFolder()
  cpSync(bin, join(folder, 'bin'), { recursive: true })
  for (const [path, content] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

/** The same where the first Node is too old, and the second is the one that npm installed. */
function projectOnOldNode(main: string): string {
  const folder = project({
    'lib/cli/main.ts': main,
    'bin/node-version.mjs':
      "export const isNewEnough = () => process.env.HANDED_OVER === '1' || !(process.env.HANDED_OVER = '1')",
  })
  mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true })
  symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'))
  return folder
}

interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

async function sluice(folder: string, args: readonly string[] = [], killWith?: NodeJS.Signals): Promise<Outcome> {
  const child = spawn(process.execPath, [join(folder, 'bin/sluice.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (killWith !== undefined) child.stdout.once('data', () => child.kill(killWith))
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('exit', (code, signal) => resolve([code, signal]))
  })
  const [out, err, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, signal, out, err }
}

const echo = 'export const main = async (args: readonly string[]): Promise<number> => (console.log(args.join("|")), 3)'

describe('The sluice command', () => {
  test('in a clone runs the sources and ends with the code that main gives', async () => {
    const folder = project({ 'lib/cli/main.ts': echo, 'node_modules/.package-lock.json': '{}' })
    expect(await sluice(folder, ['query', 'SELECT 1'])).toMatchObject({ code: 3, out: 'query|SELECT 1\n', err: '' })
  })

  test('in a clone lets a pipeline, and its worker threads, import sluice', async () => {
    const folder = project({
      'node_modules/.package-lock.json': '{}',
      'lib/index.ts': "export const name: string = 'the sources'",
      'lib/cli/main.ts': `import { Worker } from 'node:worker_threads'
        const pipeline = new URL('../../pipelines/a.ts', import.meta.url)
        export async function main(): Promise<number> {
          await import(pipeline.href)
          await new Promise((resolve) => new Worker(pipeline, { env: process.env }).on('exit', resolve))
          return 0
        }`,
      'pipelines/a.ts': "import { name } from 'sluice'\nconsole.log(name)",
    })
    expect(await sluice(folder)).toMatchObject({ code: 0, out: 'the sources\nthe sources\n', err: '' })
  })

  test('in the published package runs what was built', async () => {
    const folder = project({
      'dist/lib/cli/main.js': "export const main = async ([a]) => (console.log('built', a), 0)",
    })
    expect(await sluice(folder, ['tables'])).toMatchObject({ code: 0, out: 'built tables\n' })
  })

  test('prints its version, with nothing installed and on any Node', async () => {
    const folder = project({ 'package.json': '{ "type": "module", "version": "1.2.3" }' })
    expect(await sluice(folder, ['--version'])).toMatchObject({ code: 0, out: '1.2.3\n', err: '' })
  })

  test('in a clone without node_modules says what to do', async () => {
    const folder = project({ 'lib/cli/main.ts': echo })
    expect(await sluice(folder)).toMatchObject({
      code: 1,
      err: 'sluice: The dependencies are not installed. Run: node scripts/ensure-install.mjs\n',
    })
  })
})

describe('On a Node that is too old, the sluice command', () => {
  test('hands over to the Node that npm installed, with arguments, output and exit code', async () => {
    expect(await sluice(projectOnOldNode(echo), ['show', 'a table'])).toMatchObject({ code: 3, out: 'show|a table\n' })
  })

  test('passes a signal on and ends as its child does', async () => {
    const folder = projectOnOldNode(`export const main = () => new Promise<number>((resolve) => {
      const waiting = setInterval(() => {}, 1000)
      process.on('SIGTERM', () => (clearInterval(waiting), console.log('drained'), resolve(7)))
      console.log('ready')
    })`)
    expect(await sluice(folder, [], 'SIGTERM')).toMatchObject({ code: 7, out: 'ready\ndrained\n' })
  })

  test('dies of the signal its child dies of', async () => {
    const folder = projectOnOldNode(`export const main = () => new Promise(() => {
      setInterval(() => {}, 1000)
      console.log('ready')
    })`)
    expect(await sluice(folder, [], 'SIGTERM')).toMatchObject({ code: null, signal: 'SIGTERM' })
  })

  test('says what to do in a clone that has no other', async () => {
    const old = { 'bin/node-version.mjs': 'export const isNewEnough = () => false' }
    const version = process.versions.node
    expect(await sluice(project({ ...old, 'lib/cli/main.ts': echo }))).toMatchObject({
      code: 1,
      err: `sluice: needs Node 22.18 or newer, and this is ${version}. Run: node scripts/ensure-install.mjs (it brings a newer one)\n`,
    })
    expect(await sluice(project(old))).toMatchObject({
      code: 1,
      err: `sluice: needs Node 22.18 or newer, and this is ${version}. Install a newer one: https://nodejs.org\n`,
    })
  })
})
