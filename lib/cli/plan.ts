import { readArgs } from '#cli/args.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { findPipeline, loadPipeline } from '#local/pipeline-module.ts'
import { describe, mermaid } from '#plan/describe.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import { plannedSqlTables, plannedTables } from '#runtime/tables.ts'

const HELP = `sluice plan [PIPELINE] [options]

Describes a pipeline: its topic, steps, windows and tables.

  PIPELINE    a module whose default export is a pipeline, or the name of one in pipelines/ (default: crimes)
  --mermaid   as a Mermaid flowchart
  --json      as one JSON document; functions as their text
`

export const planCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('plan', args, { mermaid: { type: 'boolean' }, json: { type: 'boolean' } }, 1)
    const plan = await loadPipeline(findPipeline(options.positionals[0] ?? 'crimes', terminal.workingFolder))
    if (options.flag('json')) {
      const tables = plannedTables(plan).map(({ name }) => name)
      const sqlTables = plannedSqlTables(plan).map(({ name }) => name)
      const document = { ...plan, fingerprint: fingerprint(plan), tables, sqlTables }
      terminal.out(`${JSON.stringify(document, (_, value) => (typeof value === 'function' ? String(value) : value))}\n`)
    } else {
      terminal.out(`${options.flag('mermaid') ? mermaid(plan) : describe(plan)}\n`)
    }
    return EXIT.done
  },
}
