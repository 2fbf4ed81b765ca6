import { type ParseArgsConfig, parseArgs } from 'node:util'
import { SluiceError } from '#core/errors.ts'

export type OptionSpecs = NonNullable<ParseArgsConfig['options']>

export interface Args {
  readonly positionals: readonly string[]
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  flag(name: string): boolean
  /** @throws SluiceError USAGE unless it is a whole number in the range; without `max` there is no bound above */
  count(name: string, range: { readonly min: number; readonly max?: number }): number | undefined
  /** How many of something to print, as --limit says; default 20. @throws SluiceError USAGE unless it is a whole number, 0 or more */
  limit(): number
  /** @throws SluiceError USAGE unless it is a number above 0 */
  positive(name: string): number | undefined
}

const LIMIT = 20

const usage = (message: string, command: string): SluiceError =>
  new SluiceError('USAGE', `${message} Try: sluice ${command} --help`)

/** @throws SluiceError USAGE for an unknown option, a missing value, or too many words */
export function readArgs(command: string, args: readonly string[], options: OptionSpecs, words: number): Args {
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: withValues(command, args, options), options, allowPositionals: true, strict: true })
  } catch (cause) {
    if (cause instanceof SluiceError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && optionsOf(args).some(isText)) {
      throw usage(
        `What begins with a dash is an option. Text that does is written after --: sluice ${command} -- "--…".`,
        command,
      )
    }
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
  const count: Args['count'] = (name, { min, max = Number.POSITIVE_INFINITY }) => {
    const value = number(name)
    if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value
    const range = max === Number.POSITIVE_INFINITY ? `, ${min} or more` : ` from ${min} to ${max}`
    throw usage(`--${name} takes a whole number${range}, not ${text(name)}.`, command)
  }
  return {
    positionals,
    text,
    texts: (name) => (values[name] as string[] | undefined) ?? [],
    flag: (name) => values[name] === true,
    count,
    limit: () => count('limit', { min: 0 }) ?? LIMIT,
    positive(name) {
      const value = number(name)
      if (value === undefined || (Number.isFinite(value) && value > 0)) return value
      throw usage(`--${name} takes a number above 0, not ${text(name)}.`, command)
    },
  }
}

/** What comes before `--`: only there are options. */
export function optionsOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  return end < 0 ? args : args.slice(0, end)
}

/** No name of an option, which is one word: a query that begins with a comment. */
const isText = (arg: string): boolean => /^--?[^=]*\s/.test(arg)

/** Gives a negative number to the option before it, which would else be taken for an option itself. */
function withValues(command: string, args: readonly string[], specs: OptionSpecs): string[] {
  const options = optionsOf(args)
  const joined: string[] = []
  for (let i = 0; i < options.length; i++) {
    const [arg, next] = [options[i]!, options[i + 1]]
    const takesValue = arg.startsWith('--') && specs[arg.slice(2)]?.type === 'string'
    if (!takesValue || next === undefined || !/^-./.test(next)) {
      joined.push(arg)
      // The value of an option, whatever it looks like.
      if (takesValue && next !== undefined) joined.push(options[++i]!)
      continue
    }
    if (!/^-[\d.]/.test(next)) {
      throw usage(`${arg} needs a value, found ${next}. Such a value is written ${arg}=${next}.`, command)
    }
    joined.push(`${arg}=${next}`)
    i++
  }
  return joined.concat(args.slice(options.length))
}
