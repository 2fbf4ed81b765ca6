#!/usr/bin/env node
// Builds dist/lib and dist/pipelines: JavaScript and declarations that any Node ≥ 22.18 and any TypeScript can import.
//
// The sources import each other as '#layer/file.ts'. tsc leaves such specifiers alone, and the published package has no
// .ts files, so they are made relative in a copy of the sources first, and the copy is compiled.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const staged = join(root, 'build')
const dist = join(root, 'dist')

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))

/** `from '…'`, `import('…')`, `import '…'`. */
const SPECIFIER = /(\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(['"])([^'"\n]+)\2/g
/** Files named beside the module: worker threads. */
const BESIDE = /(new URL\(\s*['"]\.[^'"\n]+)\.ts(['"],\s*import\.meta\.url)/g

/** The source text with every '#layer/…' made relative to `path`, the file's own path from the root. */
export function withRelativeImports(text, path) {
  const relativized = text.replace(SPECIFIER, (whole, keyword, quote, specifier) => {
    if (!specifier.startsWith('#')) return whole
    const target = posix.relative(posix.dirname(path), `lib/${specifier.slice(1)}`)
    return `${keyword}${quote}${target.startsWith('.') ? target : `./${target}`}${quote}`
  })
  return relativized.replace(BESIDE, '$1.js$2')
}

/** The declarations with './file.ts' as './file.js'; tsc does that in JavaScript only. */
export function withJsImports(text) {
  return text.replace(SPECIFIER, (whole, keyword, quote, specifier) =>
    specifier.startsWith('.') ? `${keyword}${quote}${specifier.replace(/\.ts$/, '.js')}${quote}` : whole,
  )
}

/** Copies the sources, ready for tsc; what is no source goes to dist/ at once. Both keep the repository's layout. */
function stage() {
  for (const folder of ['lib', 'pipelines']) {
    for (const name of filesIn(join(root, folder))) {
      const path = `${folder}/${name}`
      const target = join(name.endsWith('.ts') ? staged : dist, path)
      mkdirSync(dirname(target), { recursive: true })
      if (!name.endsWith('.ts')) cpSync(join(root, path), target)
      else writeFileSync(target, withRelativeImports(readFileSync(join(root, path), 'utf8'), path))
    }
  }
}

function compile() {
  const compiler = join(root, 'node_modules', '.bin', 'tsc')
  const { status } = spawnSync(compiler, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error('tsc found errors in the copy of the sources in build/, see above')
}

/** Specifiers in dist/ that lead nowhere once the sources are gone. */
export function unresolved(text) {
  const specifiers = [...text.matchAll(SPECIFIER)].map((match) => match[3])
  return specifiers.filter((specifier) => specifier.startsWith('#') || /^\..*\.ts$/.test(specifier))
}

function finish() {
  for (const name of filesIn(dist)) {
    if (!/\.(js|d\.ts)$/.test(name)) continue
    const path = join(dist, name)
    const text = readFileSync(path, 'utf8')
    const finished = name.endsWith('.d.ts') ? withJsImports(text) : text
    if (finished !== text) writeFileSync(path, finished)
    const left = unresolved(finished)
    if (left.length > 0) throw new Error(`dist/${name} still imports ${left.join(', ')}`)
  }
}

function main() {
  for (const folder of [staged, dist]) rmSync(folder, { recursive: true, force: true })
  stage()
  compile()
  finish()
  rmSync(staged, { recursive: true })
  console.log(`dist/: ${filesIn(dist).length} files`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
