#!/usr/bin/env node
// Runs before every npm script (`prestart`, `pretest`, …), on whatever Node the machine has, 20 or newer.
//
// Afterwards node_modules holds what package-lock.json says, and node_modules/.bin/node is the Node that the project
// pins: npm puts that folder first in PATH, so the script that follows runs on it whatever the machine's own Node is.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, unlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isNewEnough } from '../bin/node-version.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const modules = join(root, 'node_modules')
const pinnedNode = join(modules, 'node', 'bin', 'node')
const WINDOWS = process.platform === 'win32'

const say = (line) => console.error(`[install] ${line}`)
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** The machine's own environment: without this project's node_modules/.bin, which an installation replaces. */
function outerEnvironment() {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH'
  const path = (process.env[name] ?? '').split(delimiter).filter((folder) => !folder.startsWith(modules))
  return { ...process.env, [name]: path.join(delimiter), SLUICE_INSTALLING: '1' }
}

/** Why node_modules has to be installed anew, or undefined. Compares contents, so touched or checked-out files don't matter. */
export function reasonToInstall(wanted, found) {
  if (found === undefined) return 'node_modules is missing'
  for (const [path, entry] of Object.entries(wanted.packages)) {
    const there = found.packages[path]
    if (path === '' || (there === undefined && (entry.optional || entry.devOptional || entry.peer))) continue
    if (there?.version !== entry.version) {
      return `package-lock.json wants ${path.replace(/^.*node_modules\//, '')} ${entry.version}, found ${there?.version ?? 'none'}`
    }
  }
  return undefined
}

function install() {
  const record = join(modules, '.package-lock.json')
  const found = existsSync(record) ? readJson(record) : undefined
  const reason = reasonToInstall(readJson(join(root, 'package-lock.json')), found)
  if (reason === undefined) return
  say(`${reason}: running npm ci (once; about a minute)`)
  // NODE_ENV=production would leave out the development tools, and with them Node itself.
  const { status, error } = spawnSync('npm', ['ci', '--include=dev', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: outerEnvironment(),
    shell: WINDOWS,
  })
  if (error) fail(`npm could not be started: ${error.message}`)
  if (status !== 0) fail(`npm ci failed (exit code ${status}); its message is above. Try: npm ci`)
}

/** Version of the pinned Node as it really starts, or undefined. */
function pinnedVersion() {
  if (WINDOWS || !existsSync(pinnedNode)) return undefined
  const { stdout, status } = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().slice(1) : undefined
}

function ensureNode() {
  const wanted = readJson(join(root, 'package.json')).devDependencies.node
  if (pinnedVersion() !== wanted && !WINDOWS) {
    // npm leaves a package's install script out where policy says so (ignore-scripts); this one only fetches the binary.
    say(`fetching Node ${wanted} (the package's install script did not run)`)
    const cwd = join(modules, 'node')
    spawnSync('node', ['installArchSpecificPackage'], { cwd, stdio: ['ignore', 2, 2], env: outerEnvironment() })
    if (existsSync(pinnedNode)) chmodSync(pinnedNode, 0o755)
  }
  if (pinnedVersion() === wanted) return link('node', '../node/bin/node')
  const own = process.versions.node
  if (!isNewEnough(own)) {
    fail(`Node ${wanted} could not be installed for ${process.platform}-${process.arch}, and this machine's Node is ${own}.
  Sluice needs Node 22.18 or newer: install one (see https://nodejs.org), or run npm ci where the npm registry can be reached.`)
  }
  say(
    `Node ${wanted} could not be installed for ${process.platform}-${process.arch}; this machine's Node ${own} is used instead`,
  )
}

/** Links a command into node_modules/.bin, so that npm scripts and npx find it. */
function link(name, target) {
  const path = join(modules, '.bin', name)
  if (WINDOWS || existsSync(path)) return
  mkdirSync(join(modules, '.bin'), { recursive: true })
  if (lstatSync(path, { throwIfNoEntry: false })) unlinkSync(path)
  symlinkSync(target, path)
}

function fail(message) {
  say(message)
  process.exit(1)
}

function main() {
  // `npm ci` runs `prepare`, which is this script: the outer one does the rest.
  if (process.env.SLUICE_INSTALLING === '1') return
  install()
  ensureNode()
  link('sluice', '../../bin/sluice.mjs')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
