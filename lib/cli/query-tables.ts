/** The tables whose name is in the text, in any case and quoted or not; all, if there is none: it may ask what there is. */
export function tablesNamedIn(sql: string, names: readonly string[]): readonly string[] {
  const text = sql
    .toLowerCase()
    .replaceAll('"', '')
    .replace(/\s*\.\s*/g, '.')
  const named = names.filter((name) => {
    const at = new RegExp(`(?<![\\w$])${name.replace('.', '\\.')}(?![\\w$])`)
    return at.test(text)
  })
  return named.length === 0 ? names : named
}
