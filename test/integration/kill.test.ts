import { describe, expect, test } from 'vitest'
import { killRun } from '../kill/kill-run.ts'

describe('A run that is killed and started again', () => {
  test.each([
    ['in one thread, with Postgres', [], true],
    ['in two threads', ['--workers', '2'], false],
  ] as const)('ends in the same tables %s', async (_, extra, sql) => {
    const report = await killRun({ kills: 4, seed: 8, inputs: [], records: 8_000, extra, sql, log: () => {} })
    expect(report).toEqual({ kills: 4, finishedEarly: report.finishedEarly, differences: [] })
  })
})
