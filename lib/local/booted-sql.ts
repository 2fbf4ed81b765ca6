import type { SqlSink, SqlTable } from '#ports/sql-sink.ts'

/**
 * A SQL sink that boots beside the stream: booting starts at once, every call waits for it, and a boot that failed is tried
 * again by the next call.
 */
export function bootedSql(boot: () => Promise<SqlSink>, tables: readonly SqlTable[]): SqlSink {
  const start = async (): Promise<SqlSink> => {
    const sink = await boot()
    await sink.prepare(tables)
    return sink
  }
  let booting = start()
  booting.catch(() => {})
  const ready = async (): Promise<SqlSink> => {
    try {
      return await booting
    } catch {
      booting = start()
      return booting
    }
  }
  return {
    async prepare(more) {
      await (await ready()).prepare(more)
    },
    async fence(name) {
      return (await ready()).fence(name)
    },
    async apply(name, fence, changes) {
      return (await ready()).apply(name, fence, changes)
    },
    async close() {
      const sink = await booting.catch(() => null)
      await sink?.close()
    },
  }
}
