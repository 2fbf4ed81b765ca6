import { describe, expect, it } from 'vitest'
import type { CloseBody, CloseItem, PendingResult } from '#runtime/close-item.ts'
import { deleteUnnamed, resultsAfter, sweepResults, waitingWith } from '#runtime/pending.ts'
import { resultFolder } from '#runtime/result-object.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { rooms } from './builders.ts'

const folder = resultFolder(testWorld(rooms).runtime)
const pathOf = (seq: number, rest = '.jsonl'): string => `${folder}${String(seq).padStart(12, '0')}-x${rest}`
const NOTHING: CloseBody = {
  upTo: null,
  ended: {},
  settled: null,
  published: [],
  open: {},
  failed: [],
  pending: [],
  waiting: null,
}

async function withResults(count: number): Promise<{ readonly runtime: Runtime; readonly pending: PendingResult[] }> {
  const { runtime } = testWorld(rooms)
  const pending: PendingResult[] = []
  for (let seq = 1; seq <= count; seq++) {
    const path = pathOf(seq)
    await runtime.store.put(path, new TextEncoder().encode('{"result":1,"from":0,"to":1,"parts":[]}\n'))
    pending.push({ seq, path })
  }
  return { runtime, pending }
}

async function pathsIn(runtime: Runtime): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const { path } of runtime.store.list(folder)) paths.push(path.slice(folder.length + 9))
  return paths
}

describe('results that wait for a sink', () => {
  it('are in the close item as long as they are few, and in an object when they are many', async () => {
    const { runtime, pending } = await withResults(200)
    let waiting: Pick<CloseBody, 'pending' | 'waiting'> = NOTHING
    for (const one of pending) {
      waiting = await waitingWith(runtime, one.seq, waiting, [one], 0)
      expect(waiting.pending.length).toBeLessThanOrEqual(64)
    }
    expect(waiting.waiting).not.toBeNull()
    expect(await resultsAfter(runtime, waiting, 0)).toEqual(pending)
    expect(await resultsAfter(runtime, waiting, 150)).toEqual(pending.slice(150))
  })

  it('go with their objects once every sink has them, those in the object too, and not those that are published still', async () => {
    const { runtime, pending } = await withResults(100)
    let body = NOTHING
    for (const one of pending) {
      const next = { ...body, ...(await waitingWith(runtime, one.seq, body, [one], 0)) }
      await deleteUnnamed(runtime, body, next, 0)
      body = next
    }
    expect((await pathsIn(runtime)).length).toBe(101)
    const published = [{ path: pathOf(7), bytes: 1, ends: {} }]
    const done = { ...NOTHING, published, ...(await waitingWith(runtime, 101, body, [], 100)) }
    expect(done).toMatchObject({ pending: [], waiting: null })
    await deleteUnnamed(runtime, body, done, 100)
    expect(await pathsIn(runtime)).toEqual(['007-x.jsonl'])
  })
})

describe('what a closer left that was stopped', () => {
  it('is cleared away by the next one: all objects of closes so far that the close item doesn’t name', async () => {
    const { runtime, pending } = await withResults(5)
    for (const rest of ['.part-000001.jsonl', '.part-000002.jsonl']) {
      await runtime.store.put(pathOf(2, rest), new Uint8Array(1))
      await runtime.store.put(pathOf(4, rest), new Uint8Array(1))
    }
    const item: CloseItem = { seq: 4, fence: 4, body: { ...NOTHING, pending: [pending[1]!] } }
    await sweepResults(runtime, item)
    expect(await pathsIn(runtime)).toEqual([
      '002-x.jsonl',
      '002-x.part-000001.jsonl',
      '002-x.part-000002.jsonl',
      '005-x.jsonl',
    ])
  })
})
