/** What a command may know of where it runs. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Standard output is a terminal: it may be redrawn. */
  readonly interactive: boolean
  readonly columns: number
  readonly workingFolder: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal
}

/** 0 done · 1 failed · 2 the command line or the input is wrong · 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

export interface Command {
  /** What `--help` prints. */
  readonly help: string
  run(args: readonly string[], terminal: Terminal): Promise<number>
}
