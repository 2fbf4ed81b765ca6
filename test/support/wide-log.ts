import type { Protocol } from '#delta/actions.ts'
import { checkpointColumns } from '#delta/checkpoint-columns.ts'
import { encodeChecksum } from '#delta/checksum.ts'
import { LogPaths } from '#delta/log.ts'
import { encodeRows, type InputRow } from '#parquet/rows-writer.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** A log of many files that were never written: what other writers leave, made in seconds. */
export interface WideLog {
  readonly files: number
  /** Commits since the checkpoint, a file each; without a checkpoint the log begins with version 0, which adds all the others. */
  readonly tail: number
  readonly checkpoint: boolean
  /** Whether the latest version has a checksum with everything in it. */
  readonly checksum: boolean
  /** By how many values of a column `day` the files are partitioned; without, by none. */
  readonly days?: number
}

const PART_ROWS = 100_000
const FILE_SIZE = 1_000
const PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 2 }
const ID = { name: 'id', type: 'long', nullable: false, metadata: {} }
const DAY = { name: 'day', type: 'string', nullable: true, metadata: {} }

const metadataOf = ({ days }: WideLog) => ({
  id: 'a2f4c6e8-0000-4000-8000-000000000001',
  format: { provider: 'parquet', options: {} },
  schemaString: JSON.stringify({ type: 'struct', fields: days === undefined ? [ID] : [ID, DAY] }),
  partitionColumns: days === undefined ? [] : ['day'],
  configuration: {},
  createdTime: 0,
})
const TXN = { appId: 'writer', version: 7, lastUpdated: 0 }

/** As hard to compress as the real ones. */
function guid(index: number): string {
  const words = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f].map((seed) => {
    const mixed = Math.imul((index + 1) ^ (seed >>> 7), seed)
    return (Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0).toString(16).padStart(8, '0')
  })
  return words.join('-')
}

const file = (index: number, { days }: WideLog) => ({
  path: `part-${guid(index)}.zstd.parquet`,
  partitionValues: days === undefined ? {} : { day: String(index % days) },
  size: FILE_SIZE,
  modificationTime: 0,
  dataChange: true,
  stats: `{"numRecords":10,"minValues":{"id":${index * 10}},"maxValues":{"id":${index * 10 + 9}},"nullCount":{"id":0}}`,
})

/** @returns the latest version */
export async function writeWideLog(store: ObjectStore, table: string, log: WideLog): Promise<number> {
  const paths = new LogPaths(table)
  const latest = log.tail
  const metadata = metadataOf(log)
  const before = log.files - log.tail
  const first = [{ protocol: PROTOCOL }, { metaData: metadata }, { txn: TXN }]
  if (log.checkpoint) await writeParts(store, paths, first, before, log)
  else
    await store.put(
      paths.commit(0),
      lines([...first, ...Array.from({ length: before }, (_, i) => ({ add: file(i, log) }))]),
    )
  for (let version = 1; version <= latest; version++) {
    await store.put(paths.commit(version), lines([{ add: file(before + version - 1, log) }]))
  }
  if (log.checksum) {
    const counts = { numFiles: log.files, tableSizeBytes: log.files * FILE_SIZE }
    const state = {
      version: latest,
      protocol: PROTOCOL,
      metadata,
      txns: new Map([[TXN.appId, TXN]]),
      ...counts,
    }
    await store.put(paths.checksum(latest), encodeChecksum(state, undefined)!)
  }
  return latest
}

/** A checkpoint of version 0 in as many parts as keep this process small, with the hint to it. */
async function writeParts(
  store: ObjectStore,
  paths: LogPaths,
  first: readonly object[],
  files: number,
  log: WideLog,
): Promise<void> {
  const parts = Math.max(1, Math.ceil(files / PART_ROWS))
  const ten = (value: number): string => String(value).padStart(10, '0')
  for (let part = 0; part < parts; part++) {
    const from = part * PART_ROWS
    const adds = Array.from({ length: Math.min(PART_ROWS, files - from) }, (_, i) => ({ add: file(from + i, log) }))
    const rows = (part === 0 ? [...first, ...adds] : adds) as InputRow[]
    const name =
      parts === 1
        ? paths.checkpoint(0)
        : `${paths.folder}${'0'.repeat(20)}.checkpoint.${ten(part + 1)}.${ten(parts)}.parquet`
    await store.put(name, encodeRows(COLUMNS, rows).bytes)
  }
  const hint = { version: 0, size: files + first.length, ...(parts === 1 ? {} : { parts }) }
  await store.put(paths.lastCheckpoint(), new TextEncoder().encode(JSON.stringify(hint)))
}

const COLUMNS = checkpointColumns({ protocol: PROTOCOL, domains: new Map() })

function lines(actions: readonly object[]): Uint8Array {
  return new TextEncoder().encode(actions.map((action) => `${JSON.stringify(action)}\n`).join(''))
}
