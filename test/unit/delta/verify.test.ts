import { expect, it } from 'vitest'
import { foreignCommit, LOG, putText, TABLE, tableOf, textAt, versionName } from './fixtures.ts'

const CHECKSUM = `${LOG}/${versionName(2)}.crc`

/** A table of two versions, the checksum of the last one changed. */
async function tableWith(change: (checksum: Record<string, unknown>) => unknown) {
  const made = await tableOf(2)
  const changed = change(JSON.parse(await textAt(made.memory, CHECKSUM)))
  await putText(made.memory, CHECKSUM, JSON.stringify(changed))
  return made
}

it('A version that is as its checksum says is verified', async () => {
  const { table } = await tableOf(2)
  expect((await table.snapshot({ verify: true })).version).toBe(2)
})

it('A version without a checksum has nothing to be verified by', async () => {
  const { table, memory } = await tableOf(2)
  await foreignCommit(memory, 3, [])
  expect((await table.snapshot({ verify: true })).version).toBe(3)
})

it('A wrong checksum is DELTA_CHECKSUM_MISMATCH, which says what differs', async () => {
  const { table } = await tableWith((checksum) => ({ ...checksum, numFiles: 3, tableSizeBytes: 300 }))
  await expect(table.snapshot({ verify: true })).rejects.toMatchObject({
    code: 'DELTA_CHECKSUM_MISMATCH',
    message: `Expected version 2 of ${TABLE} to be as its checksum ${CHECKSUM} says, but files: it has 3, the log 2; bytes: it has 300, the log 200. Either the log or the checksum is damaged: compare with a copy, and delete the checksum if it is the wrong one.`,
  })
  expect((await table.snapshot()).files).toHaveLength(2)
})

it.each<[string, (checksum: Record<string, unknown>) => unknown]>([
  ['the protocol', (checksum) => ({ ...checksum, protocol: { minReaderVersion: 1, minWriterVersion: 3 } })],
  ['the id', (checksum) => ({ ...checksum, metadata: { ...(checksum.metadata as object), id: 'other' } })],
  ['the schema', (checksum) => ({ ...checksum, metadata: { ...(checksum.metadata as object), schemaString: '{' } })],
  [
    'partition columns',
    (checksum) => ({ ...checksum, metadata: { ...(checksum.metadata as object), partitionColumns: ['id'] } }),
  ],
  [
    'properties',
    (checksum) => ({ ...checksum, metadata: { ...(checksum.metadata as object), configuration: { a: 'b' } } }),
  ],
  ['transactions', (checksum) => ({ ...checksum, setTransactions: [{ appId: 'app', version: 1 }] })],
  ['domains', (checksum) => ({ ...checksum, domainMetadata: [{ domain: 'd', configuration: '{}', removed: false }] })],
  ['it is not a JSON object', () => 7],
])('A checksum with another value is told: %s', async (what, change) => {
  const { table } = await tableWith(change)
  await expect(table.snapshot({ verify: true })).rejects.toMatchObject({
    details: { differences: [expect.stringContaining(what)] },
  })
})

it('A checksum without what is optional is verified by the rest', async () => {
  const { table } = await tableWith(({ setTransactions: _, ...checksum }) => checksum)
  expect((await table.snapshot({ verify: true })).version).toBe(2)
})
