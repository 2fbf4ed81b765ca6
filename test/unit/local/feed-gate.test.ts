import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { DeltaTable } from '#delta/table.ts'
import { feedFile } from '#local/feed.ts'
import { FeedGate } from '#local/feed-gate.ts'
import { feedInputs } from '#local/feed-inputs.ts'
import { LocalPipeline } from '#local/local-pipeline.ts'
import { CRIME_FIELDS } from '#local/simulator.ts'
import { writeCrimesCsv } from '#local/simulator-csv.ts'
import type { TopicWriter } from '#ports/record-source.ts'
import crimes from '../../../pipelines/crimes.ts'
import { MemoryTopic } from '../../support/memory-topic.ts'
import { temporaryFolder } from '../../support/temp.ts'

const never = new AbortController().signal
const DISTRICT = 'district'

async function isOpen(gate: FeedGate): Promise<boolean> {
  const impatient = new AbortController()
  const passage = gate.passage(impatient.signal)
  impatient.abort()
  return passage.then((passed) => passed || gate.passage(AbortSignal.abort()))
}

/** Whether somebody who comes now gets through at once. */
async function passesAtOnce(gate: FeedGate): Promise<boolean> {
  const passed = gate.passage(never).then(() => true)
  const turn = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))
  return Promise.race([passed, turn])
}

function crimesFile(seed: number, count: number): string {
  const path = join(temporaryFolder(), `crimes-${seed}.csv`)
  writeFileSync(path, writeCrimesCsv(seed, count))
  return path
}

const feed = (writer: TopicWriter, gate: FeedGate, path: string) =>
  feedFile({ fields: CRIME_FIELDS, key: DISTRICT, writer, gate, path })

describe('The feed gate', () => {
  test('is open until somebody holds it, and again when the last one lets go', async () => {
    const gate = new FeedGate()
    expect(await passesAtOnce(gate)).toBe(true)
    const [first, second] = [gate.hold(), gate.hold()]
    first()
    first()
    expect(await passesAtOnce(gate)).toBe(false)
    second()
    expect(await passesAtOnce(gate)).toBe(true)
  })

  test('turns back who gives up waiting', async () => {
    const gate = new FeedGate()
    gate.hold()
    expect(await isOpen(gate)).toBe(false)
  })

  test('is held while partitions are appended one after the other, and open in between', async () => {
    const gate = new FeedGate()
    const topic = new MemoryTopic(3)
    const writer = topic.writer()
    const during: boolean[] = []
    const watching: TopicWriter = {
      ...writer,
      append: async (...args) => {
        during.push(await passesAtOnce(gate))
        await writer.append(...args)
      },
    }
    await feed(watching, gate, crimesFile(1, 500))
    expect(during.length).toBeGreaterThanOrEqual(3)
    expect(during).not.toContain(true)
    expect(await passesAtOnce(gate)).toBe(true)
  })

  test('stays closed after an append has failed, until the rest is fed', async () => {
    const gate = new FeedGate()
    const topic = new MemoryTopic(3)
    const path = crimesFile(1, 500)
    await expect(feed(topic.writer({ append: 1, how: 'before' }), gate, path)).rejects.toThrow('crashed')
    expect(await passesAtOnce(gate)).toBe(false)

    // A new process has a new gate. It is held from the start, because one partition has more of the file than the others.
    const next = new FeedGate()
    const open: boolean[] = []
    const writer = topic.writer()
    const watching: TopicWriter = {
      ...writer,
      append: async (...args) => {
        open.push(await passesAtOnce(next))
        await writer.append(...args)
      },
    }
    await feed(watching, next, path)
    expect(open).not.toContain(true)
    expect(await passesAtOnce(next)).toBe(true)
  })

  test('is held over all inputs before the last one that was half fed', async () => {
    const topic = new MemoryTopic(3)
    const [first, second] = [crimesFile(1, 300), crimesFile(2, 300)]
    await feed(topic.writer(), new FeedGate(), first)
    await expect(feed(topic.writer({ append: 1, how: 'before' }), new FeedGate(), second)).rejects.toThrow()

    const gate = new FeedGate()
    const seen: string[] = []
    await feedInputs({
      fields: CRIME_FIELDS,
      key: DISTRICT,
      writer: topic.writer(),
      gate,
      paths: [first, second],
      onProgress: (path, progress) => {
        if (path === first && progress.bytes === progress.totalBytes) seen.push('first is read')
      },
    })
    expect(seen.length).toBeGreaterThan(0)
    expect(await passesAtOnce(gate)).toBe(true)
  })

  test('lets windows close while a file is fed without making any record late', async () => {
    const folder = temporaryFolder()
    const pipeline = await LocalPipeline.start({
      plan: crimes,
      pipelinePath: null,
      folders: { lake: join(folder, 'lake'), state: join(folder, 'state.sqlite') },
      topic: { kind: 'embedded', folder: join(folder, 'topic'), name: 'crimes', partitions: 12 },
      batchSize: 500,
      batchWindow: 0,
      workers: 0,
      commitEvery: 50,
      closeEvery: 1,
      sql: null,
      clock: systemClock,
      ids: randomIds,
      events: {},
    })
    await feedInputs({
      fields: crimes.topic.fields,
      key: crimes.topic.key,
      writer: pipeline.writer,
      gate: pipeline.gate,
      paths: [crimesFile(3, 20_000)],
    })
    await pipeline.finish()
    const counts = await pipeline.counts()
    expect(counts.read).toBe(20_000)
    expect(counts).toMatchObject({ late: 0, partlyLate: 0 })
    const gold = await DeltaTable.open(pipeline.runtime, 'gold/crime_per_district_day')
    const revisions = new Set<unknown>()
    for await (const rows of (await gold.snapshot()).rows({ columns: ['revision'] })) {
      for (const row of rows) revisions.add(row['revision'])
    }
    await pipeline.stop()
    expect([...revisions]).toEqual([0])
  })
})
