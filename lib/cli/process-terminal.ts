import type { Terminal } from '#cli/terminal.ts'

/** The process's own streams and signals. A second Ctrl-C ends the process at once. */
export function processTerminal(): Terminal {
  const interrupt = new AbortController()
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(130)
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // A reader that went away (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
  })
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stdout.isTTY === true && process.stderr.isTTY === true && process.env['TERM'] !== 'dumb',
    columns: process.stdout.columns ?? 80,
    workingFolder: process.cwd(),
    env: process.env,
    interrupted: interrupt.signal,
  }
}
