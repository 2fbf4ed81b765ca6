import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { isSluiceError } from '#core/errors.ts'
import { DeltaTable } from '#delta/table.ts'
import type { Case } from './case.ts'
import { compareChanges } from './compare-changes.ts'
import { compareRows, compareWithParquet, parquetRows } from './compare-rows.ts'
import { compareState } from './compare-state.ts'

export interface CaseResult {
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped. */
  readonly reasons: readonly string[]
  /** What is right, but not as every answer of the case has it. */
  readonly notes?: readonly string[]
  /** Features for which the table was refused: it passed without being read. */
  readonly refused?: readonly string[]
}

const TABLE = 'delta'

/** Runs one case. `unsupported`: features that the docs say are refused. */
export async function runCase(test: Case, unsupported: ReadonlySet<string>): Promise<CaseResult> {
  try {
    if (test.kind === 'negative') return await runNegative(test)
    if (test.kind === 'writer') return verdict(await runWriter(test))
    if (test.kind !== 'read' && test.kind !== 'log-only') {
      return { outcome: 'skipped', reasons: [`a kind of case that the runner does not know: ${test.kind}`] }
    }
    const table = await openTable(test.folder)
    const latest = await table.snapshot()
    const found = [...compareState(latest, test)]
    const rows = test.kind === 'read' ? await compareRows(table, latest, test) : { differences: [], notes: [] }
    found.push(...rows.differences, ...(await compareChanges(table, latest, test)))
    return { ...verdict(found), ...(rows.notes.length === 0 ? {} : { notes: rows.notes }) }
  } catch (error) {
    const refused = refusedFeatures(error)
    if (refused.length > 0 && refused.every((feature) => unsupported.has(feature))) {
      return { outcome: 'passed', reasons: [], refused }
    }
    return { outcome: 'failed', reasons: [error instanceof Error ? (error.stack ?? error.message) : String(error)] }
  }
}

function verdict(reasons: readonly string[]): CaseResult {
  return { outcome: reasons.length === 0 ? 'passed' : 'failed', reasons }
}

function refusedFeatures(error: unknown): readonly string[] {
  if (!isSluiceError(error, 'DELTA_FEATURE_UNSUPPORTED')) return []
  const { features, type } = error.details
  if (Array.isArray(features)) return features as readonly string[]
  return typeof type === 'string' ? [type] : []
}

/** It must fail to open or to be read, and by an error that says why. */
async function runNegative(test: Case): Promise<CaseResult> {
  try {
    const snapshot = await (await openTable(test.folder)).snapshot()
    for await (const _ of snapshot.rows());
  } catch (error) {
    if (isSluiceError(error)) return { outcome: 'passed', reasons: [] }
    return { outcome: 'failed', reasons: [`it fails, but with no error of ours: ${error}`] }
  }
  return { outcome: 'failed', reasons: ['expected a table that can not be read, but it was'] }
}

/** Appends the rows of `other/` to a copy of the table: they must come back as upstream's own append of them. */
async function runWriter(test: Case): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-conformance-'))
  try {
    cpSync(join(test.folder, TABLE), join(folder, TABLE), { recursive: true })
    const table = await openTable(folder)
    for (const file of parquetFiles(join(test.folder, 'other'))) await table.append(await parquetRows([file]))
    const expected = parquetFiles(join(test.folder, 'expected', 'post_append'))
    return await compareWithParquet(await table.snapshot(), expected)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function parquetFiles(folder: string): readonly string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.parquet'))
  return files.sort().map((file) => join(folder, file))
}

function openTable(folder: string): Promise<DeltaTable> {
  return DeltaTable.open(portsOf(folder), TABLE)
}

function portsOf(folder: string) {
  return { store: new DirectoryObjectStore(folder), clock: systemClock, ids: randomIds }
}
