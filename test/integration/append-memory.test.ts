import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { type WideLog, writeWideLog } from '../support/wide-log.ts'
import { type AppendCost, TABLE } from './append-child.ts'

const MILLION = 1_000_000
const CHILD = fileURLToPath(new URL('./append-child.ts', import.meta.url))

/** In a process whose heap can't be larger than that, its program (20 MB) included: loading a million files in it fails. */
async function appendTwice(folder: string, heapMegabytes: number): Promise<AppendCost> {
  const flags = ['--expose-gc', `--max-old-space-size=${heapMegabytes}`]
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, CHILD, folder])
  return JSON.parse(stdout) as AppendCost
}

describe('An append to a table of a million files', () => {
  const folders: { readonly path: string; [Symbol.dispose](): void }[] = []
  const place = async (log: Omit<WideLog, 'files'>): Promise<{ readonly path: string; readonly latest: number }> => {
    const folder = createTemporaryFolder()
    folders.push(folder)
    const latest = await writeWideLog(new DirectoryObjectStore(folder.path), TABLE, { files: MILLION, ...log })
    return { path: folder.path, latest }
  }
  let recent: { readonly path: string; readonly latest: number }
  let old: { readonly path: string; readonly latest: number }
  let foreign: { readonly path: string; readonly latest: number }
  beforeAll(async () => {
    recent = await place({ tail: 1, checkpoint: true, checksum: true })
    old = await place({ tail: 900, checkpoint: true, checksum: true })
    const copy = createTemporaryFolder()
    folders.push(copy)
    cpSync(recent.path, copy.path, { recursive: true, filter: (file) => !file.endsWith('.crc') })
    foreign = { path: copy.path, latest: recent.latest }
  }, 300_000)
  afterAll(() => {
    for (const folder of folders) folder[Symbol.dispose]()
  })

  test('makes five requests at most and holds next to nothing, with a recent checkpoint and without', async () => {
    for (const { path, latest } of [recent, old]) {
      const cost = await appendTwice(path, 50)
      expect(cost).toMatchObject({ version: latest + 2, requests: [2, 5, 4] })
      expect(cost.heldMegabytes).toBeLessThan(10)
      expect(cost.peakMegabytes).toBeLessThan(200)
    }
  })

  test('holds no list of files when nobody left a checksum either', async () => {
    const cost = await appendTwice(foreign.path, 80)
    expect(cost.version).toBe(foreign.latest + 2)
    expect(cost.requests[2]).toBeLessThanOrEqual(5)
    expect(cost.heldMegabytes).toBeLessThan(10)
  })
})
