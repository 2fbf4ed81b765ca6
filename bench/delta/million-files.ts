/**
 * node bench/delta/million-files.ts: what a checkpoint and an append of a table of a million files take. The table is a first commit, a
 * checkpoint with a million files of 22 columns of statistics, and ten appends; its data files are not there, which neither needs.
 */

import { once } from 'node:events'
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { checkpointColumns } from '#delta/checkpoint-columns.ts'
import { DeltaTable } from '#delta/table.ts'
import { ParquetRowsWriter } from '#parquet/rows-writer.ts'
import { CRIME_FIELDS } from './crime-columns.ts'
import { measured, report } from './measure.ts'

const FILES = 1_000_000
const TABLE = 'silver/crimes'

function depsOf(folder: string) {
  return { store: new DirectoryObjectStore(folder), clock: systemClock, ids: randomIds }
}

function addOf(i: number) {
  const bounds = { id: i * 1000, district: '001', date: '2018-06-01T00:00:00.000Z', block: `${i}XX N STATE ST` }
  return {
    path: `part-${String(i).padStart(8, '0')}-b3a1-4c5e-9d2f-${(i * 7919).toString(16).padStart(12, '0')}.zstd.parquet`,
    partitionValues: {},
    size: 40_000 + (i % 1000),
    modificationTime: 1_527_811_200_000 + i,
    dataChange: false,
    stats: JSON.stringify({
      numRecords: 1000,
      minValues: bounds,
      maxValues: bounds,
      nullCount: { id: 0, district: 0 },
    }),
  }
}

/** Makes the table; its own process, so that what follows starts afresh. */
async function make(folder: string): Promise<void> {
  const table = await DeltaTable.openOrCreate(depsOf(folder), TABLE, { fields: CRIME_FIELDS })
  const { metadata, protocol } = await table.appendState()
  const writer = new ParquetRowsWriter(checkpointColumns({ protocol, domains: new Map() }), { rowGroupRows: 50_000 })
  const log = join(folder, TABLE, '_delta_log')
  mkdirSync(log, { recursive: true })
  const file = createWriteStream(join(log, `${'0'.repeat(20)}.checkpoint.parquet`))
  for (const piece of writer.add([{ protocol }, { metaData: metadata }])) file.write(piece)
  for (let from = 0; from < FILES; from += 10_000) {
    const adds = Array.from({ length: 10_000 }, (_, i) => ({ add: addOf(from + i) }))
    for (const piece of writer.add(adds)) if (!file.write(piece)) await once(file, 'drain')
  }
  for (const piece of writer.finish().pieces) file.write(piece)
  file.end()
  await once(file, 'finish')
  await depsOf(folder).store.put(
    `${TABLE}/_delta_log/_last_checkpoint`,
    new TextEncoder().encode('{"version":0,"size":1}'),
  )
  for (let i = 0; i < 10; i++) await append(folder, FILES + i)
}

async function append(folder: string, i: number): Promise<void> {
  const table = await DeltaTable.open(depsOf(folder), TABLE)
  const { version } = await table.appendState()
  await table.commit({ readVersion: version, adds: [{ ...addOf(i), dataChange: true }], txns: [] })
}

const TASKS: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  make,
  'append to 1,000,000 files': (folder) => append(folder, 2 * FILES),
  'checkpoint of 1,000,000 files': async (folder) => (await DeltaTable.open(depsOf(folder), TABLE)).checkpoint(),
}

const [task, folder] = process.argv.slice(2)
if (task !== undefined && folder !== undefined) {
  await report(async () => {
    await TASKS[task]!(folder)
    return undefined
  })
} else {
  const own = mkdtempSync(join(tmpdir(), 'sluice-files-'))
  try {
    for (const name of Object.keys(TASKS)) {
      const { wall, cpu, rssMb } = await measured(process.execPath, [import.meta.filename, name, own])
      process.stdout.write(`${name}: ${wall.toFixed(2)} s, ${cpu.toFixed(2)} CPU s, peak ${rssMb.toFixed(0)} MB\n`)
    }
  } finally {
    rmSync(own, { recursive: true })
  }
}
