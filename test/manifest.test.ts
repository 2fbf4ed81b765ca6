import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { missingEntries } from '../scripts/complete-lock.mjs'

const text = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

const manifest = JSON.parse(text('package.json')) as {
  readonly version: string
  readonly scripts: Record<string, string>
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
}
const lock = JSON.parse(text('package-lock.json')) as {
  readonly packages: Record<string, { readonly version: string; readonly resolved?: string }>
}

/** Written here a second time, so that a dependency is never added in passing. */
const DEPENDENCIES = [
  '@aws-sdk/client-dynamodb',
  '@aws-sdk/client-s3',
  '@duckdb/node-api',
  '@electric-sql/pglite',
  '@platformatic/kafka',
  'h3-js',
  'hyparquet',
  'hyparquet-compressors',
  'pg',
]
const DEV_DEPENDENCIES = [
  '@arethetypeswrong/cli',
  '@biomejs/biome',
  '@stryker-mutator/core',
  '@stryker-mutator/vitest-runner',
  '@types/node',
  '@types/pg',
  'fast-check',
  'hyparquet-writer',
  'knip',
  'node',
  'publint',
  'typescript',
  'vitest',
]

describe('The manifest', () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies }

  test('lists these dependencies and no others', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(DEPENDENCIES)
    expect(Object.keys(manifest.devDependencies)).toEqual(DEV_DEPENDENCIES)
  })

  test.each(Object.entries(all))('wants exactly %s %s, and so does the lock file', (name, version) => {
    expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
    expect(lock.packages[`node_modules/${name}`]?.version).toBe(version)
  })

  test('gives a reason for each dependency in docs/decisions/dependencies.md', () => {
    const reasons = text('docs/decisions/dependencies.md')
    expect(Object.keys(all).filter((name) => !reasons.includes(`| \`${name}\` |`))).toEqual([])
  })

  test('installs what is missing before every script that needs it', () => {
    const own = ['prepare', 'prepack', 'complete-lock']
    const scripts = Object.keys(manifest.scripts).filter((name) => !own.includes(name))
    const main = scripts.filter((name) => !(name.startsWith('pre') && scripts.includes(name.slice(3))))
    expect(main.filter((name) => manifest.scripts[`pre${name}`] !== 'node scripts/ensure-install.mjs')).toEqual([])
  })

  test('has its version at the top of the changelog', () => {
    expect(text('CHANGELOG.md').match(/^## (\S+)/m)?.[1]).toBe(manifest.version)
  })
})

describe('The lock file', () => {
  test('is of the same version as the manifest', () => {
    expect(lock.packages['']?.version).toBe(manifest.version)
  })

  test('names no registry, so that everybody installs from their own', () => {
    expect(Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined)).toEqual([])
  })

  test("lists every platform's packages, so that npm ci accepts it everywhere", () => {
    expect(Object.keys(missingEntries(lock))).toEqual([])
  })
})
