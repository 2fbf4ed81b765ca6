/** Changes rows of a table in a folder, in a process of its own whose heap is bounded: started by change-memory.test.ts. */
import { randomUUID } from 'node:crypto'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import type { WriteResult } from '#delta/opened-version.ts'
import { DeltaTable } from '#delta/table.ts'

const CHANGES: Readonly<Record<string, (table: DeltaTable) => Promise<WriteResult>>> = {
  delete: (table) => table.delete({ day: '7' }),
  overwrite: (table) => table.overwrite([{ id: 1, day: '8' }], { where: { day: '8' } }),
  update: (table) => table.update({ day: '10', id: -1 }, { id: 0 }),
  merge: (table) => table.merge([{ id: -1, day: '9' }], { on: ['id', 'day'] }),
  optimize: (table) => table.optimize({ where: { day: '11' }, dryRun: true }),
}

async function main(folder: string, path: string, change: string): Promise<void> {
  const store = new DirectoryObjectStore(folder)
  const table = await DeltaTable.open({ store, clock: systemClock, ids: { next: randomUUID } }, path)
  process.stdout.write(JSON.stringify(await CHANGES[change]!(table)))
}

if (import.meta.main) await main(process.argv[2] ?? '', process.argv[3] ?? '', process.argv[4] ?? '')
