import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DeltaTable, directory } from 'sluice/delta'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownRows, rowOf, rowsOf, SCHEMA } from '../support/typed-rows.ts'

/** Python with pyspark and delta-spark. */
const PYTHON = process.env['SPARK_PYTHON']
const JARS = process.env['SPARK_JARS'] ?? ''

const run = promisify(execFile)

/** Runs statements, then prints the rows of tables as `typed-rows.ts` has them. */
const SPARK = `
import sys, os, json, datetime, decimal
jars, root, statements, tables = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master('local[1]').config('spark.jars', jars).config('spark.ui.enabled', 'false')
    .config('spark.sql.extensions', 'io.delta.sql.DeltaSparkSessionExtension')
    .config('spark.sql.catalog.spark_catalog', 'org.apache.spark.sql.delta.catalog.DeltaCatalog')
    .config('spark.sql.session.timeZone', 'UTC').config('spark.sql.shuffle.partitions', '1')
    .config('spark.driver.memory', '1g').config('spark.driver.host', '127.0.0.1')
    .config('spark.sql.warehouse.dir', root + '/warehouse').getOrCreate())
for statement in statements: spark.sql(statement.replace('$', root + '/')).collect()
EPOCH = datetime.datetime(1970, 1, 1)
def plain(value):
    if isinstance(value, datetime.datetime): return 'us:%d' % ((value - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(value, datetime.date): return (value - datetime.date(1970, 1, 1)).days
    if isinstance(value, decimal.Decimal): return 'd:' + format(value, 'f')
    if isinstance(value, (bytes, bytearray)): return 'hex:' + value.hex()
    if isinstance(value, bool): return value
    if isinstance(value, int) and abs(value) >= 2 ** 53: return 'n:%d' % value
    if isinstance(value, dict): return {name: plain(value[name]) for name in sorted(value)}
    if isinstance(value, list): return [plain(one) for one in value]
    return value
found = {}
for table in tables:
    rows = []
    for row in spark.read.format('delta').load(root + '/' + table).collect():
        values = row.asDict(recursive=True)
        pairs = values.pop('m', None)
        line = plain(values)
        if 'm' in row.__fields__: line['m'] = None if pairs is None else sorted([key, plain(pairs[key])] for key in pairs)
        rows.append({name: line[name] for name in sorted(line)})
    found[table] = sorted(rows, key=lambda row: row['id'])
print('ROWS' + json.dumps(found))
sys.stdout.flush()
os._exit(0)
`

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-spark-'))
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

async function spark(
  statements: readonly string[],
  ...tables: readonly string[]
): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const args = ['-c', SPARK, JARS, root, JSON.stringify(statements), JSON.stringify(tables)]
  const env = { ...process.env, TZ: 'UTC', PYSPARK_PYTHON: PYTHON! }
  const { stdout } = await run(PYTHON!, args, { maxBuffer: 256_000_000, env })
  return JSON.parse(/^ROWS(.*)$/m.exec(stdout)![1]!)
}

describe.skipIf(PYTHON === undefined)('Spark (SPARK_PYTHON, SPARK_JARS)', () => {
  it('reads what we wrote, of every type and partition, and we what it changed', async () => {
    const all = await DeltaTable.create(directory(root), 'all', { schema: SCHEMA })
    await all.append(rowsOf(0, 40))
    await all.delete({ id: 3 })
    await all.merge([rowOf(7), rowOf(60)], { on: ['id'] })
    await all.optimize({ clusterBy: ['text'] })
    await all.checkpoint()
    const partitionBy = ['day', 'at', 'text']
    const parts = await DeltaTable.create(directory(root), 'parts', { schema: SCHEMA, partitionBy })
    await parts.append(rowsOf(0, 12))
    const found = await spark(['UPDATE delta.`$all` SET flag = false WHERE id = 7'], 'all', 'parts')
    for (const table of [all, parts]) {
      expect({ path: table.path, rows: found[table.path] }).toEqual({ path: table.path, rows: await ownRows(table) })
    }
    expect((await all.history(1))[0]).toMatchObject({ operation: 'UPDATE', engine: expect.stringContaining('Spark') })
  }, 900_000)
})
