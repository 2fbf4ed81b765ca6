import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { failedSummary } from '#cli/failed-results.ts'
import { BIN } from '../../cli/sluice.ts'
import { temporaryFolder } from '../../support/temp.ts'

const failed = (group: string) => ({
  output: 'busy',
  start: Date.UTC(2026, 4, 5, 12),
  end: Date.UTC(2026, 4, 5, 13),
  group: [group],
  reason: 'where threw: no such till',
})

describe('Rows that could not be made', () => {
  it('are told by output, window, group and reason, the last five of them', () => {
    expect(failedSummary([])).toBe('')
    const line = (till: string) =>
      `  busy 2026-05-05T12:00:00Z to 2026-05-05T13:00:00Z, ${till}: where threw: no such till\n`
    expect(failedSummary([failed('a')])).toBe(
      `1 rows of closed windows could not be made and are missing; all others are there:\n${line('a')}`,
    )
    expect(failedSummary(['a', 'b', 'c', 'd', 'e', 'f'].map(failed))).toBe(
      `6 rows of closed windows could not be made and are missing; all others are there:\n${['b', 'c', 'd', 'e', 'f'].map(line).join('')}  and 1 more\n`,
    )
  })

  it('make a run end with 1, after all that could be made was', () => {
    const folder = temporaryFolder()
    const api = pathToFileURL(join(import.meta.dirname, '../../../lib/index.ts')).href
    const module = join(folder, 'tills.ts')
    writeFileSync(
      module,
      `import { c, delta, kafka, pipeline, tumbling } from '${api}'
const tills = kafka.topic('tills', { schema: { at: c.timestamp(), till: c.string() }, eventTime: 'at', outOfOrder: '1 minute', partitions: 1 })
export default pipeline('tills', {
  busy: tills.groupBy('till').window(tumbling('1 hour', { grace: '0 seconds' })).aggregate((a) => ({ sales: a.count() }))
    .where((row) => { if (row.till === 'broken') throw new Error('no such till'); return true })
    .into(delta.table('gold.busy')),
})
`,
    )
    const input = join(folder, 'sales.csv')
    writeFileSync(input, 'at,till\n2026-05-05T12:00:00Z,north\n2026-05-05T12:01:00Z,broken\n')
    const args = [BIN, 'run', module, '--input', input, '--data', join(folder, 'data'), '--quiet']
    for (let run = 0; run < 2; run++) {
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
      expect(stderr).toContain(
        '1 rows of closed windows could not be made and are missing; all others are there:\n' +
          '  busy 2026-05-05T12:00:00Z to 2026-05-05T13:00:00Z, broken: where threw: no such till\n',
      )
      expect(stdout).toMatch(/gold\.busy +1 /)
      expect(status).toBe(1)
    }
  })
})
