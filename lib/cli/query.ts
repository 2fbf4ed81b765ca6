import { join } from 'node:path'
import { openDuckDb, type QueryEngine } from '#adapters/duckdb/query.ts'
import { readArgs } from '#cli/args.ts'
import { locateData } from '#cli/data-location.ts'
import { type LakeReader, readLake } from '#cli/lake-reader.ts'
import { type QueryFormat, rowWriter } from '#cli/query-output.ts'
import { tablesNamedIn } from '#cli/query-tables.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { SluiceError } from '#core/errors.ts'
import { LogPaths } from '#delta/log.ts'
import { dataPath } from '#delta/paths.ts'
import { tablePath } from '#runtime/runtime.ts'

const HELP = `sluice query SQL [options]

Asks the tables in DuckDB's SQL: bronze.crimes, silver.crimes, … as they are now. A pipeline may be running in the data folder.

  sluice query "SELECT district, sum(total_crimes) FROM gold.crime_per_district_day GROUP BY ALL ORDER BY 2 DESC LIMIT 5"

  sluice query -- "--what a comment says
  SELECT count(*) FROM bronze.crimes"       text that begins with a dash goes after --

  --format F   table (default), csv, or json: an object a line
  --data DIR   data folder (default: the only one below .sluice)
  --json       the same as --format json
`

const FORMATS: readonly string[] = ['table', 'csv', 'json'] satisfies readonly QueryFormat[]

export const queryCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = { data: { type: 'string' }, format: { type: 'string' }, json: { type: 'boolean' } } as const
    const options = readArgs('query', args, specs, 1)
    const [sql] = options.positionals
    const example = 'sluice query "SELECT count(*) FROM bronze.crimes"'
    if (sql === undefined || sql.trim() === '') throw new SluiceError('USAGE', `Which query? Try: ${example}`)
    const format = options.flag('json') ? 'json' : (options.text('format') ?? 'table')
    if (!FORMATS.includes(format)) {
      throw new SluiceError('USAGE', `--format takes ${FORMATS.join(', ')}, not ${format}.`)
    }
    const lake = readLake(locateData(options.text('data'), terminal))
    const engine = await openDuckDb()
    try {
      for (const name of tablesNamedIn(sql, lake.names)) await addView(engine, lake, name)
      const { columns, rows } = await engine.run(sql)
      const writer = rowWriter(terminal, format as QueryFormat, columns)
      for await (const chunk of rows) for (const row of chunk) await writer.add(row)
      await writer.end()
      return EXIT.done
    } finally {
      await engine.close()
    }
  },
}

async function addView(engine: QueryEngine, lake: LakeReader, name: string): Promise<void> {
  const snapshot = await (await lake.open(name)).snapshot()
  const paths = new LogPaths(tablePath(name))
  const root = join(lake.dataFolder, 'lake')
  const files = snapshot.files.map(({ path }) => join(root, dataPath(paths, lake.deps.store.uri, path)))
  const [schema = '', table = ''] = name.split('.')
  await engine.view(schema, table, files, snapshot.fields)
}
