import { createHash } from 'node:crypto'
import { closeSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { identifyInput } from '#local/input-identity.ts'
import { openInput } from '#local/inputs.ts'
import type { Fields } from '#schema/column.ts'
import { temporaryFolder } from '../../support/temp.ts'

const fields: Fields = [
  { name: 'a', column: { kind: 'string', nullable: false } },
  { name: 'b', column: { kind: 'long', nullable: true } },
]

function file(name: string, content: string): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

async function sourceOf(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const input = openInput(path, fields)
  try {
    return (await identifyInput(input, signal))?.source
  } finally {
    closeSync(input.file)
  }
}

const sourcesOf = (paths: readonly string[]): Promise<unknown[]> => Promise.all(paths.map((path) => sourceOf(path)))

/** Over several reads of a megabyte, the last one short. */
const LARGE = `a,b\n${'some text,1\n'.repeat(300_000)}`

describe('The identity of an input', () => {
  test('is its format and the SHA-256 of its whole content', async () => {
    const hash = createHash('sha256').update(LARGE).digest('hex')
    expect(await sourceOf(file('x.csv', LARGE))).toBe(`csv:${hash}`)
  })

  test('stays when the file is moved, renamed, touched or copied', async () => {
    const path = file('x.csv', 'a,b\n1,2\n')
    const before = await sourceOf(path)
    const moved = join(temporaryFolder(), 'y.CSV')
    renameSync(path, moved)
    utimesSync(moved, 1, 1)
    expect(await sourcesOf([moved, file('z.csv', 'a,b\n1,2\n')])).toEqual([before, before])
  })

  test('is another for any other content, wherever the difference is', async () => {
    const at = (position: number): string => `${LARGE.slice(0, position)}X${LARGE.slice(position + 1)}`
    const contents = [LARGE, `${LARGE}1,2\n`, ...[5, 1_048_575, 1_048_576, 1_700_000, 3_600_000].map(at)]
    const sources = await sourcesOf(contents.map((content) => file('x.csv', content)))
    expect(new Set(sources).size).toBe(contents.length)
  })

  test('is another in another format: the records are others', async () => {
    const text = '{"a":"1"}\n'
    const [one, two] = await sourcesOf([file('x.json', text), file('x.ndjson', text)])
    expect(one).toBe(two)
    expect(one).toMatch(/^json lines:/)
  })

  test('is not looked for any further when that is called off', async () => {
    expect(await sourceOf(file('x.csv', LARGE), AbortSignal.abort())).toBeUndefined()
  })
})
