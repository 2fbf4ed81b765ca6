import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main } from '#cli/main.ts'
import { temporaryFolder } from '../support/temp.ts'
import { RecordingTerminal } from '../unit/cli/recording-terminal.ts'

/** The command's own file, for tests in which the process matters. */
export const BIN = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url))

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command in this process. */
export async function sluice(args: readonly string[], terminal = new RecordingTerminal()): Promise<Ended> {
  const code = await main(args, terminal)
  return { code, out: terminal.output, err: terminal.errors }
}

/** The arguments of `sluice run crimes`, and those that follow. */
export function runArgs(inputs: string | readonly string[], data: string, more: readonly string[] = []): string[] {
  const files = [inputs].flat().flatMap((input) => ['--input', input])
  return ['run', 'crimes', ...files, '--data', data, '--no-sql', '--workers', '0', '--quiet', ...more]
}

export function runCrimes(inputs: string | readonly string[], data: string, more: readonly string[] = []) {
  return sluice(runArgs(inputs, data, more))
}

/** As `runCrimes`, with a Ctrl-C as soon as `when` is true (it is asked every millisecond). */
export async function runInterrupted(inputs: string | readonly string[], data: string, when: () => boolean) {
  const terminal = new RecordingTerminal()
  const timer = setInterval(() => when() && terminal.interrupt(), 1)
  try {
    return await sluice(runArgs(inputs, data), terminal)
  } finally {
    clearInterval(timer)
  }
}

/** A folder of its own for a test: where its inputs lie and its data folder will be. */
export function place(folder = temporaryFolder()) {
  return {
    folder,
    data: join(folder, 'data'),
    input(name: string, content: string | Uint8Array): string {
      const path = join(folder, name)
      writeFileSync(path, content)
      return path
    },
  }
}

export interface Counts {
  readonly read: number
  readonly counted: number
  readonly late: number
  readonly quarantined: number
}

/** The summary's first line as numbers. @throws Error unless they add up */
export function countsOf({ code, out, err }: Ended): Counts {
  const match = /^([\d,]+) records read = ([\d,]+) counted \+ ([\d,]+) late \+ ([\d,]+) quarantined/.exec(out)
  if (match === null) throw new Error(`no summary: exit code ${code}, ${out}${err}`)
  const [read = 0, counted = 0, late = 0, quarantined = 0] = match.slice(1).map((n) => Number(n.replaceAll(',', '')))
  if (read !== counted + late + quarantined) throw new Error(`records are missing: ${out}`)
  return { read, counted, late, quarantined }
}

/** Whether a user may mount file systems of his own here (Linux, user namespaces), as root in a world of his own. */
export function canMount(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=64k none /mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
