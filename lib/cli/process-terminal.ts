import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import type { Terminal } from '#cli/terminal.ts'
import { EXIT } from '#cli/terminal.ts'

/** npm hands on a Ctrl-C that the terminal has sent to everybody already: within this time a second one is the same one. */
const SAME_SIGNAL_MS = 500

/** The process's own streams and signals. A second Ctrl-C ends the process at once. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  let interrupt: AbortController | undefined
  // A reader that went away (`| head`, a closed window) is no failure: whoever can stop cleanly does, anybody else is done.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    if (interrupt === undefined) process.exit(EXIT.done)
    interrupt.abort()
  })
  stderr.on('error', () => {})
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    written: async () => {
      if (!stdout.writableNeedDrain) return
      const done = new AbortController()
      const { signal } = done
      // An error makes `once` reject: the listener above has dealt with it. The signal takes the other listeners away.
      const events = ['drain', 'close'].map((event) => once(stdout, event, { signal }))
      await Promise.race(events).catch(() => {})
      done.abort()
      await Promise.allSettled(events)
    },
    interactive: stdout.isTTY === true && stderr.isTTY === true && env['TERM'] !== 'dumb',
    get columns() {
      return stdout.columns ?? 80
    },
    get rows() {
      return stdout.rows ?? 24
    },
    workingFolder: process.cwd(),
    env,
    get interrupted() {
      interrupt ??= onSignals()
      return interrupt.signal
    },
  }
}

function onSignals(): AbortController {
  const interrupt = new AbortController()
  let first = 0
  const onSignal = (): void => {
    if (!interrupt.signal.aborted) first = performance.now()
    else if (performance.now() - first > SAME_SIGNAL_MS) process.exit(EXIT.interrupted)
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // The window was closed, perhaps after a Ctrl-C: nobody is in a hurry.
  process.on('SIGHUP', () => interrupt.abort())
  return interrupt
}
