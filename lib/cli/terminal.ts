/** What a command may know of where it runs. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Resolves when the reader of `out` has taken most of it: what writes much waits, so that memory stays small. */
  written(): Promise<void>
  /** Standard output is a terminal: it may be redrawn. */
  readonly interactive: boolean
  /** Of the terminal as it is now; 80 × 24 elsewhere. */
  readonly columns: number
  readonly rows: number
  readonly workingFolder: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts at the first Ctrl-C, SIGTERM or SIGHUP. Who asks for it takes over; until then they end the process as usual. */
  readonly interrupted: AbortSignal
}

/** 0 done · 1 failed · 2 the command line or the input is wrong · 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

export interface Command {
  /** What `--help` prints. */
  readonly help: string
  run(args: readonly string[], terminal: Terminal): Promise<number>
}
