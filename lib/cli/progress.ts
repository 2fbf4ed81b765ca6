import { basename } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Args } from '#cli/args.ts'
import type { Terminal } from '#cli/terminal.ts'
import { count, heldText } from '#cli/text.ts'
import type { FeedProgress } from '#local/feed.ts'
import type { FedInput } from '#local/feed-inputs.ts'
import type { HeldBack } from '#local/held-watermark.ts'
import type { LocalPipeline } from '#local/local-pipeline.ts'

const EVERY = 500
const PLAIN_EVERY = 5_000

/** Of a file that added nothing. */
export const nothingNew = (path: string): string => `${path}: nothing new, its content was fed before`

/** What a bounded run says while it runs: one line that is redrawn on a terminal, now and then a line elsewhere. On stderr. */
export class Progress {
  readonly #terminal: Terminal
  readonly #quiet: boolean
  readonly #json: boolean
  #timer: NodeJS.Timeout | undefined
  #pipeline: LocalPipeline | undefined
  #feeding = ''
  #drawn = false

  constructor(terminal: Terminal, options: Args) {
    this.#terminal = terminal
    this.#json = options.flag('json')
    this.#quiet = options.flag('quiet') || this.#json
  }

  begin(pipeline: LocalPipeline): void {
    this.#pipeline = pipeline
    if (this.#quiet) return
    this.#timer = setInterval(() => void this.#draw(), this.#terminal.interactive ? EVERY : PLAIN_EVERY)
    this.#timer.unref()
  }

  fed(path: string, { records, bytes, totalBytes }: FeedProgress): void {
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * bytes) / totalBytes)
    this.#feeding = `${basename(path)} ${percent} % (${count(records)} records)`
  }

  /** Tells of inputs that added nothing; with --json the summary does. */
  read(inputs: readonly FedInput[]): void {
    if (this.#json) return
    this.#clear()
    for (const { path, fedBefore } of inputs) if (fedBefore) this.#terminal.err(`${nothingNew(path)}\n`)
  }

  retry(stage: string, error: unknown, attempt: number): void {
    this.#clear()
    const message = error instanceof Error ? error.message : String(error)
    this.#terminal.err(`${stage}: attempt ${attempt} failed and will be repeated: ${message}\n`)
  }

  held(partitions: readonly HeldBack[]): void {
    this.#clear()
    for (const one of partitions) this.#terminal.err(`${heldText(one)}\n`)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#clear()
  }

  async #draw(): Promise<void> {
    const counts = await this.#pipeline?.counts().catch(() => undefined)
    if (counts === undefined || this.#timer === undefined) return
    const line = `${(performance.now() / 1000).toFixed(0)} s · read ${this.#feeding} · applied ${count(counts.read)}`
    this.#clear()
    this.#terminal.err(this.#terminal.interactive ? line : `${line}\n`)
    this.#drawn = this.#terminal.interactive
  }

  #clear(): void {
    if (this.#drawn) this.#terminal.err('\r\u001b[2K')
    this.#drawn = false
  }
}
