/** Does the work for each item, at most `limit` at a time. Rejects with the first fault once all that had begun has ended. */
export async function eachLimited<T>(
  limit: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  let fault: { readonly error: unknown } | undefined
  const lane = async (): Promise<void> => {
    while (next < items.length && fault === undefined) {
      const index = next++
      try {
        await work(items[index]!, index)
      } catch (error) {
        fault ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  if (fault !== undefined) throw fault.error
}
