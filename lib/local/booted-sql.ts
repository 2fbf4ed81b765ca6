import type { SqlSink, SqlTable } from '#ports/sql-sink.ts'

export interface BootSettings {
  /** Whether `prepare` waits for the boot. Where it doesn't, what is wrong with the tables is the answer to the next call. */
  readonly wait: boolean
}

/**
 * A SQL sink that boots beside the stream: booting starts at once, every call waits for it and for the tables, and what failed of
 * it is tried again by the next call.
 */
export function bootedSql(boot: () => Promise<SqlSink>, { wait }: BootSettings): SqlSink {
  let closed = false
  const opened = retried(async () => {
    if (closed) throw new RangeError('the sink is closed')
    return boot()
  })
  opened().catch(() => {})
  let wanted: { readonly tables: readonly SqlTable[]; readonly owner: string } | null = null
  const prepareWanted = async (): Promise<SqlSink> => {
    if (wanted === null) throw new RangeError('the sink was not prepared')
    const sink = await opened()
    await sink.prepare(wanted.tables, wanted.owner)
    return sink
  }
  let ready = retried(prepareWanted)
  return {
    async prepare(tables, owner) {
      wanted = { tables, owner }
      ready = retried(prepareWanted)
      const preparing = ready()
      if (wait) await preparing
      else preparing.catch(() => {})
    },
    async fence(name) {
      return (await ready()).fence(name)
    },
    async apply(name, fence, changes) {
      return (await ready()).apply(name, fence, changes)
    },
    async close() {
      closed = true
      const sink = await opened().catch(() => null)
      await sink?.close()
    },
  }
}

/** Does it once for all who ask, and again for the first who asks after it has failed. */
function retried<T>(start: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | null = null
  return () => {
    if (current === null) {
      const started = start()
      current = started
      started.catch(() => {
        current = null
      })
    }
    return current
  }
}
