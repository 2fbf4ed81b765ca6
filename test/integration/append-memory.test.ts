import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createTemporaryFolder } from '../support/temp.ts'
import type { AppendCost } from './append-child.ts'

const CHILD = fileURLToPath(new URL('./append-child.ts', import.meta.url))

test('An append of a million row objects of 22 columns takes less than 400 MB, with nothing said about memory to Node', async () => {
  using folder = createTemporaryFolder()
  const { NODE_OPTIONS: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, folder.path], { env })
  const { rows, peakMegabytes } = JSON.parse(stdout) as AppendCost
  expect(rows).toBe(1_000_000)
  expect(peakMegabytes).toBeLessThan(400)
})
