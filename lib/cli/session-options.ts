import { resolve } from 'node:path'
import type { Args, OptionSpecs } from '#cli/args.ts'
import { brokersOf } from '#cli/brokers.ts'
import type { Terminal } from '#cli/terminal.ts'
import { defaultDataFolder, type SessionOptions } from '#local/session.ts'
import type { Plan } from '#plan/plan.ts'

/** Options that `run` and `dev` share. */
export const SESSION_OPTIONS: OptionSpecs = {
  data: { type: 'string' },
  partitions: { type: 'string' },
  'batch-size': { type: 'string' },
  workers: { type: 'string' },
  topic: { type: 'string' },
  'no-sql': { type: 'boolean' },
}

/** The data folder named with --data, else the pipeline's own. */
export function dataFolderOf(options: Args, terminal: Terminal, plan: Plan): string {
  const named = options.text('data')
  return named === undefined ? defaultDataFolder(terminal.workingFolder, plan) : resolve(terminal.workingFolder, named)
}

type Shared =
  | 'partitions'
  | 'batchSize'
  | 'workers'
  | 'commitEvery'
  | 'closeEvery'
  | 'brokers'
  | 'topicName'
  | 'databaseUrl'
  | 'batchWindow'
  | 'withSql'

/** How long a batch may wait to fill up: Lambda's own default. */
const BATCH_WINDOW = 500
/** How often tables are committed and windows closed: what a Lambda would do every few seconds. */
const COMMIT_EVERY = 2_000
const CLOSE_EVERY = 1_000

/** @throws SluiceError USAGE */
export function sessionSettings(options: Args, terminal: Terminal, batchSize: number): Pick<SessionOptions, Shared> {
  return {
    partitions: options.count('partitions', { min: 1, max: 1_000 }),
    batchSize: options.count('batch-size', { min: 1, max: 10_000 }) ?? batchSize,
    batchWindow: BATCH_WINDOW,
    workers: options.count('workers', { min: 0, max: 64 }) ?? 0,
    commitEvery: COMMIT_EVERY,
    closeEvery: CLOSE_EVERY,
    brokers: brokersOf(terminal),
    topicName: options.text('topic'),
    databaseUrl: terminal.env['DATABASE_URL'],
    withSql: !options.flag('no-sql'),
  }
}
