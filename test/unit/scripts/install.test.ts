import { describe, expect, test } from 'vitest'
import { isNewEnough } from '../../../bin/node-version.mjs'
import { missingEntries } from '../../../scripts/complete-lock.mjs'
import { reasonToInstall } from '../../../scripts/ensure-install.mjs'

describe('node_modules is installed anew', () => {
  const lock = { packages: { '': { version: '1.0.0' }, 'node_modules/@a/b': { version: '2.0.0' } } }

  test('when it is missing', () => {
    expect(reasonToInstall(lock, undefined)).toBe('node_modules is missing')
  })

  test('when a package is missing in it', () => {
    expect(reasonToInstall(lock, { packages: {} })).toBe('package-lock.json wants @a/b 2.0.0, found none')
  })

  test('when a package has another version', () => {
    const found = { packages: { 'node_modules/@a/b': { version: '1.9.0' } } }
    expect(reasonToInstall(lock, found)).toBe('package-lock.json wants @a/b 2.0.0, found 1.9.0')
  })

  test('also when the other version is one of an optional package', () => {
    const wanted = { packages: { 'node_modules/c': { version: '2.0.0', optional: true } } }
    const found = { packages: { 'node_modules/c': { version: '1.0.0' } } }
    expect(reasonToInstall(wanted, found)).toBe('package-lock.json wants c 2.0.0, found 1.0.0')
  })
})

describe('node_modules stays as it is', () => {
  test('when every package has its version, whatever else lies there', () => {
    const lock = { packages: { '': { version: '1.0.0' }, 'node_modules/a': { version: '2.0.0' } } }
    const found = { packages: { 'node_modules/a': { version: '2.0.0' }, 'node_modules/b': { version: '1.0.0' } } }
    expect(reasonToInstall(lock, found)).toBeUndefined()
  })

  test("when only other platforms' packages are missing", () => {
    const lock = { packages: { 'node_modules/a-darwin-arm64': { version: '2.0.0', optional: true } } }
    expect(reasonToInstall(lock, { packages: {} })).toBeUndefined()
  })
})

describe('package-lock.json is completed', () => {
  const lockOf = (optionalDependencies: Record<string, string>, ...present: string[]) => ({
    packages: {
      'node_modules/tool': { version: '1.0.0', dev: true, optionalDependencies },
      ...Object.fromEntries(present.map((path) => [path, { version: '1.0.0' }])),
    },
  })

  test.each([
    ['@tool/cli-darwin-arm64', { os: ['darwin'], cpu: ['arm64'] }],
    ['@tool/linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
    ['@tool/binding-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'], libc: ['glibc'] }],
    ['@tool/binding-win32-ia32-msvc', { os: ['win32'], cpu: ['ia32'] }],
    ['@tool/binding-wasm32-wasi', { cpu: ['wasm32'] }],
  ])('with %s and the platform in its name', (name, platform) => {
    expect(missingEntries(lockOf({ [name]: '1.0.0' }))).toEqual({
      [`node_modules/${name}`]: { version: '1.0.0', ...platform, dev: true, optional: true },
    })
  })

  test('with nothing when all are there', () => {
    expect(missingEntries(lockOf({ 'a-linux-x64': '1.0.0' }, 'node_modules/a-linux-x64'))).toEqual({})
  })

  test('not by guessing: a range of versions is refused', () => {
    expect(() => missingEntries(lockOf({ 'a-linux-x64': '^1.0.0' }))).toThrow(
      'node_modules/tool wants a-linux-x64@^1.0.0: only exact versions are known',
    )
  })

  test('not by guessing: a name without a platform is refused', () => {
    expect(() => missingEntries(lockOf({ fsevents: '2.3.3' }))).toThrow(
      'no platform can be read from the name fsevents',
    )
  })
})

test.each([
  ['20.20.2', false],
  ['22.17.9', false],
  ['22.18.0', true],
  ['23.5.0', false],
  ['23.6.0', true],
  ['24.0.0', true],
  ['30.1.0', true],
])('Node %s runs TypeScript as it is: %s', (version, expected) => {
  expect(isNewEnough(version)).toBe(expected)
})
