import { PGlite } from '@electric-sql/pglite'

// Runs in a process of its own: creating a database needs three times the memory of using it.
const folder = process.argv[2]!
// Whoever started this is gone: nobody will rename the folder.
process.once('disconnect', () => process.exit(1))
// Segments of 1 MB instead of 16.
const database = await PGlite.create({ dataDir: folder, initDbStartParams: ['--wal-segsize=1'] })
await database.close()
process.exit(0)
