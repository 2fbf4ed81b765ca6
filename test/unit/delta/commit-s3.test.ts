import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isSluiceError } from '#core/errors.ts'
import { DeltaTable } from '#delta/table.ts'
import type { Fields } from '#schema/column.ts'
import { dice } from '../../support/dice.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { s3Store } from '../../support/s3-store.ts'
import { S3Stub } from '../../support/s3-stub.ts'

const FIELDS: Fields = [
  { name: 'writer', column: { kind: 'int', nullable: false } },
  { name: 'append', column: { kind: 'int', nullable: false } },
]
const WRITERS = 4
const APPENDS = 5

let stub: S3Stub
beforeEach(async () => {
  stub = await S3Stub.start()
})
afterEach(() => stub.stop())

const open = (): Promise<DeltaTable> => {
  const deps = {
    store: s3Store(stub.endpoint, { random: Math.random }),
    clock: new ManualClock(),
    ids: { next: randomUUID },
  }
  return DeltaTable.openOrCreate(deps, 'appends', { fields: FIELDS })
}

describe('Writers with clients of their own to S3', () => {
  it.each([0.05, 0.2])(
    'lose nothing and double nothing when a share of %d of the requests goes wrong on the wire',
    async (rate) => {
      await open()
      stub.byChance(rate, dice(9))
      const writer = async (index: number): Promise<void> => {
        let table = await open()
        for (let append = 0; append < APPENDS; ) {
          try {
            await table.append([{ writer: index, append }], { txn: { appId: `writer/${index}`, version: append } })
            append++
          } catch (error) {
            // As a process that was started again would.
            if (!isSluiceError(error) || !error.retryable) throw error
            table = await open()
          }
        }
      }
      await Promise.all(Array.from({ length: WRITERS }, (_, index) => writer(index)))
      stub.byChance(0, () => 1)
      const snapshot = await (await open()).snapshot()
      expect(snapshot.version).toBe(WRITERS * APPENDS)
      const rows: string[] = []
      for await (const run of snapshot.rows()) rows.push(...run.map(({ writer, append }) => `${writer} ${append}`))
      const wanted = Array.from({ length: WRITERS * APPENDS }, (_, i) => `${Math.floor(i / APPENDS)} ${i % APPENDS}`)
      expect(rows.sort()).toEqual(wanted.sort())
      expect([...snapshot.txns.values()]).toEqual(Array(WRITERS).fill(APPENDS - 1))
    },
    60_000,
  )
})
