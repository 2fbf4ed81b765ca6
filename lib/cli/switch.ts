import { readArgs } from '#cli/args.ts'
import { brokersOf } from '#cli/brokers.ts'
import { rebuildingOf } from '#cli/rebuild.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { switchToRebuild } from '#local/switching.ts'

const HELP = `sluice switch PIPELINE [options]

Lets a rebuild serve: adds what bronze got since, then puts its rows in the place of those in every Delta and SQL table, and its windows
in the place of the open ones. The pipeline must be stopped. Each table changes in one commit, and sluice restore goes back. A switch that
was interrupted goes on when it is called again.

  PIPELINE     a module whose default export is a pipeline, or the name of one in pipelines/
  --data DIR   data folder (default: the only one below .sluice)
  --no-sql     leave the SQL tables as they are
  --json       as one JSON document

KAFKA_BROKERS=host:port,…   the broker, where the folder has read from one
DATABASE_URL=postgres://…   the database, where it isn't the embedded one
`

export const switchCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = { data: { type: 'string' }, 'no-sql': { type: 'boolean' }, json: { type: 'boolean' } } as const
    const options = readArgs('switch', args, specs, 1)
    const rebuilding = await rebuildingOf('switch', options.positionals[0], options.text('data'), terminal)
    try {
      const { epoch, tables } = await switchToRebuild(rebuilding, {
        brokers: brokersOf(terminal),
        databaseUrl: terminal.env['DATABASE_URL'],
        withSql: !options.flag('no-sql'),
      })
      const { name } = rebuilding.serving.plan
      if (options.flag('json')) terminal.out(`${JSON.stringify({ pipeline: name, epoch, tables })}\n`)
      else terminal.out(`Rebuild ${epoch} of ${name} serves: ${tables.join(', ')}.\n`)
      return EXIT.done
    } finally {
      await rebuilding.close()
    }
  },
}
