import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { unexpected } from '../kill/expected-results.ts'
import { readLake } from '../kill/read-run.ts'

const command = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url))
const data = fileURLToPath(new URL('../../../shared/data/crimes/', import.meta.url))
const june = 'crimes_2018-06.csv'
const july = 'crimes_2018-07.csv'
const sortedJuly = 'crimes_2018-07_sorted_22col.csv'

/** [inputs, partitions, records a batch]. Batches of 1 take two minutes each: only when the environment asks for all. */
const CASES: readonly (readonly [readonly string[], number, number])[] = [
  ...[1, 3, 6, 12].flatMap((partitions) => [500, 10_000].map((batch) => [[june], partitions, batch] as const)),
  [[june], 3, 7],
  [[july], 6, 10_000],
  [[july], 12, 500],
  [[sortedJuly], 1, 10_000],
  [[sortedJuly], 12, 500],
  [[june, july], 6, 10_000],
  [[june, july], 12, 500],
  ...(process.env['SLUICE_ALL_BATCHES'] === undefined ? [] : [[[june], 6, 1] as const, [[july], 12, 7] as const]),
]

/** What the gold tables have otherwise than expected. */
async function differencesOf(inputs: readonly string[], args: readonly string[], env: NodeJS.ProcessEnv) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-expected-'))
  try {
    const files = inputs.flatMap((input) => ['--input', join(data, input)])
    const run = ['run', 'crimes', '--quiet', '--no-sql', '--data', folder, ...args, ...files]
    const { status, stderr } = spawnSync(process.execPath, [command, ...run], { env, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    return unexpected(await readLake(folder), inputs)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe.skipIf(!existsSync(data))("The months' gold tables (the folder of shared test data)", () => {
  const { KAFKA_BROKERS: brokers, DATABASE_URL: _, ...env } = process.env

  test.each(CASES)('are as expected for %j on %i partitions, %i records a batch', async (inputs, partitions, batch) => {
    const args = ['--partitions', String(partitions), '--batch-size', String(batch)]
    expect(await differencesOf(inputs, args, env)).toEqual([])
  })

  test.skipIf(brokers === undefined)('are as expected through a broker (KAFKA_BROKERS)', async () => {
    const topic = ['--topic', `expected-${process.pid}`, '--partitions', '3']
    expect(await differencesOf([june, july], topic, { ...env, KAFKA_BROKERS: brokers })).toEqual([])
  })
})
