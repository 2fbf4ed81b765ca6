import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job } from './chaos-worker.ts'
import type { Site } from './site.ts'

const worker = fileURLToPath(new URL('./chaos-worker.ts', import.meta.url))

/** One process that is running, or was. */
export interface Member {
  readonly name: string
  readonly partitions: readonly number[] | null
  readonly process: ChildProcess
  readonly ended: Promise<void>
}

/** The processes of a run. Only those that it started itself are ever killed. */
export class Fleet {
  /** What ended without having been told to. */
  readonly failures: string[] = []
  readonly counts = { kills: 0, freezes: 0, starts: 0 }
  readonly #site: Site
  readonly #running = new Set<Member>()
  readonly #told = new Set<ChildProcess>()

  constructor(site: Site) {
    this.#site = site
  }

  /** Resolves when the process takes records. */
  async start(name: string, partitions: readonly number[] | null): Promise<Member> {
    const job: Job = { site: this.#site, partitions }
    const child = spawn(process.execPath, [worker, JSON.stringify(job)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.counts.starts++
    let said = ''
    child.stderr!.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000)
    })
    const ended = new Promise<void>((resolve) => {
      child.once('close', (code, signal) => {
        this.#running.delete(member)
        if (!this.#told.has(child)) this.failures.push(`${name} ended by itself with ${signal ?? code}: ${said}`)
        resolve()
      })
    })
    const member: Member = { name, partitions, process: child, ended }
    this.#running.add(member)
    await Promise.race([new Promise((resolve) => child.once('message', resolve)), ended])
    return member
  }

  async kill(member: Member): Promise<void> {
    this.counts.kills++
    this.#told.add(member.process)
    member.process.kill('SIGKILL')
    await member.ended
  }

  freeze(member: Member): void {
    this.counts.freezes++
    member.process.kill('SIGSTOP')
  }

  thaw(member: Member): void {
    member.process.kill('SIGCONT')
  }

  async killAll(): Promise<void> {
    for (const member of [...this.#running]) await this.kill(member)
  }
}
