/**
 * Lets many processes append to one table at once and shows that nothing is lost, nothing doubled, and no version left out.
 *
 *   node test/writers/writers-run.ts [--store directory|s3] [--writers 64] [--appends 50] [--faults 0.05] [--kill] [--seed 1]
 *
 * On the directory each writer is a process; on S3 each is a client, eight to a process. Each has a transaction of its own, which it moves on with each append. With --faults that share of all requests goes wrong: no
 * answer, an answer that is lost, a success that is reported as somebody else's, a LIST that lags behind. With --kill writers
 * are killed (SIGKILL) at random moments, and each process once between a data file and its commit, and started again; then VACUUM has to remove
 * the files that they leave, and nothing else. The S3 service is the one that the environment names (AWS_ENDPOINT_URL).
 * Exits with 0 if the table is as it must be.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DeltaTable } from '#delta/table.ts'
import { dice } from '../support/dice.ts'
import { newBucket } from '../support/s3-bucket.ts'
import { type Findings, inspect } from './inspect-table.ts'
import {
  type AppendReport,
  depsOn,
  FIELDS,
  type HoldReport,
  type Place,
  storeAt,
  TABLE,
  type WriterTask,
} from './writer.ts'

export interface WritersOptions {
  readonly store: 'directory' | 's3'
  readonly writers: number
  readonly appends: number
  readonly faults: number
  readonly kill: boolean
  readonly seed: number
  readonly log: (line: string) => void
}

export interface WritersReport extends Findings {
  readonly kills: number
  /** Files that are known to be left over: as many kills came between a data file and its commit. */
  readonly left: number
  readonly seconds: number
  readonly attemptsP95: number
  readonly attemptsMax: number
  readonly millisP50: number
  readonly millisP95: number
  readonly millisMax: number
}

/** Kills go on until there were as many as writers, so that most of them are hit. */
const KILL_EVERY_MS = 100
/** Writers to a process that share nothing but its heap: the SDK takes longer to load than an append. */
const CLIENTS = 8

export async function writersRun(options: WritersOptions): Promise<WritersReport> {
  const root = mkdtempSync(join(tmpdir(), 'sluice-writers-'))
  try {
    const place: Place =
      options.store === 'directory' ? { kind: 'directory', folder: root } : { kind: 's3', bucket: await newBucket() }
    await DeltaTable.openOrCreate(depsOn(await storeAt(place)), TABLE, { fields: FIELDS })
    const crowd = new Crowd(options, place)
    const seconds = await crowd.run()
    options.log(`${crowd.reports.length} appends reported in ${seconds.toFixed(1)} s`)
    const findings = await inspect(place, { ...options, left: crowd.left })
    const attempts = crowd.reports.map((report) => report.attempts)
    const millis = crowd.reports.map((report) => report.millis)
    return {
      ...findings,
      kills: crowd.kills,
      left: crowd.left.length,
      seconds,
      attemptsP95: quantile(attempts, 0.95),
      attemptsMax: Math.max(...attempts),
      millisP50: quantile(millis, 0.5),
      millisP95: quantile(millis, 0.95),
      millisMax: Math.max(...millis),
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

type Hold = Pick<WriterTask, 'holdAt'>

/** The writers' processes. */
class Crowd {
  readonly reports: AppendReport[] = []
  /** Files whose writers were killed before they committed them. */
  readonly left: string[] = []
  kills = 0
  private readonly options: WritersOptions
  private readonly place: Place
  private readonly held = new Set<readonly number[]>()
  private readonly running = new Map<readonly number[], ChildProcess>()
  private readonly random: () => number
  private started = 0

  constructor(options: WritersOptions, place: Place) {
    this.options = options
    this.place = place
    this.random = dice(options.seed)
  }

  /** Seconds from the moment at which all were ready. */
  async run(): Promise<number> {
    const { writers, kill, store } = this.options
    const together = store === 's3' ? CLIENTS : 1
    const groups = Array.from({ length: Math.ceil(writers / together) }, (_, group) =>
      Array.from({ length: Math.min(together, writers - group * together) }, (_, i) => group * together + i),
    )
    const holds = groups.map(() => this.holdAt())
    const all = groups.map((group, i) => this.start(group, holds[i]))
    await Promise.all(all.map(({ ready }) => ready))
    this.options.log(`${writers} writers are ready`)
    const began = performance.now()
    for (const { go } of all) go()
    const ended = Promise.all(all.map(({ done }, i) => this.until(done, groups[i]!, holds[i]!)))
    const killer = kill ? setInterval(() => this.killOne(), KILL_EVERY_MS) : undefined
    try {
      await ended
    } finally {
      clearInterval(killer)
      for (const child of this.running.values()) child.kill('SIGKILL')
      await Promise.allSettled(all.map(({ done }) => done))
    }
    return (performance.now() - began) / 1000
  }

  /** Starts a writer that was killed again, until it has ended by itself. */
  private async until(done: Promise<NodeJS.Signals | null>, writers: readonly number[], hold: Hold): Promise<void> {
    let signal = await done
    while (signal === 'SIGKILL') {
      // One that was killed before it got there still has to hold.
      const again = this.start(writers, this.held.has(writers) ? {} : hold)
      // Killed before it was ready, maybe.
      void again.ready.then(again.go, () => {})
      signal = await again.done
    }
  }

  private killOne(): void {
    const alive = [...this.running.values()]
    if (this.kills - this.left.length >= this.options.writers || alive.length === 0) return
    if (alive[Math.floor(this.random() * alive.length)]!.kill('SIGKILL')) this.kills++
  }

  /** The append that a process has to be killed in. */
  private holdAt(): Hold {
    const { kill, appends } = this.options
    return kill ? { holdAt: 1 + Math.floor(this.random() * appends) } : {}
  }

  private start(writers: readonly number[], hold: Hold = {}) {
    const { appends, faults, seed } = this.options
    const task: WriterTask = {
      writers,
      appends,
      faults,
      seed: seed * 100_003 + this.started++,
      place: this.place,
      ...hold,
    }
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.running.set(writers, child)
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000)
    })
    child.stdin.on('error', () => {})
    const lines = createInterface(child.stdout)
    const ready = new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (line === 'ready') resolve()
        else this.take(line, writers, child)
      })
      child.once('close', () => reject(new Error(`writers ${writers} never were ready: ${said}`)))
    })
    ready.catch(() => {})
    const done = new Promise<NodeJS.Signals | null>((resolve, reject) => {
      child.once('close', (code, signal) => {
        this.running.delete(writers)
        if (code === 0 || signal === 'SIGKILL') resolve(signal)
        else reject(new Error(`writers ${writers} ended with ${signal ?? code}: ${said}`))
      })
    })
    done.catch(() => {})
    return { ready, done, go: () => child.stdin.end('go\n') }
  }

  private take(line: string, writers: readonly number[], child: ChildProcess): void {
    let report: AppendReport | HoldReport
    try {
      report = JSON.parse(line) as AppendReport | HoldReport
    } catch {
      // Half a line of one that was killed.
      return
    }
    if ('attempts' in report) this.reports.push(report)
    else {
      this.left.push(report.holds)
      this.held.add(writers)
      if (child.kill('SIGKILL')) this.kills++
    }
  }
}

const PROGRAM = fileURLToPath(new URL('./writer.ts', import.meta.url))

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      store: { type: 'string', default: 'directory' },
      writers: { type: 'string', default: '64' },
      appends: { type: 'string', default: '50' },
      faults: { type: 'string', default: '0' },
      kill: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
    },
  })
  const report = await writersRun({
    store: values.store === 's3' ? 's3' : 'directory',
    writers: Number(values.writers),
    appends: Number(values.appends),
    faults: Number(values.faults),
    kill: values.kill,
    seed: Number(values.seed),
    log: (line) => process.stderr.write(`${line}\n`),
  })
  for (const problem of report.problems) process.stdout.write(`WRONG ${problem}\n`)
  process.stdout.write(
    `${values.store}, ${values.writers} writers, ${values.appends} appends each, ${report.kills} kills, faults ${values.faults}, seed ${values.seed}: ` +
      `${report.appends} appends in ${report.versions} versions, ${report.problems.length === 0 ? 'none lost, none doubled' : 'NOT AS IT MUST BE'}\n` +
      `commit attempts p95 ${report.attemptsP95}, most ${report.attemptsMax}; ` +
      `time to commit p50 ${report.millisP50.toFixed(0)} ms, p95 ${report.millisP95.toFixed(0)} ms, most ${report.millisMax.toFixed(0)} ms; ` +
      `${(report.appends / report.seconds).toFixed(0)} appends/s; ` +
      `${report.orphans} files that no version names, ${report.left} of them of writers killed between file and commit: VACUUM removed these only\n`,
  )
  process.exitCode = report.problems.length === 0 && report.left > 0 === values.kill ? 0 : 1
}

if (import.meta.main) await main()
