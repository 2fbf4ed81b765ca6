import { tmpdir } from 'node:os'
import type { Terminal } from '#cli/terminal.ts'

/** A terminal that keeps what is written to it. Its Ctrl-C is `interrupt()`. */
export class RecordingTerminal implements Terminal {
  output = ''
  errors = ''
  readonly interactive: boolean
  columns: number
  rows: number
  readonly workingFolder: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly #interrupt = new AbortController()
  #waiting: { readonly text: string; readonly resolve: () => void }[] = []

  constructor(options: Partial<Pick<Terminal, 'interactive' | 'columns' | 'rows' | 'workingFolder' | 'env'>> = {}) {
    this.interactive = options.interactive ?? false
    this.columns = options.columns ?? 80
    this.rows = options.rows ?? 24
    this.workingFolder = options.workingFolder ?? tmpdir()
    this.env = options.env ?? {}
  }

  get interrupted(): AbortSignal {
    return this.#interrupt.signal
  }

  interrupt(): void {
    this.#interrupt.abort()
  }

  out(text: string): void {
    this.output += text
    for (const one of this.#waiting) if (this.output.includes(one.text)) one.resolve()
  }

  err(text: string): void {
    this.errors += text
  }

  async written(): Promise<void> {}

  /** Resolves when the text is in the output. */
  async until(text: string): Promise<void> {
    if (this.output.includes(text)) return
    await new Promise<void>((resolve) => this.#waiting.push({ text, resolve }))
  }

  get lines(): readonly string[] {
    return this.output.split('\n').slice(0, -1)
  }
}
