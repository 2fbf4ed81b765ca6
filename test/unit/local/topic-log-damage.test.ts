import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TopicLog, TopicLogReader } from '#local/topic-log.ts'
import { ManualClock, newRecords, numbered, type TextRecord, valuesOf } from '../../contract/record-source-builders.ts'
import { temporaryFolder } from '../../support/temp.ts'

const PLENTY = { maxRecords: 100_000, maxBytes: 100_000_000 }
const clock = new ManualClock()

function openLog(folder: string): TopicLog {
  const log = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
  onTestFinished(() => log.close())
  return log
}

const firstSegment = (folder: string): string => join(folder, 'events', '0', '00000000000000000000.log')

const allValues = async (log: { read: TopicLog['read'] }): Promise<(string | null)[]> =>
  valuesOf(await log.read(0, 0, PLENTY))

describe('After a kill in the middle of an append', () => {
  const records: readonly TextRecord[] = [
    { key: 'k', value: 'one' },
    { value: null, headers: [{ name: 'h', value: Uint8Array.of(1) }] },
    { key: '', value: 'three' },
  ]

  it('everything before it is there, wherever the write was cut off', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    await log.append(0, numbered('a', 2), { source: 's', position: 1 })
    const kept = readFileSync(firstSegment(folder))
    await log.append(0, newRecords(records), { source: 's', position: 2 })
    const whole = readFileSync(firstSegment(folder))
    await log.close()
    for (let size = kept.length; size < whole.length; size++) {
      writeFileSync(firstSegment(folder), whole.subarray(0, size))
      const reader = TopicLogReader.open({ folder, name: 'events', clock })
      expect(await reader.endOffset(0)).toBe(2)
      const again = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
      expect(await allValues(again)).toEqual(['a0', 'a1'])
      expect(await again.positions('s')).toEqual([1])
      expect(readFileSync(firstSegment(folder))).toEqual(kept)
      await again.append(0, numbered('b', 1))
      expect(await allValues(again)).toEqual(['a0', 'a1', 'b0'])
      expect(await allValues(reader)).toEqual(['a0', 'a1', 'b0'])
      await again.close()
      await reader.close()
    }
  })

  it('a last batch with any byte wrong is dropped', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    await log.append(0, numbered('a', 2))
    const start = readFileSync(firstSegment(folder)).length
    await log.append(0, newRecords(records), { source: 's', position: 2 })
    const whole = readFileSync(firstSegment(folder))
    await log.close()
    for (let at = start; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      writeFileSync(firstSegment(folder), damaged)
      const again = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
      expect(await allValues(again)).toEqual(['a0', 'a1'])
      expect(await again.positions('s')).toEqual([undefined])
      await again.close()
    }
  })

  it('zeros behind the last batch are dropped', async () => {
    const folder = temporaryFolder()
    await openLog(folder).append(0, numbered('a', 2))
    appendFileSync(firstSegment(folder), Buffer.alloc(5_000))
    const again = openLog(folder)
    await again.append(0, numbered('b', 1))
    expect(await allValues(again)).toEqual(['a0', 'a1', 'b0'])
  })

  it('a segment that was only created is used', async () => {
    const folder = temporaryFolder()
    await openLog(folder).close()
    writeFileSync(firstSegment(folder), '')
    const again = openLog(folder)
    await again.append(0, numbered('a', 1))
    expect(await allValues(again)).toEqual(['a0'])
  })

  it('the producer has no position of records that are lost', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    await log.append(0, numbered('a', 1), { source: 's', position: 7 })
    await log.append(0, numbered('', 0), { source: 's', position: 9 })
    await log.close()
    expect(await openLog(folder).positions('s')).toEqual([9])
    truncateSync(firstSegment(folder), readFileSync(firstSegment(folder)).length - 1)
    expect(await openLog(folder).positions('s')).toEqual([7])
  })
})

describe('A damaged batch with others behind it', () => {
  it('is found wherever the damage is, with its file and byte, and nothing is cut off', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    await log.append(0, numbered('a', 2))
    const start = readFileSync(firstSegment(folder)).length
    await log.append(0, numbered('b', 2))
    const end = readFileSync(firstSegment(folder)).length
    await log.append(0, numbered('c', 2))
    await log.close()
    const whole = readFileSync(firstSegment(folder))
    for (let at = start; at < end; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      writeFileSync(firstSegment(folder), damaged)
      let again: TopicLog | undefined
      const readAll = async (): Promise<void> => {
        again = TopicLog.open({ folder, name: 'events', partitions: 1, clock })
        await again.read(0, 0, PLENTY)
      }
      await expect(readAll()).rejects.toMatchObject({
        code: 'TOPIC_CORRUPT',
        message: expect.stringContaining(
          `of topic "events" in ${firstSegment(folder)} at byte ${start}, found damaged bytes`,
        ),
        details: { file: firstSegment(folder), byte: start, topic: 'events', partition: 0 },
      })
      await again?.close()
      expect(readFileSync(firstSegment(folder))).toEqual(damaged)
    }
  })

  it('is not taken for a torn tail when only a fragment follows it', async () => {
    const folder = temporaryFolder()
    const log = openLog(folder)
    await log.append(0, numbered('a', 2))
    await log.close()
    const damaged = readFileSync(firstSegment(folder))
    damaged[70]! ^= 1
    writeFileSync(firstSegment(folder), Buffer.concat([damaged, Buffer.from('fragment')]))
    expect(() => openLog(folder)).toThrow(
      expect.objectContaining({ code: 'TOPIC_CORRUPT', details: expect.objectContaining({ byte: 0 }) }),
    )
  })
})
