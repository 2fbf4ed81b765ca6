import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '#adapters/system/clock.ts'
import { TopicLog, TopicLogReader } from '#local/topic-log.ts'
import { numbered, valuesOf } from '../../contract/record-source-builders.ts'
import { temporaryFolder } from '../../support/temp.ts'

const moduleUrl = (path: string): string => JSON.stringify(new URL(`../../../lib/${path}`, import.meta.url).href)

/** Program that appends batches of 100 records ('r0/…' to 'r99/…') as fast as it can, `appends` times. */
const writer = (folder: string, appends: number): string => `
  async function main() {
    const { TopicLog } = await import(${moduleUrl('local/topic-log.ts')})
    const { systemClock } = await import(${moduleUrl('adapters/system/clock.ts')})
    const { RecordPacker } = await import(${moduleUrl('schema/record-packer.ts')})
    const log = TopicLog.open({ folder: ${JSON.stringify(folder)}, name: 'events', partitions: 1, clock: systemClock })
    const packer = new RecordPacker()
    for (let i = 0; i < 100; i++) {
      const value = Buffer.from(('r' + i + '/').padEnd(500, '.'))
      packer.add(null, 0, 0, value, 0, value.length)
    }
    const records = packer.take()
    for (let n = 0; n < ${appends}; n++) await log.append(0, records, { source: 'loop', position: n + 1 })
  }
  main()
`
const LIMITS = { maxRecords: 770, maxBytes: 100_000_000 }

/** Reads everything below `end`; every value must be the one of its offset. */
async function readInOrder(source: TopicLogReader | TopicLog, from: number, end: number): Promise<number> {
  let next = from
  while (next < end) {
    const batch = await source.read(0, next, LIMITS)
    if (batch === undefined) return next
    for (const [i, value] of valuesOf(batch).entries()) {
      if (batch.offsets[i] !== next || !value!.startsWith(`r${next % 100}/`)) throw new Error(`wrong record at ${next}`)
      next++
    }
  }
  return next
}

describe('A topic log', () => {
  it('is followed, record by record, while another thread writes it', async () => {
    const folder = temporaryFolder()
    await TopicLog.open({ folder, name: 'events', partitions: 1, clock: systemClock }).close()
    const reader = TopicLogReader.open({ folder, name: 'events', clock: systemClock })
    onTestFinished(() => reader.close())
    const worker = new Worker(writer(folder, 1_000), { eval: true })
    const ended = once(worker, 'exit')
    let next = 0
    while (next < 100_000) {
      next = await readInOrder(reader, next, 100_000)
      await reader.wait(1_000)
    }
    expect(next).toBe(100_000)
    expect(await ended).toEqual([0])
  })

  it('holds whole appends only when its writer was killed', async () => {
    const folder = temporaryFolder()
    const child = spawn(process.execPath, ['-e', writer(folder, 20_000)], { stdio: 'inherit' })
    const exited = once(child, 'exit')
    while (!existsSync(join(folder, 'events', 'topic.json'))) await systemClock.sleep(5)
    const reader = TopicLogReader.open({ folder, name: 'events', clock: systemClock })
    while ((await reader.endOffset(0)) < 20_000) await reader.wait(1_000)
    child.kill('SIGKILL')
    await exited
    await reader.close()
    const log = TopicLog.open({ folder, name: 'events', partitions: 1, clock: systemClock })
    onTestFinished(() => log.close())
    const end = await log.endOffset(0)
    expect(end).toBeGreaterThanOrEqual(20_000)
    expect(await log.positions('loop')).toEqual([end / 100])
    expect(await readInOrder(log, 0, end)).toBe(end)
  })

  it.skipIf(!existsSync('/dev/full'))(
    'says DISK_FULL when the disk takes no more, and has nothing of that append',
    async () => {
      const folder = temporaryFolder()
      await TopicLog.open({ folder, name: 'events', partitions: 1, clock: systemClock }).close()
      const file = join(folder, 'events', '0', '00000000000000000000.log')
      symlinkSync('/dev/full', file)
      const log = TopicLog.open({ folder, name: 'events', partitions: 1, clock: systemClock })
      onTestFinished(() => log.close())
      await expect(log.append(0, numbered('a', 1))).rejects.toMatchObject({
        code: 'DISK_FULL',
        message:
          `Writing ${file} needs room on the disk, but none is left (ENOSPC). ` +
          'Free some and start again: nothing written is lost.',
      })
      expect(await log.endOffset(0)).toBe(0)
    },
  )
})
