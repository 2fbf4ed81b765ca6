#!/usr/bin/env node
// Lists in package-lock.json every platform's package that a dependency names as optional.
//
// npm leaves out the ones that its registry could not give at that moment, and `npm ci` then refuses the lock file
// everywhere ("Missing: … from lock file"). Name, exact version and platform are known without the registry, so this
// script writes them down. Run it after a change of dependencies; with --check it only tells what is missing.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']
const LIBRARIES = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }

/** What npm asks of a machine before it installs the package, read from the package's name. */
function platformOf(name) {
  const words = name.split(/[^a-z0-9]+/)
  const os = words.filter((word) => SYSTEMS.includes(word))
  const cpu = words.filter((word) => PROCESSORS.includes(word))
  const libc = words.filter((word) => word in LIBRARIES).map((word) => LIBRARIES[word])
  return { ...(cpu.length > 0 && { cpu }), ...(os.length > 0 && { os }), ...(libc.length > 0 && { libc }) }
}

/** Entries by path that the lock file lacks. */
export function missingEntries(lock) {
  const missing = {}
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const hoisted = `node_modules/${name}`
      if (hoisted in lock.packages || `${path}/${hoisted}` in lock.packages) continue
      if (!/^\d+\.\d+\.\d+/.test(version))
        throw new Error(`${path} wants ${name}@${version}: only exact versions are known`)
      const platform = platformOf(name)
      if (platform.cpu === undefined) throw new Error(`no platform can be read from the name ${name}`)
      missing[hoisted] = { version, ...platform, ...(entry.dev && { dev: true }), optional: true }
    }
  }
  return missing
}

function main() {
  const file = new URL('../package-lock.json', import.meta.url)
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  const missing = missingEntries(lock)
  const names = Object.keys(missing)
  if (names.length === 0) return console.log('package-lock.json lists every platform')
  if (process.argv.includes('--check')) {
    console.error(`package-lock.json lacks ${names.length} entries, so npm ci refuses it; run: npm run complete-lock`)
    for (const name of names) console.error(`  ${name}`)
    process.exitCode = 1
    return
  }
  const byPath = ([a], [b]) => a.localeCompare(b, 'en')
  lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...missing }).sort(byPath))
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`package-lock.json: ${names.length} entries added`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
