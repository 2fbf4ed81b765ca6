/** Changes rows of a table in a folder, in a process of its own whose heap is bounded: started by change-memory.test.ts. */
import { randomUUID } from 'node:crypto'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import type { WriteResult } from '#delta/opened-version.ts'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../support/counting-store.ts'

export interface Changed extends WriteResult {
  /** Requests that it took, without those for opening the table. */
  readonly requests: readonly string[]
}

const CHANGES: Readonly<Record<string, (table: DeltaTable) => Promise<WriteResult>>> = {
  append: (table) => table.append([{ id: -2, day: '12' }]),
  delete: (table) => table.delete({ day: '7' }),
  overwrite: (table) => table.overwrite([{ id: 1, day: '8' }], { where: { day: '8' } }),
  update: (table) => table.update({ day: '10', id: -1 }, { id: 0 }),
  merge: (table) => table.merge([{ id: -1, day: '9' }], { on: ['id', 'day'] }),
  optimize: (table) => table.optimize({ where: { day: '11' }, dryRun: true }),
}

async function main(folder: string, path: string, change: string): Promise<void> {
  const store = new CountingStore(new DirectoryObjectStore(folder))
  const table = await DeltaTable.open({ store, clock: systemClock, ids: { next: randomUUID } }, path)
  store.take()
  const result = await CHANGES[change]!(table)
  const changed: Changed = { ...result, requests: store.take().map((request) => request.split(' ')[0]!) }
  process.stdout.write(JSON.stringify(changed))
}

if (import.meta.main) await main(process.argv[2] ?? '', process.argv[3] ?? '', process.argv[4] ?? '')
