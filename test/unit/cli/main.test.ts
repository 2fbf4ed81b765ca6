import { describe, expect, test } from 'vitest'
import { COMMANDS } from '#cli/commands.ts'
import { main } from '#cli/main.ts'
import { RecordingTerminal } from './recording-terminal.ts'

async function sluice(...args: readonly string[]) {
  const terminal = new RecordingTerminal()
  const code = await main(args, terminal)
  return { code, out: terminal.output, err: terminal.errors }
}

describe('The command line', () => {
  test.each([[], ['--help'], ['-h'], ['help']])('%s lists every command', async (...args) => {
    const { code, out, err } = await sluice(...args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const name of Object.keys(COMMANDS)) expect(out).toMatch(new RegExp(`^  ${name} +\\w`, 'm'))
  })

  test.each(Object.keys(COMMANDS))('%s --help says what it takes', async (name) => {
    const { code, out } = await sluice(name, '--help')
    expect(code).toBe(0)
    expect(out.startsWith(`sluice ${name}`)).toBe(true)
    expect(out).toContain('--json')
    expect(await sluice('help', name)).toEqual({ code: 0, out, err: '' })
  })

  test('an unknown command is refused with the nearest one', async () => {
    expect(await sluice('tabels')).toEqual({
      code: 2,
      out: '',
      err: `sluice: USAGE: There is no command tabels. Did you mean tables? Commands: ${Object.keys(COMMANDS).join(', ')}.\n`,
    })
  })

  test('a word of every object is no command', async () => {
    expect((await sluice('toString')).err).toContain('There is no command toString. Commands: ')
  })

  test.each([
    [['tables', '--colour'], "sluice: USAGE: Unknown option '--colour'. Try: sluice tables --help\n"],
    [['tables', './x', 'y'], 'sluice: USAGE: y is one word too many. Try: sluice tables --help\n'],
    ...['show', 'history', 'quarantine'].flatMap((command) =>
      ['-1', '1.5', 'all'].map((limit): [string[], string] => [
        [command, '--limit', limit],
        `sluice: USAGE: --limit takes a whole number, 0 or more, not ${limit}. Try: sluice ${command} --help\n`,
      ]),
    ),
    [
      ['tables', '--data', '--json'],
      '--data needs a value, found --json. Such a value is written --data=--json. Try: sluice tables',
    ],
    [
      ['query', '--comment\nSELECT 1'],
      'What begins with a dash is an option. Text that does is written after --: sluice query -- "--…"',
    ],
    [['dev', '--rate', 'fast'], '--rate takes a number above 0, not fast. Try: sluice dev --help'],
    [['run'], 'sluice: USAGE: Which pipeline? Try: sluice run crimes --input FILE.csv\n'],
    [['run', 'crimes'], 'sluice: USAGE: Which files? Try: sluice run crimes --input FILE.csv\n'],
  ])('%j is refused with advice', async (args, message) => {
    const { code, out, err } = await sluice(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })

  test('with --json an error is one too', async () => {
    const { code, err } = await sluice('plan', 'nothing', '--json')
    expect(code).toBe(2)
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'PIPELINE_NOT_FOUND', details: { name: 'nothing' } } })
  })
})
