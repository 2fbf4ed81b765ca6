import { isSluiceError } from '#core/errors.ts'
import type { Txn } from '#delta/table.ts'
import { type Accepted, type AcceptedBody, type AcceptedFile, acceptedItems } from '#runtime/accepted.ts'
import { lakeGroup, lateGroup, partitionAppId } from '#runtime/keys.ts'
import { openTable } from '#runtime/open-table.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type PlannedTable, plannedTables } from '#runtime/tables.ts'

/** What one commit did, for the log of an operator. */
export interface Committed {
  readonly table: string
  readonly version: number
  readonly files: number
}

/**
 * Folds the accepted files of all partitions into at most one Delta commit a table, then trims the items. The tables' own
 * `txn` versions say what is in, so it may run twice at once, or stop anywhere.
 *
 * Cost: one LIST of items; for each table with news one append (≤ 5 requests); one write for each trimmed item.
 */
export async function commitAccepted(runtime: Runtime): Promise<readonly Committed[]> {
  const tables = plannedTables(runtime.plan)
  const done: Committed[] = []
  for (const [writer, group] of [
    ['lake', lakeGroup(runtime)],
    ['late', lateGroup(runtime)],
  ] as const) {
    const items = acceptedItems(runtime.state, group)
    const accepted = await items.list()
    if (![...accepted.values()].some((item) => (item.body?.files.length ?? 0) > 0)) continue
    for (const table of tables) {
      if (table.writer === writer) done.push(...(await commitTable(runtime, table, accepted)))
    }
    for (const [partition, item] of accepted) await trim(items, partition, item)
  }
  return done
}

const ATTEMPTS = 10

async function commitTable(
  runtime: Runtime,
  planned: PlannedTable,
  accepted: ReadonlyMap<number, Accepted>,
): Promise<readonly Committed[]> {
  const files = [...accepted].flatMap(([partition, item]) =>
    (item.body?.files ?? []).filter((file) => file.table === planned.name).map((file) => ({ partition, file })),
  )
  if (files.length === 0) return []
  const table = await openTable(runtime, planned.name)
  for (let attempt = 1; ; attempt++) {
    const { version, txns } = await table.appendState()
    const news = files.filter(
      ({ partition, file }) => file.offset > (txns.get(partitionAppId(runtime, partition)) ?? -1),
    )
    if (news.length === 0) return []
    try {
      const committed = await table.commit({
        readVersion: version,
        adds: news.map(({ file }) => file.add),
        txns: lastOffsets(runtime, news),
        operation: 'STREAMING UPDATE',
      })
      return [{ table: planned.name, version: committed.version, files: news.length }]
    } catch (error) {
      // Another committer put some of these files in: look again what is left.
      if (!isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT') || attempt === ATTEMPTS) throw error
    }
  }
}

function lastOffsets(runtime: Runtime, news: readonly { partition: number; file: AcceptedFile }[]): readonly Txn[] {
  const last = new Map<number, number>()
  for (const { partition, file } of news) last.set(partition, Math.max(file.offset, last.get(partition) ?? -1))
  return [...last].map(([partition, version]) => ({ appId: partitionAppId(runtime, partition), version }))
}

/** Every file that was listed is committed now; files that the stage added meanwhile stay. */
async function trim(items: ReturnType<typeof acceptedItems>, partition: number, item: Accepted): Promise<void> {
  const committed = new Set((item.body?.files ?? []).map((file) => file.add.path))
  let before = item
  for (;;) {
    if (before.body === null) return
    const files = before.body.files.filter((file) => !committed.has(file.add.path))
    if (files.length === before.body.files.length) return
    const body: AcceptedBody = { ...before.body, files }
    const result = await items.store(partition, before, body)
    if (result.ok) return
    before = result.item
  }
}
