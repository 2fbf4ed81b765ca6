import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metadata, Protocol } from '#delta/actions.ts'

/** One table of other people, with what it holds: a folder `<suite>/<case>/` of a set. */
export interface Case {
  /** `<suite>/<case>`. */
  readonly name: string
  readonly folder: string
  /** `read`, `negative`, `log-only`, `writer`. */
  readonly kind: string
  readonly json: CaseJson
}

interface CaseJson {
  readonly kind: string
  readonly latestVersion?: number | null
  /** Rows of the latest version; null where it has no data files. */
  readonly replayRows?: number | null
  readonly secondEngine?: {
    readonly versions?: Readonly<Record<string, { readonly rows?: number }>>
    /** Top-level columns that `expected_ndjson` has in base 64. */
    readonly base64Columns?: readonly string[]
  }
}

export interface ExpectedFile {
  readonly path: string
  readonly size: number
  readonly partitionValues: Readonly<Record<string, string | null>>
  readonly deletionVector?: Readonly<Record<string, unknown>>
  readonly rows?: number
}

export interface ExpectedState {
  readonly version: number
  readonly protocol: Protocol
  readonly partitionColumns: readonly string[]
  readonly configuration: Metadata['configuration']
  readonly schemaString: string
  readonly txn: Readonly<Record<string, number>>
  readonly activeFiles: readonly ExpectedFile[]
}

export interface ExpectedChanges {
  readonly startVersion: number
  readonly endVersion: number | null
  readonly predicate: unknown
  readonly columns: readonly string[]
  readonly rows: readonly Readonly<Record<string, string | null>>[]
}

/** All cases below a folder, by name. */
export function findCases(folder: string): readonly Case[] {
  const cases: Case[] = []
  for (const suite of folders(folder)) {
    for (const name of folders(join(folder, suite))) {
      const path = join(folder, suite, name)
      if (!existsSync(join(path, 'case.json'))) continue
      const json = readJson(join(path, 'case.json')) as CaseJson
      cases.push({ name: `${suite}/${name}`, folder: path, kind: json.kind, json })
    }
  }
  return cases
}

/** Undefined when the case has no such file. */
export function expectedJson<T>({ folder }: Case, file: string): T | undefined {
  const path = join(folder, file)
  return existsSync(path) ? (readJson(path) as T) : undefined
}

/** Rows of a version as one JSON object a line. */
export function expectedLines(
  { folder }: Case,
  version: string,
): readonly Readonly<Record<string, unknown>>[] | undefined {
  const path = join(folder, 'expected_ndjson', `${version}.ndjson`)
  if (!existsSync(path)) return undefined
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** Versions of which the rows are there, `latest` apart. */
export function expectedVersions({ folder, json }: Case): readonly number[] {
  const path = join(folder, 'expected_ndjson')
  const files = existsSync(path) ? readdirSync(path) : []
  const byRows = files.flatMap((file) => /^v(\d+)\.ndjson$/.exec(file)?.[1] ?? [])
  const counted = Object.entries(json.secondEngine?.versions ?? {})
  const byCount = counted.flatMap(([version, { rows }]) => (rows === undefined ? [] : version))
  const byParquet = parquetVersions(folder)
  return [...new Set([...byRows, ...byCount, ...byParquet].map(Number))].sort((a, b) => a - b)
}

/** Parquet files with the upstream answer of a version (`latest`, `v3`); none when there is none. */
export function expectedParquet({ folder }: Case, version: string): readonly string[] | undefined {
  const root = join(folder, 'expected')
  if (!existsSync(root)) return undefined
  const below = existsSync(join(root, version)) ? join(root, version) : version === 'latest' ? root : undefined
  if (below === undefined) return undefined
  const files = readdirSync(below).filter((file) => file.endsWith('.parquet'))
  // An answer without rows may have no file at all.
  return files.length > 0 || existsSync(join(below, '_SUCCESS')) ? files.map((file) => join(below, file)) : undefined
}

function parquetVersions(folder: string): readonly string[] {
  const root = join(folder, 'expected')
  return existsSync(root) ? folders(root).flatMap((name) => /^v(\d+)$/.exec(name)?.[1] ?? []) : []
}

function folders(path: string): readonly string[] {
  const entries = readdirSync(path, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
