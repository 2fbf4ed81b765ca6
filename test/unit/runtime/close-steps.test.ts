import { describe, expect, it } from 'vitest'
import { DAY, MINUTE } from '#core/time.ts'
import type { StateStore } from '#ports/state-store.ts'
import { closeStage } from '#runtime/close.ts'
import { pageGroup } from '#runtime/keys.ts'
import { batch, reading, started, windowsOf } from './builders.ts'

const YEAR = (365 * DAY) / MINUTE

/** Feeds readings at these minutes after noon and ends the input: what was closed, and how many pages each step had in hand. */
async function closed(minutes: readonly number[]) {
  const runtime = await started()
  await windowsOf(runtime).handle([batch(minutes.map((minute, id) => reading(id, minute)))])
  const { state } = runtime
  const pages: number[] = []
  const watched: StateStore = {
    get: (group, id) => state.get(group, id),
    put: (item, expected) => state.put(item, expected),
    delete: (group, id, expected) => state.delete(group, id, expected),
    close: () => state.close(),
    async list(group, range) {
      const items = await state.list(group, range)
      // Not those of looking for the first page, nor those of expiry, which have no lower bound but in the first step.
      if (group === pageGroup(runtime) && range?.limit === undefined && range?.from !== undefined)
        pages.push(items.length)
      return items
    },
  }
  const endOffsets = async (): Promise<readonly number[]> => [minutes.length, 0]
  const { rows } = await closeStage({ ...runtime, state: watched }).run({ endOffsets, endOfInput: true })
  return { windows: rows.map(({ output, start }) => `${output} ${start}`).length, pages }
}

// A page of this pipeline covers half an hour.
describe('Closing step by step', () => {
  //   ●   three years of nothing   ●
  it('passes over years without a record at once', async () => {
    const { windows, pages } = await closed([0, 3 * YEAR])
    // per_hour 1 and hopping 2 for each of the records.
    expect(windows).toBe(6)
    expect(pages.length).toBeLessThanOrEqual(3)
  })

  it('never has more than some 16 pages a partition in hand, the first time too', async () => {
    const { windows, pages } = await closed(Array.from({ length: 500 }, (_, i) => i * 30))
    expect(windows).toBe(250 + 501)
    expect(pages.length).toBeGreaterThan(25)
    expect(Math.max(...pages)).toBeLessThanOrEqual(16 + 3)
  })
})
