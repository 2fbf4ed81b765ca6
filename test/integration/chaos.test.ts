import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { givenServices } from '../chaos/chaos-run.ts'

const run = promisify(execFile)
const COMMAND = fileURLToPath(new URL('../chaos/chaos-run.ts', import.meta.url))
const OPTIONS = ['--given', '--records', '50000', '--minutes', '0.25', '--freeze', '4']

describe.skipIf(givenServices() === undefined)('Processes on Kafka, DynamoDB Local and S3', () => {
  // By its command: a fingerprint has the text of functions in it, which is another one where sources are transformed.
  test('lose nothing and double nothing when they are killed, stand still and fight over partitions', {
    timeout: 240_000,
  }, async () => {
    const { stdout } = await run(process.execPath, [COMMAND, ...OPTIONS])
    const [report = '', verdict] = stdout.trim().split('\n')
    expect(verdict).toBe('seed 1: 0 lost, 0 doubled')
    const { records, kills, freezes, late, corrected } = JSON.parse(report) as Readonly<Record<string, number>>
    expect(records).toBe(50_000)
    expect(kills).toBeGreaterThanOrEqual(9)
    expect(freezes).toBeGreaterThanOrEqual(2)
    expect(late).toBeGreaterThan(0)
    expect(corrected).toBeGreaterThan(0)
  })
})
