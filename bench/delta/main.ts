/**
 * npm run bench:delta [-- --only 'append 1 k' --repeat 3]
 *
 * The Delta layer beside pyarrow and delta-rs, each task in a process of its own on one core: CPU seconds, wall seconds, peak memory and
 * bytes read. READERS_PYTHON names the Python that has both; without it only ours is measured. bench/delta/README.md has what came of it.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { crimesTable } from './crimes-table.ts'
import { type Measure, measured } from './measure.ts'

const { values } = parseArgs({
  options: { only: { type: 'string' }, repeat: { type: 'string', default: '3' } },
})
const root = fileURLToPath(new URL('../..', import.meta.url))
const python = process.env['READERS_PYTHON']
const repeat = Number(values.repeat)

interface Row {
  readonly name: string
  /** Whose work it is compared with. */
  readonly peers: readonly ('pyarrow' | 'delta-rs')[]
  /** Task that makes the table it works on. */
  readonly base?: string
}

const ROWS: readonly Row[] = [
  { name: 'encode 1 M from columns', peers: ['pyarrow'] },
  { name: 'encode 1 M from rows', peers: ['pyarrow'] },
  { name: 'append 1 M from columns', peers: ['delta-rs'] },
  { name: 'append 1 M from rows', peers: ['delta-rs'] },
  { name: 'append 1 M as it is read', peers: ['delta-rs'] },
  { name: 'append 10 k', peers: ['delta-rs'] },
  { name: 'append 1 k', peers: ['delta-rs'] },
  { name: 'scan', peers: ['pyarrow', 'delta-rs'], base: 'append 1 M from columns' },
  { name: 'scan to rows', peers: [], base: 'append 1 M from columns' },
  { name: 'filtered scan', peers: ['pyarrow', 'delta-rs'], base: 'append 1 M from columns' },
  { name: 'merge 10 k', peers: ['delta-rs'], base: 'append 1 M from columns' },
  { name: 'optimize 40 files', peers: ['delta-rs'], base: 'append 10 k' },
]

const input = crimesTable(root)

function ours(task: string, folder: string): Promise<Measure> {
  return measured(process.execPath, [join(import.meta.dirname, 'tasks.ts'), task, input, folder])
}

function theirs(engine: string, task: string, folder: string): Promise<Measure> {
  return measured(python!, [join(import.meta.dirname, 'peers.py'), engine, task, input, folder])
}

/** The run with the least CPU of as many as asked for, each on a folder of its own. */
async function best(row: Row, run: (folder: string) => Promise<Measure>): Promise<Measure> {
  let least: Measure | undefined
  for (let i = 0; i < repeat; i++) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-delta-'))
    try {
      if (row.base !== undefined) {
        await ours(row.base, folder)
        for (const copy of ['merge-base', 'optimize-base']) {
          mkdirSync(join(folder, copy))
          cpSync(join(folder, 'sluice/crimes'), join(folder, copy, 'crimes'), { recursive: true })
        }
      }
      const found = await run(folder)
      if (least === undefined || found.cpu < least.cpu) least = found
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  return least!
}

function print(name: string, engine: string, { cpu, wall, rssMb, bytes, times = 1 }: Measure, own: Measure): void {
  const ratio = (of: number, to: number): string => (of / to).toFixed(2)
  const [ownCpu, ownWall] = [own.cpu / (own.times ?? 1), own.wall / (own.times ?? 1)]
  const cells = [
    name,
    engine,
    (cpu / times).toFixed(3),
    (wall / times).toFixed(3),
    engine === 'ours' ? '' : `${ratio(ownCpu, cpu / times)} × / ${ratio(ownWall, wall / times)} ×`,
    rssMb.toFixed(0),
    bytes === undefined ? '' : (bytes / 1e6).toFixed(2),
  ]
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n\n` +
    '| task | engine | CPU s | wall s | ours ÷ theirs (CPU / wall) | peak MB | MB read or written |\n|---|---|--:|--:|--:|--:|--:|\n',
)
for (const row of ROWS) {
  if (values.only !== undefined && !row.name.startsWith(values.only)) continue
  const own = await best(row, (folder) => ours(row.name, folder))
  print(row.name, 'ours', own, own)
  if (python === undefined) continue
  for (const engine of row.peers)
    print(row.name, engine, await best(row, (folder) => theirs(engine, row.name, folder)), own)
}
