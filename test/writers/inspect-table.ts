import { LogPaths } from '#delta/log.ts'
import { parseCommit } from '#delta/parse.ts'
import { DeltaTable } from '#delta/table.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import { appIdOf, depsOn, type Place, ROWS, storeAt, TABLE } from './writer.ts'

export interface Findings {
  readonly appends: number
  readonly versions: number
  /** Data files that no commit names: of appends that were given up or killed. VACUUM has deleted these and nothing else. */
  readonly orphans: number
  /** What is not as it must be; empty if all is well. */
  readonly problems: readonly string[]
}

interface Expected {
  readonly writers: number
  readonly appends: number
  /** Data files whose writers were killed before they could commit them. */
  readonly left: readonly string[]
}

/** Reads the whole log, all rows and the checksum of a table to which writers have appended, then lets VACUUM clean it. */
export async function inspect(place: Place, expected: Expected): Promise<Findings> {
  const store = await storeAt(place)
  const problems: string[] = []
  const log = await readLog(store)
  log.versions.forEach((version, i) => {
    if (version !== i) problems.push(`version ${version} follows ${i - 1}`)
  })
  const total = expected.writers * expected.appends
  if (log.versions.length !== total + 1) problems.push(`${log.versions.length} versions for ${total} appends`)
  for (let writer = 0; writer < expected.writers; writer++) {
    const versions = log.txns.get(appIdOf(writer)) ?? []
    const wanted = Array.from({ length: expected.appends }, (_, i) => i + 1)
    if (versions.join() !== wanted.join()) problems.push(`transactions of writer ${writer}: ${versions.join()}`)
  }
  const table = await DeltaTable.open(depsOn(store), TABLE)
  problems.push(...(await wrongRows(table, expected)), ...(await wrongState(table)))
  const named = new Set(log.files)
  const orphans = log.dataFiles.filter((file) => !named.has(file)).sort()
  const unknown = expected.left.filter((file) => !orphans.includes(file))
  if (unknown.length > 0) problems.push(`files of killed writers are not left over: ${unknown.join()}`)
  if (named.size !== log.files.length) problems.push(`${log.files.length - named.size} files were added twice`)
  problems.push(...(await wrongAfterVacuum(store, table, expected, orphans)))
  return { appends: log.files.length, versions: log.versions.length, orphans: orphans.length, problems }
}

/** Nobody writes any more, so that VACUUM may take all that no version names: that, and nothing else. */
async function wrongAfterVacuum(
  store: ObjectStore,
  table: DeltaTable,
  expected: Expected,
  orphans: readonly string[],
): Promise<string[]> {
  const dry = await table.vacuum({ olderThan: '0 seconds', force: true, dryRun: true })
  const { paths } = await table.vacuum({ olderThan: '0 seconds', force: true })
  const again = await table.vacuum({ olderThan: '0 seconds', force: true })
  const problems = await wrongRows(table, expected)
  const wanted = orphans.map((file) => `${TABLE}/${file}`).join()
  if (dry.paths.join() !== wanted) problems.push(`VACUUM would delete ${dry.paths.length} files of ${orphans.length}`)
  if (paths.join() !== wanted)
    problems.push(`VACUUM deleted ${paths.length} files of ${orphans.length}: ${paths.join()}`)
  if (again.paths.length !== 0) problems.push(`VACUUM left ${again.paths.length} files`)
  const { files, dataFiles } = await readLog(store)
  if (dataFiles.sort().join() !== [...files].sort().join())
    problems.push('after VACUUM there are other files than the log names')
  return problems
}

async function readLog(store: ObjectStore) {
  const { folder, table } = new LogPaths(TABLE)
  const versions: number[] = []
  const dataFiles: string[] = []
  const paths: string[] = []
  for await (const { path } of store.list(table)) {
    if (/_delta_log\/\d{20}\.json$/.test(path)) paths.push(path)
    else if (path.endsWith('.parquet') && !path.startsWith(folder)) dataFiles.push(path.slice(table.length))
  }
  const files: string[] = []
  const txns = new Map<string, number[]>()
  for (const path of paths) {
    versions.push(Number.parseInt(path.slice(folder.length), 10))
    const actions = parseCommit(await store.get(path), path)
    files.push(...actions.adds.map((add) => decodeURIComponent(add.path)))
    for (const { appId, version } of actions.txns) txns.set(appId, [...(txns.get(appId) ?? []), version])
  }
  return { versions, files, txns, dataFiles }
}

async function wrongRows(table: DeltaTable, { writers, appends }: Expected): Promise<string[]> {
  const seen = new Map<string, number>()
  for await (const run of (await table.snapshot()).rows()) {
    for (const row of run)
      seen.set(`${row['writer']}/${row['append']}`, (seen.get(`${row['writer']}/${row['append']}`) ?? 0) + 1)
  }
  const problems: string[] = []
  for (let writer = 0; writer < writers; writer++) {
    for (let append = 1; append <= appends; append++) {
      const rows = seen.get(`${writer}/${append}`) ?? 0
      if (rows !== ROWS) problems.push(`append ${append} of writer ${writer} has ${rows} rows of ${ROWS}`)
    }
  }
  if (seen.size > writers * appends) problems.push(`rows of ${seen.size} appends`)
  return problems
}

/** The checksums lead to the same state as the replay of all commits. */
async function wrongState(table: DeltaTable): Promise<string[]> {
  const snapshot = await table.snapshot()
  const state = await table.appendState()
  const bySum = JSON.stringify([state.version, state.numFiles, state.totalBytes, [...state.txns].sort()])
  const byLog = JSON.stringify([
    snapshot.version,
    snapshot.files.length,
    snapshot.totalBytes,
    [...snapshot.txns].sort(),
  ])
  return bySum === byLog ? [] : [`the checksum says ${bySum.slice(0, 60)}, the log ${byLog.slice(0, 60)}`]
}
