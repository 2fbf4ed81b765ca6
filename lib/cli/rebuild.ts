import { readArgs } from '#cli/args.ts'
import { locateData } from '#cli/data-location.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'
import { count } from '#cli/text.ts'
import { SluiceError } from '#core/errors.ts'
import { findPipeline, loadPipeline } from '#local/pipeline-module.ts'
import { openRebuilding, type Rebuilding, rebuildTables } from '#local/rebuilding.ts'

const HELP = `sluice rebuild PIPELINE [options]

Builds every table but bronze anew, from the records in bronze, beside the tables that serve: after a change of the windows or the
checks, or to see what late records would have made of the results. Nothing that serves is touched, and the pipeline may run meanwhile.
Called again it adds what bronze got since. Then: sluice diff PIPELINE, and sluice switch PIPELINE.

  PIPELINE     a module whose default export is a pipeline, or the name of one in pipelines/
  --data DIR   data folder (default: the only one below .sluice)
  --json       as one JSON document
`

export const rebuildCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('rebuild', args, { data: { type: 'string' }, json: { type: 'boolean' } }, 1)
    const rebuilding = await rebuildingOf('rebuild', options.positionals[0], options.text('data'), terminal)
    try {
      const { name } = rebuilding.serving.plan
      const { epoch, records, abandoned } = await rebuildTables(rebuilding, () => {})
      if (options.flag('json')) terminal.out(`${JSON.stringify({ pipeline: name, epoch, records, abandoned })}\n`)
      else {
        const instead = abandoned === null ? '' : ` It takes the place of rebuild ${abandoned}, of another definition.`
        terminal.out(
          `Rebuild ${epoch} of ${name}: ${count(records)} records applied.${instead}\n` +
            `What is different: sluice diff ${name}. To let it serve: sluice switch ${name}.\n`,
        )
      }
      return EXIT.done
    } finally {
      await rebuilding.close()
    }
  },
}

/** The pipeline of the command line, on the data folder that is meant. @throws SluiceError USAGE and those of `openRebuilding` */
export async function rebuildingOf(
  command: string,
  name: string | undefined,
  data: string | undefined,
  terminal: Terminal,
): Promise<Rebuilding> {
  if (name === undefined) throw new SluiceError('USAGE', `Which pipeline? Try: sluice ${command} crimes`)
  const plan = await loadPipeline(findPipeline(name, terminal.workingFolder))
  return openRebuilding(plan, locateData(data, terminal))
}
