import { isSluiceError, SluiceError } from '#core/errors.ts'
import { COMMANDS } from '#cli/commands.ts'
import { processTerminal } from '#cli/process-terminal.ts'
import { alignTable } from '#cli/text.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'

/** Codes that mean: the command line or the input is wrong, not the program or the machine. */
const USAGE_CODES = /^(USAGE|INPUT_|CSV_|PIPELINE_|TABLE_UNKNOWN|QUERY_FAILED|DATA_FOLDER_NOT_FOUND)/

/** The `sluice` command. Resolves with the exit code. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  try {
    return await dispatch(argv, terminal)
  } catch (error) {
    if (terminal.interrupted.aborted && !isSluiceError(error)) return EXIT.interrupted
    if (!isSluiceError(error)) {
      terminal.err(`sluice: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
      return EXIT.failed
    }
    const asJson = argv.includes('--json')
    const { code, message, details } = error
    terminal.err(asJson ? `${JSON.stringify({ error: { code, message, details } })}\n` : `sluice: ${code}: ${message}\n`)
    return USAGE_CODES.test(code) ? EXIT.usage : EXIT.failed
  }
}

async function dispatch([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(overview())
    return EXIT.done
  }
  const load = COMMANDS[name]
  if (load === undefined) {
    throw new SluiceError('USAGE', `There is no command ${name}. Commands: ${Object.keys(COMMANDS).join(', ')}.`)
  }
  const command: Command = await load.load()
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(command.help)
    return EXIT.done
  }
  return command.run(args, terminal)
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => [`  ${name}`, summary])
  return `sluice: Kafka topics become a streaming lakehouse\n\n${alignTable(['', ''], rows).trimStart()}\nsluice COMMAND --help says more.\n`
}
