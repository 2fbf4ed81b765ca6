import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A bucket may be in a service without TLS. */
const options = { env: { ...process.env, AWS_ALLOW_HTTP: 'true' } }

/** delta-rs as a writer, for as long as it is told: appends one row a commit, or merges it. Prints how often it had to try again. */
const WRITE = `
import sys, os, time
import pyarrow
from deltalake import DeltaTable, write_deltalake
action, path, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
schema = pyarrow.schema([pyarrow.field('id', pyarrow.int64(), nullable=False), pyarrow.field('name', pyarrow.string())])
done = 0
tries = 0
while done < count:
    id = first + done
    rows = pyarrow.Table.from_pylist([{'id': id, 'name': 'delta-rs %d' % id}], schema=schema)
    try:
        if action == 'append': write_deltalake(path, rows, mode='append')
        else:
            (DeltaTable(path).merge(rows, 's.id = t.id', source_alias='s', target_alias='t')
                .when_matched_update_all().when_not_matched_insert_all().execute())
        done += 1
    except Exception as error:
        tries += 1
        if tries > 200 or 'onflict' not in str(error) and 'ommit' not in str(error): raise
        time.sleep(0.02)
print(tries)
sys.stdout.flush()
os._exit(0)
`

/** Rows `first`, … of a table with the columns `id` and `name`, in a folder or at a URI, one a commit, in a process of its own. */
export async function writeByDeltaRs(
  python: string,
  action: 'append' | 'merge',
  place: string,
  first: number,
  count: number,
): Promise<void> {
  await run(python, ['-c', WRITE, action, place, String(first), String(count)], options)
}

const READ = `
import sys, os, json
import pyarrow
from deltalake import DeltaTable, QueryBuilder
query = QueryBuilder().register('t', DeltaTable(sys.argv[1])).execute('select id, name from t')
print(json.dumps([[row['id'], row['name']] for row in pyarrow.table(query.read_all()).to_pylist()]))
sys.stdout.flush()
os._exit(0)
`

/** The rows of such a table, as they come. */
export async function readByDeltaRs(
  python: string,
  place: string,
): Promise<readonly (readonly [id: number, name: string])[]> {
  const { stdout } = await run(python, ['-c', READ, place], options)
  return JSON.parse(stdout)
}
