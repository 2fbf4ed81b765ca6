import type { ScanBatch } from '#delta/scan.ts'
import type { AddFile, Snapshot } from '#delta/table.ts'
import { valueGetter } from '#parquet/reader.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { RecordPacker } from '#schema/record-packer.ts'

/** Records a batch, as a stage gets them at most. */
const BATCH_MAX = 10_000
/** Offsets that are read and put in order at once: what bounds the memory. */
const STEP = 50_000

/** Where the records of one bronze table lie. */
export interface BronzeRecords {
  /** Partitions that have records, ascending, with the offset of their last one. */
  readonly last: ReadonlyMap<number, number>
  /**
   * The records of a partition above an offset, as the topic had them: in offset order, whatever order the files are in.
   *
   * Cost: each file is read once for every 50,000 offsets of the partition that it may hold; memory for so many records.
   */
  read(partition: number, above: number): AsyncGenerator<RecordBatch, void, undefined>
}

interface Range {
  readonly first: number
  readonly last: number
}

interface IndexedFile {
  readonly file: AddFile
  readonly partitions: Range
  readonly offsets: Range
}

/**
 * The records of a bronze table as of one version. Files whose statistics are missing are read once for where their records lie.
 *
 * @throws SluiceError what `Snapshot.scan` throws
 */
export async function bronzeRecords(snapshot: Snapshot, topic: string): Promise<BronzeRecords> {
  const files: IndexedFile[] = []
  const last = new Map<number, number>()
  for (const file of snapshot.files) {
    const indexed = byStatistics(file) ?? (await byRows(snapshot, file))
    if (indexed !== null) files.push(indexed)
  }
  for (const indexed of files) {
    // Of a file with records of several partitions the statistics don't say whose offset is the last one.
    const single = indexed.partitions.first === indexed.partitions.last
    const lasts = single
      ? new Map([[indexed.partitions.first, indexed.offsets.last]])
      : await lastOffsets(snapshot, indexed.file)
    for (const [partition, offset] of lasts) last.set(partition, Math.max(offset, last.get(partition) ?? -1))
  }
  return {
    last: new Map([...last].sort(([a], [b]) => a - b)),
    read: (partition, above) => readPartition(snapshot, files, { topic, partition, above }),
  }
}

/** Undefined when the log does not say. */
function byStatistics(file: AddFile): IndexedFile | undefined {
  if (file.stats === undefined) return undefined
  const { minValues, maxValues } = JSON.parse(file.stats) as {
    readonly minValues?: Readonly<Record<string, unknown>>
    readonly maxValues?: Readonly<Record<string, unknown>>
  }
  const range = (column: string): Range | undefined => {
    const [first, last] = [minValues?.[column], maxValues?.[column]]
    return typeof first === 'number' && typeof last === 'number' ? { first, last } : undefined
  }
  const partitions = range('partition')
  const offsets = range('offset')
  return partitions === undefined || offsets === undefined ? undefined : { file, partitions, offsets }
}

/** Null for a file without rows. */
async function byRows(snapshot: Snapshot, file: AddFile): Promise<IndexedFile | null> {
  let partitions: Range | null = null
  let offsets: Range | null = null
  const wider = (range: Range | null, value: number): Range =>
    range === null
      ? { first: value, last: value }
      : { first: Math.min(range.first, value), last: Math.max(range.last, value) }
  for await (const { partition, offset } of places(snapshot, file)) {
    partitions = wider(partitions, partition)
    offsets = wider(offsets, offset)
  }
  return partitions === null || offsets === null ? null : { file, partitions, offsets }
}

async function lastOffsets(snapshot: Snapshot, file: AddFile): Promise<ReadonlyMap<number, number>> {
  const last = new Map<number, number>()
  for await (const { partition, offset } of places(snapshot, file)) {
    last.set(partition, Math.max(offset, last.get(partition) ?? -1))
  }
  return last
}

async function* places(snapshot: Snapshot, file: AddFile) {
  for await (const batch of snapshot.scan({ columns: ['partition', 'offset'], files: [file] })) {
    const partition = valueGetter(batch.columns.get('partition')!)
    const offset = valueGetter(batch.columns.get('offset')!)
    for (const row of rowsOf(batch)) yield { partition: partition(row) as number, offset: offset(row) as number }
  }
}

function* rowsOf({ rows, selected }: ScanBatch): Generator<number, void, undefined> {
  if (selected !== null) yield* selected
  else for (let row = 0; row < rows; row++) yield row
}

interface Wanted {
  readonly topic: string
  readonly partition: number
  readonly above: number
}

async function* readPartition(
  snapshot: Snapshot,
  files: readonly IndexedFile[],
  { topic, partition, above }: Wanted,
): AsyncGenerator<RecordBatch, void, undefined> {
  let left = files.filter(
    ({ partitions, offsets }) => partitions.first <= partition && partition <= partitions.last && offsets.last > above,
  )
  let from = above + 1
  while (left.length > 0) {
    const start = left.reduce((least, { offsets }) => Math.min(least, offsets.first), Number.POSITIVE_INFINITY)
    from = Math.max(from, start)
    const end = from + STEP
    const within = left.filter(({ offsets }) => offsets.first < end).map(({ file }) => file)
    yield* packed(topic, partition, await recordsOf(snapshot, within, partition, from, end))
    from = end
    left = left.filter(({ offsets }) => offsets.last >= end)
  }
}

interface BronzeRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[] | null
}

const COLUMNS = ['offset', 'append_time', 'key', 'value', 'headers']

async function recordsOf(
  snapshot: Snapshot,
  files: readonly AddFile[],
  partition: number,
  from: number,
  end: number,
): Promise<readonly BronzeRecord[]> {
  const records: BronzeRecord[] = []
  let ascending = true
  const where = { partition, offset: { gte: from, lt: end } }
  for await (const batch of snapshot.scan({ columns: COLUMNS, where, files })) {
    const [offset, timestamp, key, value, headers] = COLUMNS.map((name) => valueGetter(batch.columns.get(name)!))
    for (const row of rowsOf(batch)) {
      const record = {
        offset: offset!(row) as number,
        timestamp: timestamp!(row) as number,
        key: key!(row) as Uint8Array | null,
        value: value!(row) as Uint8Array | null,
        headers: headers!(row) as readonly RecordHeader[] | null,
      }
      ascending &&= records.length === 0 || records.at(-1)!.offset < record.offset
      records.push(record)
    }
  }
  return ascending ? records : records.sort((a, b) => a.offset - b.offset)
}

function* packed(
  topic: string,
  partition: number,
  records: readonly BronzeRecord[],
): Generator<RecordBatch, void, undefined> {
  for (let start = 0; start < records.length; start += BATCH_MAX) {
    const some = records.slice(start, start + BATCH_MAX)
    const packer = new RecordPacker()
    for (const { key, value, headers } of some) {
      packer.add(key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers)
    }
    const offsets = Float64Array.from(some, ({ offset }) => offset)
    const timestamps = Float64Array.from(some, ({ timestamp }) => timestamp)
    yield { ...packer.take(), topic, partition, offsets, timestamps }
  }
}
