import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { DeltaTable } from '#delta/table.ts'
import { writeCrimesCsv } from '#local/simulator-csv.ts'
import { createTemporaryFolder } from '../support/temp.ts'

/** Python with deltalake, pyarrow and duckdb. */
const PYTHON = process.env['READERS_PYTHON']
const BIN = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url))
const run = promisify(execFile)

/**
 * Prints the rows of a table by one engine, one JSON line each: instants in microseconds, days in days, bytes in hex; then how many
 * there are. Ends without pyarrow's own clean-up, which often aborts after all output; an exception never gets as far.
 */
const READ = `
import sys, os, json, datetime
engine, path = sys.argv[1], sys.argv[2]
from deltalake import DeltaTable
table = DeltaTable(path)
if engine == 'duckdb':
    import duckdb
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    files = [os.path.join(path, name) for name in json.loads(sys.argv[3])]
    rows = con.execute('SELECT * FROM read_parquet(?, union_by_name = true)', [files]).to_arrow_table() if files else None
else:
    rows = table.to_pyarrow_table()
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
def plain(value):
    if isinstance(value, datetime.datetime):
        return 'us:%d' % ((value.astimezone(datetime.timezone.utc) - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(value, datetime.date): return 'day:%d' % (value - EPOCH.date()).days
    if isinstance(value, bool): return value
    if isinstance(value, (int, float)): return 'number:%s' % float(value).hex()
    if isinstance(value, (bytes, bytearray)): return 'hex:' + value.hex()
    if isinstance(value, dict): return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list): return [plain(v) for v in value]
    return value
count = 0
for row in (rows.to_pylist() if rows is not None else []):
    print(json.dumps([[name, plain(row[name])] for name in sorted(row)], ensure_ascii=False, separators=(',', ':')))
    count += 1
print(count)
sys.stdout.flush()
os._exit(0)
`
