import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type June, makeJune } from './june.ts'
import { tablesOf } from './lake.ts'
import { countsOf, runCrimes, sluice } from './sluice.ts'

let made: June
beforeAll(async () => {
  made = await makeJune()
})
afterAll(() => made.dispose())

/** The only file of a folder whose name ends so. */
function onlyFile(folder: string, end: string): string {
  const [name, ...others] = readdirSync(folder).filter((file) => file.endsWith(end))
  if (name === undefined || others.length > 0) throw new Error(`expected one ${end} in ${folder}`)
  return join(folder, name)
}

/** The largest of the topic's partitions. */
function longestLog(data: string): string {
  const logs = [0, 1, 2, 3, 4, 5].map((partition) => join(data, 'topic', 'crimes', String(partition)))
  const sized = logs.filter((folder) => readdirSync(folder).length > 0).map((folder) => onlyFile(folder, '.log'))
  return sized.toSorted((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!
}

describe('A damaged state file', () => {
  const WHAT_TO_DO =
    'Restore the whole data folder from a copy, or delete the data folder and rebuild it from its inputs; ' +
    'deleting this file alone would count records twice.\n'

  /** Which bytes of it are left, by its size. */
  test.each([
    ['empty', () => 0, 'an empty file'],
    ['cut off in its header', () => 60, 'a damaged or truncated one|a truncated one'],
    ['cut off at a page', (size: number) => size - 4096, 'a damaged or truncated one'],
    ['cut off within its last page', (size: number) => size - 1_000, 'a truncated one'],
  ])('%s is refused, and nothing is written', async (_, left, found) => {
    const data = made.copied()
    const state = join(data, 'state.sqlite')
    truncateSync(state, left(readFileSync(state).length))
    const { code, out, err } = await runCrimes(made.july, data)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      new RegExp(`^sluice: STATE_CORRUPT: Expected a state file of Sluice at ${state}, found (${found})\\. `),
    )
    expect(err.endsWith(WHAT_TO_DO)).toBe(true)
    await made.expectJune(data)
    // With the file restored the same command does its work.
    cpSync(join(made.whole, 'state.sqlite'), state)
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('is missed, beside tables and a topic', async () => {
    const data = made.copied()
    const state = join(data, 'state.sqlite')
    rmSync(state)
    const { code, err } = await runCrimes(made.july, data)
    expect(code).toBe(1)
    expect(err).toBe(
      `sluice: STATE_CORRUPT: Expected a state file of Sluice at ${state}, found none, beside what is stored in ` +
        `${join(data, 'lake')}. ${WHAT_TO_DO}`,
    )
    expect(existsSync(state)).toBe(false)
  })

  test('of an earlier day is refused', async () => {
    const data = made.copied()
    const state = join(data, 'state.sqlite')
    expect((await runCrimes(made.july, data)).code).toBe(0)
    cpSync(join(made.whole, 'state.sqlite'), state)
    const { code, err } = await runCrimes(made.july, data)
    expect(code).toBe(1)
    expect(err).toMatch(/STATE_CORRUPT: .* found an older one, which lacks records from offset \d+ of partition \d\. /)
  })

  test('is a manifest too', async () => {
    const data = made.copied()
    truncateSync(join(data, 'sluice.json'), 20)
    expect(await runCrimes(made.july, data)).toEqual({
      code: 1,
      out: '',
      err:
        `sluice: STATE_CORRUPT: Expected the manifest of a data folder at ${data}/sluice.json, found a damaged or truncated one. ` +
        'Restore the data folder from a copy, or delete it and rebuild it from its inputs.\n',
    })
  })
})

describe('A damaged topic log', () => {
  test('that has lost applied records at its end is refused, and mended by the file', async () => {
    const data = made.copied()
    const log = longestLog(data)
    const bytes = readFileSync(log)
    truncateSync(log, bytes.length - 100)
    const { code, out, err } = await runCrimes(made.july, data)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      /^sluice: TOPIC_RECREATED: Expected topic crimes to have \d+ records in partition \d, which were applied, found 0: its end was cut off, or it was deleted and created again\. Restore the topic from a copy, or start with an empty data folder and feed the inputs again\.\n$/,
    )
    await made.expectJune(data)
    writeFileSync(log, bytes)
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('that was deleted is refused', async () => {
    const data = made.copied()
    rmSync(join(data, 'topic'), { recursive: true })
    const { code, err } = await runCrimes(made.july, data)
    expect(code).toBe(1)
    expect(err).toContain('TOPIC_RECREATED: Expected topic crimes to have ')
  })

  test('with a damaged batch before others is refused, with the byte', async () => {
    const data = made.copied()
    expect((await runCrimes(made.july, data)).code).toBe(0)
    const log = longestLog(data)
    const bytes = readFileSync(log)
    bytes[20] = bytes[20]! ^ 1
    writeFileSync(log, bytes)
    const { code, err } = await runCrimes(made.june, data)
    expect(code).toBe(1)
    expect(err).toContain(
      `TOPIC_CORRUPT: Expected a batch of records of topic "crimes" in ${log} at byte 0, found damaged`,
    )
    expect(err).toContain('Restore the file from a copy, or start with an empty data folder and feed the inputs again.')
  })

  test('with a torn append that nobody has applied goes on, and the file is fed to its end', async () => {
    const data = made.copied()
    const log = longestLog(data)
    writeFileSync(log, Buffer.concat([readFileSync(log), readFileSync(log).subarray(0, 200)]))
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('that has lost its description is refused', async () => {
    const data = made.copied()
    truncateSync(join(data, 'topic', 'crimes', 'topic.json'), 10)
    const { code, err } = await runCrimes(made.july, data)
    expect(code).toBe(1)
    expect(err).toContain(
      `sluice: TOPIC_CORRUPT: Expected the name, the number of partitions and the id of a topic in ${data}`,
    )
  })

  test('whose consumers have lost their offsets applies nothing twice', async () => {
    const data = made.copied()
    const groups = join(data, 'topic', 'crimes', 'groups')
    for (const file of readdirSync(groups)) truncateSync(join(groups, file), 5)
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })
})

describe('A damaged table', () => {
  const silver = (data: string): string => join(data, 'lake', 'silver', 'crimes')

  test('with a truncated Parquet file still takes rows, and says which file it is when it is read', async () => {
    const data = made.copied()
    const damaged = readdirSync(silver(data)).find((name) => name.endsWith('.parquet'))!
    const file = join(silver(data), damaged)
    const bytes = readFileSync(file)
    truncateSync(file, Math.floor(bytes.length / 2))
    expect(countsOf(await runCrimes(made.july, data)).read).toBe(500)

    const message = new RegExp(
      `DELTA_FILE_DAMAGED: Expected the data file silver/crimes/${damaged} of silver/crimes to have ${bytes.length} bytes, ` +
        `found ${Math.floor(bytes.length / 2)}: it was cut off, or overwritten\\. Restore it from a copy\\.`,
    )
    const shown = await sluice(['show', 'silver.crimes', '--data', data, '--limit', '1000'])
    expect(shown.code).toBe(1)
    expect(shown.err).toMatch(message)
    await expect(tablesOf(data)).rejects.toThrow(/it was cut off/)
    const asked = await sluice(['query', 'SELECT sum(id) FROM silver.crimes', '--data', data])
    expect(asked.code).not.toBe(0)
    expect(asked.err).toContain(damaged)
    // Other tables can be read.
    expect((await sluice(['show', 'bronze.crimes', '--data', data, '--limit', '1'])).code).toBe(0)

    writeFileSync(file, bytes)
    await made.expectBoth(data)
  })

  test('without one of its Parquet files says which', async () => {
    const data = made.copied()
    const gone = readdirSync(silver(data)).find((name) => name.endsWith('.parquet'))!
    rmSync(join(silver(data), gone))
    const { code, err } = await sluice(['show', 'silver.crimes', '--data', data, '--limit', '1000'])
    expect(code).toBe(1)
    expect(err).toContain(
      `DELTA_FILE_MISSING: Version 1 of silver/crimes needs the data file silver/crimes/${gone}, which is gone.`,
    )
  })

  test.each([
    ['truncated', 300, /line 1: expected a JSON object, found text that is none/],
    ['empty', 0, /line 1: expected an action, found an empty file/],
  ])('with a commit that is %s is refused, and nothing is lost once it is restored', async (_, left, found) => {
    const data = made.copied()
    const commit = join(silver(data), '_delta_log', '00000000000000000001.json')
    const bytes = readFileSync(commit)
    truncateSync(commit, left)
    const ended = await runCrimes(made.july, data)
    const shown = await sluice(['show', 'silver.crimes', '--data', data])
    for (const { code, out, err } of [ended, shown]) {
      expect({ code, out }).toEqual({ code: 1, out: '' })
      expect(err).toMatch(
        /^sluice: DELTA_LOG_CORRUPT: Delta log silver\/crimes\/_delta_log\/00000000000000000001.json, /,
      )
      expect(err).toMatch(found)
      expect(err).toContain(
        'Restore that file from a copy; without it the table can only be read as of an older version.',
      )
    }
    writeFileSync(commit, bytes)
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('without its first commit says which file is missing', async () => {
    const data = made.copied()
    const commit = join(silver(data), '_delta_log', '00000000000000000000.json')
    rmSync(commit)
    const { code, err } = await sluice(['show', 'silver.crimes', '--data', data])
    expect({ code, err }).toEqual({
      code: 1,
      err:
        'sluice: DELTA_LOG_GAP: Expected commit silver/crimes/_delta_log/00000000000000000000.json on the way to version 1, ' +
        'found none, and no later checkpoint. Restore that file from a copy.\n',
    })
  })

  test.each([0, 50])('with a checksum of %i bytes does without it', async (left) => {
    const data = made.copied()
    for (const layer of ['bronze', 'silver', 'quarantine']) {
      const log = join(data, 'lake', layer, 'crimes', '_delta_log')
      for (const name of readdirSync(log)) if (name.endsWith('.crc')) truncateSync(join(log, name), left)
    }
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('with a truncated checkpoint is read from its commits', async () => {
    const data = made.copied()
    const log = join(silver(data), '_delta_log')
    writeFileSync(join(log, '00000000000000000001.checkpoint.parquet'), 'PAR1')
    writeFileSync(join(log, '_last_checkpoint'), '{"version":1,"size":3}')
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('leaves whatever lies beside it alone', async () => {
    const data = made.copied()
    const stray = join(dirname(silver(data)), 'notes.txt')
    writeFileSync(stray, 'mine')
    expect((await runCrimes(made.july, data)).code).toBe(0)
    expect(readFileSync(stray, 'utf8')).toBe('mine')
    await made.expectBoth(data)
  })
})
