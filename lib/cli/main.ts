import { optionsOf } from '#cli/args.ts'
import { COMMANDS } from '#cli/commands.ts'
import { processTerminal } from '#cli/process-terminal.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'
import { alignTable } from '#cli/text.ts'
import { isSluiceError, SluiceError } from '#core/errors.ts'
import { nearest } from '#core/nearest.ts'

/** Codes that mean: the command line or the input is wrong, not the program or the machine. */
const USAGE_CODES =
  /^(USAGE|INPUT_|CSV_|PIPELINE_|TABLE_UNKNOWN|COLUMN_UNKNOWN|DELTA_VERSION_NOT_FOUND|DELTA_NOT_A_TABLE|STORE_BUCKET_NOT_FOUND|DELTA_RETENTION_TOO_SHORT|DELTA_PREDICATE_INVALID|DURATION_INVALID|TIME_ZONE_UNKNOWN|NAME_INVALID|QUERY_FAILED|DATA_FOLDER_NOT_FOUND|TOPIC_PARTITIONS_MISMATCH|TOPIC_MISMATCH)/

/** The `sluice` command. Resolves with the exit code. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  try {
    return await dispatch(argv, terminal)
  } catch (error) {
    if (terminal.interrupted.aborted && !isSluiceError(error)) return EXIT.interrupted
    const asJson = optionsOf(argv).includes('--json')
    if (!isSluiceError(error)) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      terminal.err(
        asJson ? `${JSON.stringify({ error: { code: null, message: text, details: {} } })}\n` : `sluice: ${text}\n`,
      )
      return EXIT.failed
    }
    const { code, message, details } = error
    terminal.err(
      asJson ? `${JSON.stringify({ error: { code, message, details } })}\n` : `sluice: ${code}: ${message}\n`,
    )
    return USAGE_CODES.test(code) ? EXIT.usage : EXIT.failed
  }
}

async function dispatch([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === 'help' && args[0] !== undefined) return dispatch([args[0], '--help'], terminal)
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(overview())
    return EXIT.done
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load === undefined) {
    const names = Object.keys(COMMANDS)
    const near = nearest(name, names)
    const hint = near === undefined ? '' : ` Did you mean ${near}?`
    throw new SluiceError('USAGE', `There is no command ${name}.${hint} Commands: ${names.join(', ')}.`)
  }
  const command: Command = await load.load()
  const options = optionsOf(args)
  if (options.includes('--help') || options.includes('-h')) {
    terminal.out(command.help)
    return EXIT.done
  }
  return command.run(args, terminal)
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => [`  ${name}`, summary])
  const [, ...lines] = alignTable(['', ''], rows).split('\n')
  return `sluice: Kafka topics become a streaming lakehouse

${lines.join('\n')}
sluice COMMAND --help says more; --json is for machines.
Ends with 0 when done, 1 when something failed, 2 when the command line or the input is wrong, 130 when interrupted.
`
}
