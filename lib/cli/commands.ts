import type { Command } from '#cli/terminal.ts'

interface LazyCommand {
  readonly summary: string
  /** Loaded only when it is called: `sluice tables` must not pay for what `sluice dev` needs. */
  readonly load: () => Promise<Command>
}

export const COMMANDS: Readonly<Record<string, LazyCommand>> = {
  run: {
    summary: 'feed files through a pipeline, close every window, exit',
    load: async () => (await import('#cli/run.ts')).runCommand,
  },
}
