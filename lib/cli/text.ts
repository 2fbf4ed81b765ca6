/** 23913 → 23,913. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Columns padded to their widest cell, two spaces between, a newline after each row. `right` names the right-aligned columns. */
export function alignTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [header, ...rows].map((cells) => `${line(cells)}\n`).join('')
}

/** 2018-06-01T05:00:00Z; milliseconds only where there are any. */
export function isoTime(instant: number): string {
  return new Date(instant).toISOString().replace('.000Z', 'Z')
}
