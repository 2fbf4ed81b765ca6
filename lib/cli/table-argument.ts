import { SluiceError } from '#core/errors.ts'

/** The table that a command was given. @throws SluiceError USAGE when it wasn't, with the tables there are */
export function needed(command: string, table: string | undefined, names: readonly string[]): string {
  if (table !== undefined) return table
  const list = names.length === 0 ? 'there are none yet' : names.join(', ')
  throw new SluiceError('USAGE', `Which table? Try: sluice ${command} ${names[0] ?? 'TABLE'}. Tables: ${list}.`)
}
