/** What user code threw, as text: it may be anything. */
export function textOfThrown(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'something that is no text'
  }
}
