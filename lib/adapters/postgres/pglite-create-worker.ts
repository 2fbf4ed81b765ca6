import { PGlite } from '@electric-sql/pglite'
import { keepLargeCopiesSparse } from './sparse-copies.ts'

// Runs in a process of its own: creating a database takes three times the memory of using it.
const folder = process.argv[2]!

// Small, as all the memory that initdb sets aside is touched; the worker has settings of its own.
const SETTINGS = ['shared_buffers=1MB', 'max_connections=4']

// Whoever started this is gone: nobody will rename the folder.
process.once('disconnect', () => process.exit(1))

keepLargeCopiesSparse()
try {
  const database = await PGlite.create({
    dataDir: folder,
    // Segments of the write-ahead log of 1 MB instead of 16.
    initDbStartParams: ['--wal-segsize=1', ...SETTINGS.flatMap((setting) => ['--set', setting])],
  })
  await database.close()
  process.exit(0)
} catch (error) {
  // The message alone: what Node prints of an uncaught error is a line of PGlite's, which is all of it.
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
