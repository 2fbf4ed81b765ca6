import type { ParquetTree } from '#parquet/reader.ts'

/** Writes the JSON of a value that is not null; undefined for one that statistics have no text for. */
type Format = (value: unknown) => string | undefined

/**
 * Statistics as a checkpoint may hold them, a struct (`add.stats_parsed`; PROTOCOL.md, "Checkpoint Schema"), back to the JSON that
 * commits have. `node` is the struct's in the checkpoint's schema: its leaves tell dates and timestamps from numbers.
 */
export function parsedStatsFormat(node: ParquetTree): Format {
  if (node.children.length === 0) return leafFormat(node.element)
  const parts = node.children.map((child) => ({
    stored: child.element.name,
    key: `${JSON.stringify(child.element.name)}:`,
    format: parsedStatsFormat(child),
  }))
  return (value) => {
    const struct = value as Record<string, unknown>
    const json: string[] = []
    for (const { stored, key, format } of parts) {
      const part = struct[stored] ?? null
      const text = part === null ? undefined : format(part)
      if (text !== undefined) json.push(key + text)
    }
    return `{${json.join(',')}}`
  }
}

function leafFormat({ converted_type: converted, logical_type: logical, type }: ParquetTree['element']): Format {
  if (converted === 'DATE' || logical?.type === 'DATE') {
    return (days) => instantText((days as number) * 86_400_000, (iso) => iso.slice(0, -14))
  }
  if (converted?.startsWith('TIMESTAMP') || logical?.type === 'TIMESTAMP' || type === 'INT96') {
    // Cut to the millisecond, as in commits.
    return (millis) => instantText(Math.floor(millis as number), (iso) => iso)
  }
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return (text) => String(text)
  return (value) => {
    if (typeof value === 'bigint') return String(value)
    if (typeof value === 'number') return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
    return typeof value === 'string' || typeof value === 'boolean' ? JSON.stringify(value) : undefined
  }
}

function instantText(millis: number, cut: (iso: string) => string): string | undefined {
  const date = new Date(millis)
  return Number.isNaN(date.getTime()) ? undefined : JSON.stringify(cut(date.toISOString()))
}
