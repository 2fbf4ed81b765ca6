import { describe, expect, test } from 'vitest'
import { S3_ENDPOINT } from '../support/s3-bucket.ts'
import { type WritersOptions, writersRun } from '../writers/writers-run.ts'

const SOME: WritersOptions = {
  store: 'directory',
  writers: 8,
  appends: 10,
  faults: 0,
  kill: false,
  seed: 8,
  log: () => {},
}

describe('Processes that append to one table at once', () => {
  test.each([
    ['on one disk', {}],
    ['on one disk, with faults', { faults: 0.05 }],
    [
      'on one disk, killed and started again, and VACUUM removes what they left',
      { faults: 0.05, kill: true, appends: 25 },
    ],
  ] as const)('lose nothing and double nothing %s', async (_, options) => {
    const report = await writersRun({ ...SOME, ...options })
    expect(report.problems).toEqual([])
    expect(report.kills > 0).toBe('kill' in options)
    expect(report.left > 0).toBe('kill' in options)
  })

  describe.skipIf(S3_ENDPOINT === undefined)('on an S3 service', () => {
    test.each([
      ['without faults', {}],
      ['with lost answers, conflicts and stale lists', { faults: 0.05 }],
      ['killed and started again, and VACUUM removes what they left', { faults: 0.05, kill: true, appends: 15 }],
    ] as const)('lose nothing and double nothing %s', async (_, options) => {
      const report = await writersRun({ ...SOME, store: 's3', ...options })
      expect(report.problems).toEqual([])
      expect(report.kills > 0).toBe('kill' in options)
      expect(report.left > 0).toBe('kill' in options)
    })
  })
})
