import { failedSummary } from '#cli/failed-results.ts'
import type { Terminal } from '#cli/terminal.ts'
import { alignTable, count } from '#cli/text.ts'
import type { DataFolder } from '#local/data-folder.ts'
import type { FedInput } from '#local/feed-inputs.ts'
import type { LocalCounts, LocalPipeline } from '#local/local-pipeline.ts'
import type { FailedResult } from '#runtime/close-item.ts'
import { openTable } from '#runtime/open-table.ts'
import { plannedTables } from '#runtime/tables.ts'

export interface RunSummary {
  readonly pipeline: string
  readonly dataFolder: string
  /** By file the records that this run has fed; `fedBefore`: none, because the topic had all of its content. */
  readonly inputs: readonly {
    readonly file: string
    readonly records: number
    readonly malformed: number
    readonly fedBefore: boolean
  }[]
  readonly records: LocalCounts
  /** Rows of closed windows that could not be made. */
  readonly failed: readonly FailedResult[]
  readonly tables: readonly {
    readonly name: string
    readonly rows: number
    readonly files: number
    readonly version: number
  }[]
  /** Since the process began, until records could flow (the inputs are identified by then); until the end. */
  readonly readySeconds: number
  readonly seconds: number
  readonly recordsPerSecond: number
  readonly peakMemoryMb: number
  readonly cpuSeconds: number
}

/** Reads what the tables hold now: one snapshot a table. */
export async function summarize(
  pipeline: LocalPipeline,
  folder: DataFolder,
  fed: readonly FedInput[],
  readySeconds: number,
): Promise<RunSummary> {
  const { runtime } = pipeline
  const tables = []
  for (const { name } of plannedTables(runtime.plan)) {
    const snapshot = await (await openTable(runtime, name)).snapshot()
    tables.push({ name, rows: snapshot.totalRows() ?? 0, files: snapshot.files.length, version: snapshot.version })
  }
  const records = await pipeline.counts()
  const failed = await pipeline.failedResults()
  const usage = process.resourceUsage()
  const seconds = performance.now() / 1000
  return {
    pipeline: runtime.plan.name,
    dataFolder: folder.path,
    inputs: fed.map(({ path, records, malformed, fedBefore }) => ({ file: path, records, malformed, fedBefore })),
    records,
    failed,
    tables,
    readySeconds,
    seconds,
    recordsPerSecond: records.read / seconds,
    peakMemoryMb: usage.maxRSS / 1024,
    cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
  }
}

export function printSummary(terminal: Terminal, summary: RunSummary): void {
  const { records, tables } = summary
  const partly = records.partlyLate === 0 ? '' : ` (${count(records.partlyLate)} of the counted missed a window)`
  terminal.out(
    `${count(records.read)} records read = ${count(records.counted)} counted + ${count(records.late)} late + ` +
      `${count(records.quarantined)} quarantined${partly}\n${lateHint(records, summary.pipeline)}\n`,
  )
  const rows = tables.map(({ name, rows, files, version }) => [name, count(rows), count(files), String(version)])
  terminal.out(alignTable(['table', 'rows', 'files', 'version'], rows, [1, 2, 3]))
  terminal.out(
    `\n${summary.seconds.toFixed(1)} s, ${count(Math.round(summary.recordsPerSecond))} records/s, ` +
      `${summary.cpuSeconds.toFixed(1)} CPU s, peak memory ${Math.round(summary.peakMemoryMb)} MB · ${summary.dataFolder}\n`,
  )
  terminal.err(failedSummary(summary.failed))
}

/** What is late depends on how far windows had closed by then: a user should know that more of it can be had. */
function lateHint({ late, partlyLate }: LocalCounts, pipeline: string): string {
  if (late + partlyLate === 0) return ''
  return (
    `late.${pipeline} says which records came after their windows had closed, and by how much. Feed files oldest first; where records ` +
    "themselves come later than declared, raise the topic's outOfOrder or the windows' grace.\n"
  )
}
