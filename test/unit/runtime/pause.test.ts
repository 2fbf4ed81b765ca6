import { describe, expect, it } from 'vitest'
import { DAY, MINUTE } from '#core/time.ts'
import { closeStage } from '#runtime/close.ts'
import { batch, NOW, noon, reading, started, windowsOf } from './builders.ts'

describe('a pause between two starts', () => {
  const PAUSE = 5 * DAY

  //   12:00        12:45          five days of nothing            the feed goes on at 12:46
  //     |------------o - - - - - - - - - - - - - - - - - - - - - - - - o
  //   watermark 12:35, as long as the input has more to come
  const closedAfterPause = async (moreToCome: boolean) => {
    const runtime = await started()
    const first = batch([reading(0, 0), reading(1, 45)], { appendTime: NOW - PAUSE })
    await windowsOf(runtime).handle([first])
    return closeStage(runtime).run({ endOffsets: async () => [2, 0], endOfInput: false, moreToCome })
  }

  it('does not move the watermark while the input has more to come', async () => {
    const { watermark, upTo } = await closedAfterPause(true)
    expect(watermark.watermark).toBe(noon(45) - 10 * MINUTE)
    expect(upTo).toBeLessThanOrEqual(noon(45))
  })

  it('counts as time that has passed when nobody feeds the topic any more', async () => {
    const { watermark } = await closedAfterPause(false)
    expect(watermark.watermark).toBe(noon(45) - 10 * MINUTE + PAUSE)
  })
})
