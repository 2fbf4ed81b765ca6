import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '#cli/commands.ts'
import { ERROR_CODES } from '#core/errors.ts'
import { mermaid } from '#plan/describe.ts'
import { BRONZE_FIELDS, LATE_FIELDS, QUARANTINE_FIELDS } from '#plan/plan.ts'
import { REASONS } from '#schema/decode-reasons.ts'
import crimes from '../pipelines/crimes.ts'

// What the documents say is held against the code.

const root = fileURLToPath(new URL('../', import.meta.url))
const pages = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: root }).sort()
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')

interface Block {
  readonly page: string
  readonly language: string
  /** What follows the language: the file that the block is. */
  readonly name: string
  readonly code: string
}

function blocksOf(page: string): readonly Block[] {
  const fences = textOf(page).matchAll(/^```([a-z]*) ?(\S*)\n([\s\S]*?)^```$/gm)
  return [...fences].map(([, language = '', name = '', code = '']) => ({ page, language, name, code }))
}

const blocks = pages.flatMap(blocksOf)
const modules = blocks.filter(({ language }) => language === 'ts')

/** Below the checkout, where `sluice` and Node's types are found; ignored by git and by everything that looks at sources. */
let folder = ''
const fileOf = ({ page, name }: Block): string => join(folder, page.replaceAll('/', '-'), name)

beforeAll(() => {
  mkdirSync(join(root, '.reports'), { recursive: true })
  folder = mkdtempSync(join(root, '.reports/documents-'))
  for (const block of modules) {
    mkdirSync(dirname(fileOf(block)), { recursive: true })
    writeFileSync(fileOf(block), block.code)
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['.'] }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('The TypeScript in the documents', () => {
  test('is in blocks that name their file, each page its own', () => {
    const named = modules.map(({ page, name }) => `${page} ${name}`)
    expect(named.filter((file) => !/ [a-z-]+\.ts$/.test(file))).toEqual([])
    expect(new Set(named).size).toBe(named.length)
  })

  test('compiles', { timeout: 60_000 }, () => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    )
    expect(stderr).toBe('')
    // Errors in files that the blocks import are another test's business.
    expect(stdout.split('\n').filter((line) => /^(?!\.\.).*error TS/.test(line))).toEqual([])
  })

  test.each(modules)('in $page: $name runs, and what it asserts holds', async (block) => {
    await expect(import(/* @vite-ignore */ pathToFileURL(fileOf(block)).href)).resolves.toBeDefined()
  })

  test("has the README's pipeline in 24 lines", () => {
    expect(
      modules
        .find(({ page }) => page === 'README.md')
        ?.code.trimEnd()
        .split('\n'),
    ).toHaveLength(24)
  })
})

/** A `sluice` command as a reader would type it: its name, and the options that it is given. */
interface Typed {
  readonly line: string
  readonly command: string
  readonly options: readonly string[]
}

function typedIn({ code }: Block): readonly Typed[] {
  return code.split('\n').flatMap((line) => {
    const [, command, rest = ''] = /^(?:[A-Z_]+=\S+ )*(?:npx )?sluice ([a-z]+)(.*)$/.exec(line) ?? []
    if (command === undefined) return []
    const options = rest.replaceAll(/"[^"]*"/g, '').match(/(?<= )--[a-z-]+/g) ?? []
    return [{ line, command, options }]
  })
}

const shell = blocks.filter(({ language }) => language === 'bash')
const typed = shell.flatMap(typedIn)
const helpOf = async (name: string): Promise<string> => (await COMMANDS[name]!.load()).help

describe('The commands in the documents', () => {
  test.each(typed)('$line: the command and its options exist', async ({ command, options }) => {
    expect(Object.keys(COMMANDS)).toContain(command)
    const help = await helpOf(command)
    expect(options.filter((option) => !new RegExp(`^  ${option}\\b`, 'm').test(help))).toEqual([])
  })

  test('are scripts of package.json where they are run by npm', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { readonly scripts: Record<string, string> }
    const run = shell.flatMap(({ code }) => [...code.matchAll(/\bnpm (?:run )?([a-z:-]+)/g)].map(([, name]) => name!))
    expect(run.filter((name) => !(name in scripts) && name !== 'install')).toEqual([])
  })

  test.each(Object.keys(COMMANDS))('%s is in the guide with its --help, word for word', async (name) => {
    const guide = blocksOf('docs/guide/command-line.md').map(({ code }) => code)
    expect(guide).toContain(await helpOf(name))
  })
})

describe('The documents', () => {
  test('show the plan of pipelines/crimes.ts as it is', () => {
    const picture = blocksOf('README.md').find(({ language }) => language === 'mermaid')
    expect(picture?.code).toBe(`${mermaid(crimes)}\n`)
  })

  test('have the layers that CONTRIBUTING.md has, and the tests enforce', () => {
    expect(layersIn('ARCHITECTURE.md')).toEqual(layersIn('CONTRIBUTING.md'))
  })

  test('list every column of bronze, quarantine and late, and every reason', () => {
    const guide = textOf('docs/guide/tables.md')
    const fields = [...BRONZE_FIELDS, ...QUARANTINE_FIELDS, ...LATE_FIELDS].map(({ name }) => name)
    const said = (word: string): boolean => guide.includes(`\`${word}\``)
    expect([...fields, ...Object.values(REASONS)].filter((word) => !said(word))).toEqual([])
  })

  test('name only error codes that exist', () => {
    const codes = pages.flatMap((page) =>
      [...textOf(page).matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code]) => code!),
    )
    const others = new Set(['KAFKA_BROKERS', 'DATABASE_URL', 'RLE_DICTIONARY'])
    const known: readonly string[] = ERROR_CODES
    expect(codes.filter((code) => !known.includes(code) && !code.startsWith('AWS_') && !others.has(code))).toEqual([])
  })

  test.each(pages)('%s links to pages and headings that exist, and names files that exist', (page) => {
    expect(brokenLinks(page)).toEqual([])
    const files = textOf(page).matchAll(/`((?:lib|test|bin|docs|pipelines|bench)\/[\w./-]+\.(?:ts|mjs|md))`/g)
    const missing = [...files].map(([, file]) => file!).filter((file) => !existsSync(join(root, file)))
    expect(missing).toEqual([])
  })

  test.each(pages)('%s says nothing of the machine it was written on', (page) => {
    expect(textOf(page).match(/(?<![\w.])\/(?:work|root|home|tmp|Users)\/\S*/g)).toBeNull()
  })
})

/** Rows of a page's table of layers: folder → what it may import. */
function layersIn(page: string): Record<string, string> {
  const [, table = ''] = /^\| folder \| may import.*\n((?:\|.*\n)+)/m.exec(textOf(page)) ?? []
  const rows = table.matchAll(/^\| `([a-z]+)` \| ([^|]+?) \|/gm)
  return Object.fromEntries([...rows].map(([, layer, may]) => [layer, may!.replaceAll('`', '')]))
}

function brokenLinks(page: string): readonly string[] {
  const links = [...textOf(page).matchAll(/\]\((?![a-z]+:)([^)\s]*)\)/g)].map(([, link]) => link!)
  return links.filter((link) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : relative(root, resolve(root, dirname(page), path))
    if (!existsSync(join(root, target))) return true
    return anchor !== undefined && !anchorsOf(target).includes(anchor)
  })
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): readonly string[] {
  const headings = textOf(page).matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
