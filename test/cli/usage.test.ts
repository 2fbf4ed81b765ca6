import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { RecordingTerminal } from '../unit/cli/recording-terminal.ts'
import { crime, csv } from './crimes-csv.ts'
import { place, runCrimes, sluice } from './sluice.ts'

class BrokenTerminal extends RecordingTerminal {
  override out(): void {
    throw new TypeError('no terminal')
  }
}

describe('The command line', () => {
  test.each([
    [['run'], 'Which pipeline? Try: sluice run crimes --input FILE.csv'],
    [['run', 'crimes'], 'Which files? Try: sluice run crimes --input FILE.csv'],
    [['run', 'crimes', 'thefts', '--input', 'x.csv'], 'thefts is one word too many. Try: sluice run --help'],
    [['run', 'crimes', '--input'], "Option '--input <value>' argument missing. Try: sluice run --help"],
    [['run', 'crimes', '--inptu', 'x.csv'], "Unknown option '--inptu'. Try: sluice run --help"],
    [partitions('0'), '--partitions takes a whole number from 1 to 1000, not 0. Try: sluice run --help'],
    [partitions('six'), '--partitions takes a whole number from 1 to 1000, not six. Try: sluice run --help'],
    [batch('10001'), '--batch-size takes a whole number from 1 to 10000, not 10001. Try: sluice run --help'],
    [batch('0'), '--batch-size takes a whole number from 1 to 10000, not 0. Try: sluice run --help'],
  ])('%j ends with 2', async (args, message) => {
    const { input } = place()
    const file = input('x.csv', csv([crime()]))
    const ended = await sluice(args.map((arg) => (arg === 'x.csv' ? file : arg)))
    expect(ended).toEqual({ code: 2, out: '', err: `sluice: USAGE: ${message}\n` })
  })

  test('may not change the partitions of a topic that is there', async () => {
    const { data, input } = place()
    const file = input('crimes.csv', csv([crime()]))
    expect((await runCrimes(file, data)).code).toBe(0)
    expect(await runCrimes(file, data, ['--partitions', '3'])).toEqual({
      code: 2,
      out: '',
      err:
        'sluice: TOPIC_PARTITIONS_MISMATCH: The topic crimes in this data folder has 6 partitions, and --partitions asks for 3. ' +
        'Leave the option out, or choose another --data folder.\n',
    })
  })

  test('gets an error as one line of JSON with --json', async () => {
    const { folder, data } = place()
    const { code, out, err } = await runCrimes(join(folder, 'june.csv'), data, ['--json'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err.indexOf('\n')).toBe(err.length - 1)
    expect(JSON.parse(err)).toEqual({
      error: {
        code: 'INPUT_NOT_FOUND',
        message: expect.stringMatching(/^There is no file /),
        details: { path: join(folder, 'june.csv'), code: 'ENOENT' },
      },
    })
  })

  test('gets a fault of the program with its stack, with --json as JSON', async () => {
    const plain = await sluice(['plan', 'crimes'], new BrokenTerminal())
    expect(plain.code).toBe(1)
    expect(plain.err).toMatch(/^sluice: TypeError: no terminal\n {4}at /)
    const json = await sluice(['plan', 'crimes', '--json'], new BrokenTerminal())
    expect(json.code).toBe(1)
    expect(JSON.parse(json.err)).toEqual({
      error: { code: null, message: expect.stringMatching(/^TypeError: no terminal\n/), details: {} },
    })
  })

  test('gets the summary as one line of JSON with --json', async () => {
    const { data, input } = place()
    const { code, out, err } = await runCrimes(input('crimes.csv', csv([crime()])), data, ['--json'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(out)).toMatchObject({
      pipeline: 'crimes',
      records: { read: 1, counted: 1, late: 0, partlyLate: 0, quarantined: 0 },
      tables: [{ name: 'bronze.crimes', rows: 1, version: 1 }, {}, {}, {}, {}, {}, {}, {}],
    })
  })
})

function partitions(count: string): string[] {
  return ['run', 'crimes', '--input', 'x.csv', '--partitions', count]
}

function batch(size: string): string[] {
  return ['run', 'crimes', '--input', 'x.csv', '--batch-size', size]
}

describe('A pipeline that can not be loaded', () => {
  const missing = 'Give the path of a module whose default export is a pipeline.'
  const noPipeline = "End the file with: export default pipeline('name', { … })."

  test.each([
    ['is missing', null, `PIPELINE_NOT_FOUND: There is no pipeline FILE: looked for FILE. ${missing}`],
    ['throws', "throw new Error('no luck')", "PIPELINE_INVALID: The pipeline FILE can't be loaded: no luck"],
    [
      'exports nothing by default',
      'export const crimes = 1',
      `PIPELINE_INVALID: Expected the file's default export to be a pipeline, found no default export. ${noPipeline}`,
    ],
    [
      'exports something else',
      'export default { topic: 1 }',
      `PIPELINE_INVALID: Expected the file's default export to be a pipeline, found an object { topic } without a name. ${noPipeline}`,
    ],
  ])('%s: exit code 2', async (_, source, message) => {
    const { folder, input } = place()
    const file = join(folder, 'pipeline.mjs')
    if (source !== null) input('pipeline.mjs', source)
    const ended = await sluice(['run', file, '--input', input('crimes.csv', csv([crime()]))])
    expect(ended).toEqual({ code: 2, out: '', err: `sluice: ${message.replaceAll('FILE', file)}\n` })
  })

  test('is looked for in each place once: in a clone the examples are those of the working folder', async () => {
    const workingFolder = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
    const { err } = await sluice(['plan', 'nothing'], new RecordingTerminal({ workingFolder }))
    const looked = ['ts', 'js', 'mjs'].map((end) => join(workingFolder, 'pipelines', `nothing.${end}`)).join(', ')
    expect(err).toBe(`sluice: PIPELINE_NOT_FOUND: There is no pipeline nothing: looked for ${looked}. ${missing}\n`)
  })

  test('is a folder: exit code 2', async () => {
    const { folder, input } = place()
    const ended = await sluice(['run', folder, '--input', input('crimes.csv', csv([crime()]))])
    expect(ended.code).toBe(2)
    expect(ended.err).toContain(`PIPELINE_NOT_FOUND: There is no pipeline ${folder}`)
  })

  test('has no syntax: exit code 2', async () => {
    const { input } = place()
    const file = input('pipeline.mjs', 'export default {{')
    const ended = await sluice(['run', file, '--input', input('crimes.csv', csv([crime()]))])
    expect(ended.code).toBe(2)
    expect(ended.err).toContain(`sluice: PIPELINE_INVALID: The pipeline ${file} can't be loaded: `)
  })
})
