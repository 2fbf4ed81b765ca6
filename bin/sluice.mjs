#!/usr/bin/env node
// The `sluice` command. In a clone it runs lib/ as it is; in the published package, which has no lib/, the built dist/.
// This file must parse and run on Node 20, which a machine may have: there it hands over to the Node that npm installed.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isNewEnough } from './node-version.mjs'

const source = new URL('../lib/cli/main.ts', import.meta.url)
const built = new URL('../dist/lib/cli/main.js', import.meta.url)
const pinnedNode = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))

async function runHere() {
  tuneMemory()
  const inClone = existsSync(source)
  const { enableCompileCache } = await import('node:module')
  // Sources without their types, and compiled code, from one start to the next: most of the start-up time.
  enableCompileCache()
  if (inClone) await prepareClone()
  const { main } = await import(inClone ? source.href : built.href)
  process.exitCode = await main(process.argv.slice(2))
}

async function prepareClone() {
  if (!existsSync(new URL('../node_modules', import.meta.url)))
    fail('The dependencies are not installed. Run: node scripts/ensure-install.mjs')
  await import('./self-reference.mjs')
  // Worker threads that are started with `env: process.env` read it again and get the same hook.
  const hook = new URL('./self-reference.mjs', import.meta.url).href
  process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, `--import=${hook}`].filter(Boolean).join(' ')
}

/** Same arguments, same streams, same end. Signals reach the child, which decides what they mean. */
async function runOnPinnedNode() {
  const { spawn } = await import('node:child_process')
  const child = spawn(pinnedNode, process.argv.slice(1), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    // A terminal sends Ctrl-C to the child itself; a second one would mean "at once".
    const sentByTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT')
    process.on(signal, () => sentByTerminal || child.kill(signal))
  }
  child.on('error', (error) => fail(`Node could not be started from ${pinnedNode}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(message) {
  console.error(`sluice: ${message}`)
  process.exit(1)
}

function printVersion() {
  console.log(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version)
}

/**
 * Streams make garbage quickly and keep little. A small young generation, collections that end when they begin, and large buffers that go
 * back to the system when they are freed, halve the memory of a run and cost 5 % of CPU (bench/README.md). They can only be chosen
 * before Node starts, so the process replaces itself, which takes 30 ms; where it can't, it runs with what it has.
 */
function tuneMemory() {
  const streams = ['run', 'dev'].includes(process.argv[2])
  if (!streams || process.env.SLUICE_TUNED || process.execve === undefined || process.platform !== 'linux') return
  const flags = ['--max-semi-space-size=4', '--no-incremental-marking', ...process.execArgv]
  const env = { MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_ARENA_MAX: '2', ...process.env, SLUICE_TUNED: '1' }
  process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], env)
}

if (['--version', '-v'].includes(process.argv[2])) printVersion()
else if (isNewEnough(process.versions.node)) await runHere()
else if (existsSync(pinnedNode)) await runOnPinnedNode()
else {
  const remedy = existsSync(source)
    ? 'Run: node scripts/ensure-install.mjs (it brings a newer one)'
    : 'Install a newer one: https://nodejs.org'
  fail(`needs Node 22.18 or newer, and this is ${process.versions.node}. ${remedy}`)
}
