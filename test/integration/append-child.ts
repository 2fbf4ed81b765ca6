/** Appends twice to a table in a folder, in a process of its own, and says what that took: started by append-memory.test.ts. */
import { randomUUID } from 'node:crypto'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../support/counting-store.ts'

export interface AppendCost {
  /** Requests of opening the table, of the first append, and of the second. */
  readonly requests: readonly [number, number, number]
  /** What is held after the appends beyond what was held before, and what the process took at most, in MB. */
  readonly heldMegabytes: number
  readonly peakMegabytes: number
  readonly version: number
}

export const TABLE = 'wide'

const MEGABYTE = 1 << 20

async function main(folder: string): Promise<void> {
  const store = new CountingStore(new DirectoryObjectStore(folder))
  const gc = (globalThis as unknown as { gc(): void }).gc
  gc()
  const before = heap()
  const table = await DeltaTable.open({ store, clock: systemClock, ids: { next: randomUUID } }, TABLE)
  const opened = store.take().length
  await table.append([{ id: 1 }])
  const first = store.take().length
  const { version } = await table.append([{ id: 2 }])
  const second = store.take().length
  gc()
  const cost: AppendCost = {
    requests: [opened, first, second],
    heldMegabytes: (heap() - before) / MEGABYTE,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
    version,
  }
  // The handle is alive until here.
  process.stdout.write(JSON.stringify({ ...cost, path: table.path }))
}

function heap(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

if (import.meta.main) await main(process.argv[2] ?? '')
