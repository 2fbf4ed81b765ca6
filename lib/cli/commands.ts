import type { Command } from '#cli/terminal.ts'

interface LazyCommand {
  readonly summary: string
  /** Loaded only when it is called: `sluice tables` must not pay for what `sluice dev` needs. */
  readonly load: () => Promise<Command>
}

export const COMMANDS: Readonly<Record<string, LazyCommand>> = {
  dev: {
    summary: 'run a pipeline live, on a simulation or on files, and watch it',
    load: async () => (await import('#cli/dev.ts')).devCommand,
  },
  run: {
    summary: 'feed files through a pipeline, close every window, exit',
    load: async () => (await import('#cli/run.ts')).runCommand,
  },
  tables: {
    summary: 'list the tables',
    load: async () => (await import('#cli/tables.ts')).tablesCommand,
  },
  show: {
    summary: 'print rows of a table',
    load: async () => (await import('#cli/show.ts')).showCommand,
  },
  query: {
    summary: 'ask the tables in SQL',
    load: async () => (await import('#cli/query.ts')).queryCommand,
  },
  history: {
    summary: 'list the commits of a table',
    load: async () => (await import('#cli/history.ts')).historyCommand,
  },
  describe: {
    summary: 'say what a table is: columns, properties, files, protocol',
    load: async () => (await import('#cli/describe.ts')).describeCommand,
  },
  optimize: {
    summary: 'write the small files of a table together, or sort its rows',
    load: async () => (await import('#cli/optimize.ts')).optimizeCommand,
  },
  vacuum: {
    summary: 'delete files that a table no longer needs',
    load: async () => (await import('#cli/vacuum.ts')).vacuumCommand,
  },
  restore: {
    summary: 'make a table what it was at a version or a time',
    load: async () => (await import('#cli/restore.ts')).restoreCommand,
  },
  why: {
    summary: 'the records behind a row of results; why a window is open',
    load: async () => (await import('#cli/why.ts')).whyCommand,
  },
  rebuild: {
    summary: 'build the tables anew from bronze, beside those that serve',
    load: async () => (await import('#cli/rebuild.ts')).rebuildCommand,
  },
  diff: {
    summary: 'what a rebuild would change',
    load: async () => (await import('#cli/diff.ts')).diffCommand,
  },
  switch: {
    summary: 'let a rebuild serve',
    load: async () => (await import('#cli/switch.ts')).switchCommand,
  },
  lag: {
    summary: 'how far each partition is, and what holds the watermark',
    load: async () => (await import('#cli/lag.ts')).lagCommand,
  },
  quarantine: {
    summary: 'print the last records that were set aside, and why',
    load: async () => (await import('#cli/quarantine.ts')).quarantineCommand,
  },
  plan: {
    summary: 'describe a pipeline, as text or as a Mermaid flowchart',
    load: async () => (await import('#cli/plan.ts')).planCommand,
  },
}
