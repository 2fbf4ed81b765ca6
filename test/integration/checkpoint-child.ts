/** Writes a checkpoint of a table in a folder, in a process of its own, and says what that took: started by checkpoint-memory.test.ts. */
import { randomUUID } from 'node:crypto'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { DeltaTable } from '#delta/table.ts'

export interface CheckpointCost {
  readonly version: number | null
  /** What the process took at most. */
  readonly peakMegabytes: number
}

async function main(folder: string, path: string): Promise<void> {
  const store = new DirectoryObjectStore(folder)
  const table = await DeltaTable.open({ store, clock: systemClock, ids: { next: randomUUID } }, path)
  await table.checkpoint()
  const version = await table.lastCheckpoint()
  const cost: CheckpointCost = { version, peakMegabytes: process.resourceUsage().maxRSS / 1024 }
  process.stdout.write(JSON.stringify(cost))
}

if (import.meta.main) await main(process.argv[2] ?? '', process.argv[3] ?? '')
