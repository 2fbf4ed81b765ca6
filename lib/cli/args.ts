import { type ParseArgsConfig, parseArgs } from 'node:util'
import { SluiceError } from '#core/errors.ts'

export type OptionSpecs = NonNullable<ParseArgsConfig['options']>

export interface Args {
  readonly positionals: readonly string[]
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  flag(name: string): boolean
  /** @throws SluiceError USAGE unless it is a whole number in the range */
  count(name: string, range: { readonly min: number; readonly max: number }): number | undefined
  /** @throws SluiceError USAGE unless it is a number above 0 */
  positive(name: string): number | undefined
}

const usage = (message: string, command: string): SluiceError =>
  new SluiceError('USAGE', `${message} Try: sluice ${command} --help`)

/** @throws SluiceError USAGE for an unknown option, a missing value, or too many words */
export function readArgs(command: string, args: readonly string[], options: OptionSpecs, words: number): Args {
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (cause) {
    const [first = ''] = (cause as Error).message.split('. ')
    throw usage(`${first.replace(/\.$/, '')}.`, command)
  }
  const { values, positionals } = parsed
  if (positionals.length > words) throw usage(`${positionals[words]} is one word too many.`, command)
  const text = (name: string): string | undefined => values[name] as string | undefined
  const number = (name: string): number | undefined => {
    const value = text(name)
    return value === undefined ? undefined : Number(value.trim() === '' ? Number.NaN : value)
  }
  return {
    positionals,
    text,
    texts: (name) => (values[name] as string[] | undefined) ?? [],
    flag: (name) => values[name] === true,
    count(name, { min, max }) {
      const value = number(name)
      if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value
      throw usage(`--${name} takes a whole number from ${min} to ${max}, not ${text(name)}.`, command)
    },
    positive(name) {
      const value = number(name)
      if (value === undefined || (Number.isFinite(value) && value > 0)) return value
      throw usage(`--${name} takes a number above 0, not ${text(name)}.`, command)
    },
  }
}
