import type { Bytes } from '#core/time.ts'
import { type AddFile, fileKey } from '#delta/actions.ts'
import { resolveColumn } from '#delta/column-path.ts'
import { fileStatistics } from '#delta/file-bounds.ts'
import type { FileChoice, OpenedVersion } from '#delta/opened-version.ts'
import { orderingOf } from '#delta/ordering.ts'
import { compilePredicate, type Predicate } from '#delta/predicate.ts'
import { decimalType } from '#delta/scalar.ts'
import { numRecords } from '#delta/stats.ts'

/** Which files of a version are worth writing anew, and which of them together. */

export interface OptimizeShape {
  /** Size of the files to make. */
  readonly targetBytes: Bytes
  /** Only files that may have rows for which it holds. */
  readonly where?: Predicate
  /** Columns by which rows are sorted; none: rows stay in their order. */
  readonly clusterBy: readonly string[]
}

/** Files of one partition that become one file, or, sorted, a few. */
export type Bin = readonly AddFile[]

/** By which columns, in `add.tags`, the rows of a file are sorted: it is not sorted again. */
export const SORTED_BY = 'sluice.sortedBy'
/** A file is small below this part of the target; one of whose rows so many are deleted is worth writing anew. */
const SMALL = 0.75
const DELETED = 0.05
/** Files that are sorted together, in targets. */
const SORTED_TARGETS = 8

/** Files that may be written anew, each by itself. */
export function worthFiles({ where, clusterBy, targetBytes }: OptimizeShape): FileChoice {
  return ({ layout, paths }) => {
    const predicate = where === undefined ? null : compilePredicate(where, layout, paths.name)
    const isWhole = clusterBy.length === 0 ? (file: AddFile) => !hasManyDeleted(file) : isSortedBy(clusterBy)
    return (file) => {
      if (predicate !== null && !predicate.mayMatch(file)) return false
      return file.size < targetBytes * SMALL || !isWhole(file)
    }
  }
}

/** @param version opened with `worthFiles` */
export function planBins(version: OpenedVersion, shape: OptimizeShape): readonly Bin[] {
  const partitions = new Map<string, AddFile[]>()
  for (const file of version.contents.files.values()) {
    const key = JSON.stringify(Object.entries(file.partitionValues).sort())
    const files = partitions.get(key)
    if (files === undefined) partitions.set(key, [file])
    else files.push(file)
  }
  const plan = shape.clusterBy.length === 0 ? packed : sorted
  return [...partitions.values()].flatMap((files) => plan(version, shape, files))
}

/** Whether all files of a bin are in the table as they were: `version` is opened with `worthFiles`, of which they were. */
export function isIntact(version: OpenedVersion, bin: Bin): boolean {
  return bin.every((file) => version.contents.files.has(fileKey(file)))
}

/** Small files next to each other in the log, so that rows that came together stay together. */
function packed(_: OpenedVersion, { targetBytes }: OptimizeShape, files: readonly AddFile[]): readonly Bin[] {
  return filled(files, targetBytes).filter((bin) => bin.length > 1 || bin.some(hasManyDeleted))
}

/** All files that are not sorted yet, and small sorted ones with them. */
function sorted(version: OpenedVersion, shape: OptimizeShape, files: readonly AddFile[]): readonly Bin[] {
  const isSorted = isSortedBy(shape.clusterBy)
  if (files.every(isSorted) && files.length < 2) return []
  return filled(byFirstColumn(version, shape.clusterBy[0]!, files), shape.targetBytes * SORTED_TARGETS).filter(
    (bin) => bin.length > 1 || !bin.every(isSorted),
  )
}

function isSortedBy(clusterBy: readonly string[]): (file: AddFile) => boolean {
  const by = clusterBy.join(',')
  return (file) => file.tags?.[SORTED_BY] === by && !hasManyDeleted(file)
}

function filled(files: readonly AddFile[], bytesMax: Bytes): readonly Bin[] {
  const bins: AddFile[][] = []
  let bytes = 0
  for (const file of files) {
    const bin = bins.at(-1)
    if (bin === undefined || bytes + file.size > bytesMax) {
      bins.push([file])
      bytes = file.size
    } else {
      bin.push(file)
      bytes += file.size
    }
  }
  return bins
}

/** Files whose rows overlap come into the same bin: by their lowest value. */
function byFirstColumn(version: OpenedVersion, name: string, files: readonly AddFile[]): readonly AddFile[] {
  const { layout, paths } = version
  const column = resolveColumn(name, layout, paths.name)
  const { type } = column
  const ordering = typeof type === 'string' ? orderingOf(type, decimalType(type)?.scale ?? 0) : undefined
  if (ordering === undefined) return files
  const withLow = files.map((file) => ({
    file,
    low: fileStatistics(file, layout, paths.name).bounds(column, ordering).low,
  }))
  return withLow
    .sort((a, b) => {
      if (a.low === undefined || b.low === undefined) return Number(b.low === undefined) - Number(a.low === undefined)
      return ordering.compare(a.low, b.low)
    })
    .map(({ file }) => file)
}

function hasManyDeleted(file: AddFile): boolean {
  if (file.deletionVector === undefined) return false
  const rows = numRecords(file.stats)
  return rows === undefined || file.deletionVector.cardinality >= rows * DELETED
}
