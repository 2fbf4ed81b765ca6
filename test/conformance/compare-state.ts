import { isDeepStrictEqual } from 'node:util'
import type { AddFile, Protocol } from '#delta/actions.ts'
import type { Snapshot } from '#delta/table.ts'
import { type Case, type ExpectedState, expectedJson } from './case.ts'

/** Differences of the latest version's protocol, schema, properties, transactions and active files. */
export function compareState(snapshot: Snapshot, test: Case): readonly string[] {
  const { latestVersion } = test.json
  const found = latestVersion == null ? [] : [difference('latest version', snapshot.version, latestVersion)]
  const state = expectedJson<ExpectedState>(test, 'expected_state.json')
  if (state !== undefined) {
    found.push(
      difference('version', snapshot.version, state.version),
      difference('protocol', protocolOf(snapshot.protocol), protocolOf(state.protocol)),
      difference('schema', snapshot.schema, JSON.parse(state.schemaString)),
      difference('partition columns', snapshot.metadata.partitionColumns, state.partitionColumns),
      difference('configuration', snapshot.metadata.configuration, state.configuration),
      difference('transactions', Object.fromEntries(snapshot.txns), state.txn),
      difference('active files', files(snapshot.files), files(state.activeFiles)),
    )
  }
  return found.filter((text) => text !== undefined)
}

function protocolOf({ minReaderVersion, minWriterVersion, readerFeatures, writerFeatures }: Protocol): unknown {
  return [minReaderVersion, minWriterVersion, [...(readerFeatures ?? [])].sort(), [...(writerFeatures ?? [])].sort()]
}

type ActiveFile = Pick<AddFile, 'path' | 'size' | 'partitionValues'> & { readonly deletionVector?: object }

function files(active: readonly ActiveFile[]): unknown {
  const known = active.map(({ path, size, partitionValues, deletionVector }) => ({
    path,
    size,
    partitionValues: { ...partitionValues },
    deletionVector: withoutNulls(deletionVector),
  }))
  return known.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

function withoutNulls(vector: object | undefined): unknown {
  return vector && Object.fromEntries(Object.entries(vector).filter(([, value]) => value !== null))
}

function difference(what: string, found: unknown, expected: unknown): string | undefined {
  if (isDeepStrictEqual(found, expected)) return undefined
  return `${what}: expected ${brief(expected)}, found ${brief(found)}`
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 600 ? `${text.slice(0, 600)}…` : text
}
