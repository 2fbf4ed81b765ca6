import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { copyTemplate, keepTemplate, templateFolder } from '#adapters/postgres/pglite-template.ts'
import { temporaryFolder } from '../../support/temp.ts'

function database(): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'PG_VERSION'), '17')
  mkdirSync(join(folder, 'base'))
  writeFileSync(join(folder, 'base', '1'), 'rows')
  return folder
}

describe('The template of embedded databases', () => {
  test("lies in the user's cache folder, one for each version", () => {
    expect(templateFolder({ XDG_CACHE_HOME: '/cache' })).toMatch(/^\/cache\/sluice\/pglite-\d+\.\d+\.\d+$/)
  })

  test('is copied whole into a new folder', async () => {
    const template = join(temporaryFolder(), 'sluice', 'pglite-1')
    await keepTemplate(database(), template)
    const folder = temporaryFolder()
    expect(await copyTemplate(template, folder)).toBe(true)
    expect(readFileSync(join(folder, 'base', '1'), 'utf8')).toBe('rows')
    expect(readdirSync(dirname(template))).toEqual(['pglite-1'])
  })

  test('is left out where there is none', async () => {
    const folder = temporaryFolder()
    expect(await copyTemplate(join(folder, 'missing'), folder)).toBe(false)
    expect(readdirSync(folder)).toEqual([])
  })

  test('is not missed where it cannot be kept', async () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, 'in the way')
    await expect(keepTemplate(database(), join(file, 'pglite-1'))).resolves.toBeUndefined()
  })

  test('stays as it is when another process kept one first', async () => {
    const template = join(temporaryFolder(), 'pglite-1')
    mkdirSync(template)
    writeFileSync(join(template, 'PG_VERSION'), 'the first')
    await keepTemplate(database(), template)
    expect(readFileSync(join(template, 'PG_VERSION'), 'utf8')).toBe('the first')
    expect(readdirSync(dirname(template))).toEqual(['pglite-1'])
  })
})
