import { describe, expect, it } from 'vitest'
import { SluiceError } from '#core/errors.ts'
import { StageLoop } from '#local/stage-loop.ts'
import type { RecordSource } from '#ports/record-source.ts'
import { faultySource, PortCalls } from '../support/faulty-ports.ts'
import { corrections } from './corrections.ts'
import { Process, World } from './world.ts'

const order = (id: number) => ({ id, at: '2026-05-05T12:00:00Z', shop: 'corner', cents: 100 })

async function started(): Promise<World> {
  const world = new World({ plan: corrections, partitions: 1, batchSize: 1000 })
  await world.process()
  return world
}

const readBy = async (world: World): Promise<number> => (await world.read()).counts.read

function loopOf(world: World, change: (source: RecordSource) => Partial<RecordSource>): StageLoop {
  const source = faultySource(new PortCalls(world), async () => {})
  const settings = { batchSize: 1, batchWindow: 0, partitions: [0] }
  const { runtime } = new Process(world)
  return new StageLoop(runtime, { ...source, ...change(source) }, settings, { relieve: async () => {} })
}

const never = new AbortController().signal

describe('Draining the stages', () => {
  it('ends at a gap that nothing follows, as a transaction leaves one', async () => {
    const world = await started()
    await world.feed([order(0), order(1)])
    world.topic.skipOffsets(0, 3)
    expect(await loopOf(world, () => ({})).drain(new Map([[0, 5]]), never)).toBe(true)
    expect(await readBy(world)).toBe(2)
  })

  it('waits for records that are not there yet', async () => {
    const world = await started()
    await world.feed([order(0)])
    const loop = loopOf(world, (source) => ({
      wait: async () => {
        if ((await source.endOffset(0)) < 3) await world.feed([order(1)])
      },
    }))
    expect(await loop.drain(new Map([[0, 3]]), never)).toBe(true)
    expect(await readBy(world)).toBe(3)
  })

  it('takes nothing for handled that is appended while it looks', async () => {
    const world = await started()
    await world.feed([order(0), order(1), order(2), order(3)])
    const loop = loopOf(world, (source) => ({
      async endOffset(partition) {
        const end = await source.endOffset(partition)
        if (end < 50) await world.feed([order(end)])
        return end
      },
    }))
    expect(await loop.drain(new Map([[0, 4]]), never)).toBe(true)
    expect(await readBy(world)).toBeGreaterThanOrEqual(4)
  })

  it('goes on when the source could not tell for a moment', async () => {
    const world = await started()
    await world.feed([order(0), order(1)])
    let calls = 0
    const loop = loopOf(world, (source) => ({
      async endOffset(partition) {
        if (calls++ < 7) throw new SluiceError('BROKER_UNREACHABLE', 'away', { retryable: true })
        return source.endOffset(partition)
      },
    }))
    expect(await loop.drain(new Map([[0, 2]]), never)).toBe(true)
    expect(await readBy(world)).toBe(2)
  })

  it('says that it did not come to the end when it is stopped', async () => {
    const world = await started()
    await world.feed([order(0)])
    expect(await loopOf(world, () => ({})).drain(new Map([[0, 1]]), AbortSignal.abort())).toBe(false)
  })
})
