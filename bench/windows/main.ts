/**
 * npm run bench:windows [-- --only 'close' --repeat 3]
 *
 * Windows on one core, each task in a process of its own: CPU seconds, wall seconds, peak memory. bench/windows/README.md has what came
 * of it, and the bars.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Measure, measured } from '../delta/measure.ts'

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, repeat: { type: 'string', default: '1' } },
})

const TASKS = [
  'crimes fold',
  'tumbling 5 min, fold',
  'sliding 5 min every 1 s, fold',
  'tumbling 5 min',
  'sliding 5 min every 1 s',
  'nexmark q5',
  'nexmark q7',
  'nexmark q11',
  'nexmark q12',
  'close 1 M keys',
  'close and deliver 1 M keys',
]

const run = (task: string, folder: string): Promise<Measure> =>
  measured(process.execPath, ['--import', SELF, join(import.meta.dirname, 'tasks.ts'), task, folder])

/** The run with the least CPU. What closes a window of a million keys starts from state that another process has written. */
async function best(task: string): Promise<Measure> {
  let least: Measure | undefined
  for (let i = 0; i < Number(values.repeat); i++) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-windows-'))
    try {
      if (task.endsWith('1 M keys')) await run('fill 1 M keys', folder)
      const one = await run(task, folder)
      if (least === undefined || one.cpu < least.cpu) least = one
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return least!
}

const SELF = new URL('../../bin/self-reference.mjs', import.meta.url).href

const print = (line: string): void => void process.stdout.write(`${line}\n`)

print('| task | rows or events | CPU s | a CPU second | wall s | peak MB |')
print('|---|--:|--:|--:|--:|--:|')
for (const task of TASKS.filter((name) => name.startsWith(values.only))) {
  const { rows = 0, cpu, wall, rssMb } = await best(task)
  const cells = [task, rows.toLocaleString('en'), cpu.toFixed(2), Math.round(rows / cpu).toLocaleString('en')]
  print(`| ${[...cells, wall.toFixed(2), rssMb.toFixed(0)].join(' | ')} |`)
}
