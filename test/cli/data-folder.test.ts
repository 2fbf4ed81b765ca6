import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeCrimesCsv } from '#local/simulator.ts'
import { type Contents, differences } from '../support/table-rows.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { contentsOf, tablesOf } from './lake.ts'
import { BIN, canMount, countsOf, place, runArgs, runCrimes, sluice } from './sluice.ts'

const made = createTemporaryFolder()
const june = join(made.path, 'june.csv')
const more = join(made.path, 'more.csv')
const whole = join(made.path, 'whole')
/** The tables with June, and with the other file after it. */
let wantedOfJune: Contents
let wantedOfBoth: Contents

beforeAll(async () => {
  writeFileSync(june, writeCrimesCsv(1, 300))
  writeFileSync(more, writeCrimesCsv(2, 200, { start: Date.UTC(2018, 6, 1, 5) }))
  expect((await runCrimes(june, whole)).code).toBe(0)
  const both = join(made.path, 'both')
  expect((await runCrimes([june, more], both)).code).toBe(0)
  wantedOfJune = await contentsOf(whole)
  wantedOfBoth = await contentsOf(both)
})
afterAll(() => made[Symbol.dispose]())

/** A copy of the data folder that holds June. */
function copied(): string {
  const { data } = place()
  cpSync(whole, data, { recursive: true })
  return data
}

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

async function expectBoth(data: string): Promise<void> {
  expect(differences(await contentsOf(data), wantedOfBoth)).toEqual([])
}

describe('A data folder that somebody else has', () => {
  test('is refused while the other process runs, and free as soon as it is killed', async () => {
    const data = copied()
    const lock = pathToFileURL(fileURLToPath(new URL('../../lib/local/data-folder-lock.ts', import.meta.url))).href
    const code = `const { lockDataFolder } = await import(${JSON.stringify(lock)})
      lockDataFolder(${JSON.stringify(data)}); console.log('locked'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(child, 'exit')
    try {
      await once(child.stdout, 'data')
      expect(await runCrimes(june, data)).toEqual({
        code: 1,
        out: '',
        err:
          `sluice: DATA_FOLDER_IN_USE: Expected data folder ${data} to be free, but process ${child.pid} has it open. ` +
          'Stop that one first, or choose another --data folder.\n',
      })
    } finally {
      child.kill('SIGKILL')
      await exit
    }
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })
})

describe('A data folder of another pipeline', () => {
  const source = readFileSync(new URL('../../pipelines/crimes.ts', import.meta.url), 'utf8').replace(
    "'../lib/index.ts'",
    JSON.stringify(new URL('../../lib/index.ts', import.meta.url).href),
  )

  test('is refused with what has changed', async () => {
    const data = copied()
    const { input } = place()
    const changed = input('crimes.ts', source.replace("sliding('5 hours'", "sliding('6 hours'"))
    const { code, err } = await sluice(['run', changed, ...runArgs(more, data).slice(2)])
    expect(code).toBe(1)
    expect(err).toMatch(
      /^sluice: WINDOW_STATE_MISMATCH: Expected data folder \S+ to hold the state of this definition of "crimes", found that of another one\. What changed:\n(?: {2}- .+\n)+ Choose another --data folder to build the tables anew, or go back to the old definition\.\n$/,
    )
    expect(err).toContain('crimes_anomaly')
    // Going back to the old definition helps.
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })

  test('is refused with the other name', async () => {
    const data = copied()
    const { input } = place()
    const other = input('thefts.ts', source.replace("pipeline('crimes'", "pipeline('thefts'"))
    expect(await sluice(['run', other, ...runArgs(more, data).slice(2)])).toEqual({
      code: 1,
      out: '',
      err:
        `sluice: WINDOW_STATE_MISMATCH: Expected data folder ${data} to hold pipeline "thefts", found pipeline "crimes". ` +
        'Choose another --data folder for "thefts".\n',
    })
  })
})

describe('A data folder that can not be written', () => {
  const readOnlyRun = (script: string) => {
    const { data } = place()
    mkdirSync(data)
    const run = `"$NODE" "$BIN" ${runArgs('"$INPUT"', '"$MNT"/data').join(' ')} >/dev/null`
    const child = spawn('unshare', ['-rm', 'sh', '-c', script.replaceAll('RUN', run)], {
      env: { ...process.env, NODE: process.execPath, BIN, INPUT: june, MNT: data, WHOLE: whole },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let err = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    return once(child, 'close').then(([code]) => ({ code, err, data: join(data, 'data') }))
  }

  test.skipIf(!canMount())('is refused where its disk is mounted read-only', async () => {
    const mount = 'mount -t tmpfs none "$MNT" && cp -r "$WHOLE" "$MNT"/data && mount -o remount,ro "$MNT" && RUN'
    const { code, err, data } = await readOnlyRun(mount)
    expect(err).toBe(
      `sluice: DATA_FOLDER_READ_ONLY: ${data} must be writable, but the system refuses it (EROFS). ` +
        'Change its permissions, or choose another --data folder.\n',
    )
    expect(code).toBe(1)
  })

  test.skipIf(!canMount())('is refused where it would be made on such a disk', async () => {
    const { code, err, data } = await readOnlyRun('mount -t tmpfs -o ro none "$MNT" && RUN')
    expect(err).toContain(`sluice: DATA_FOLDER_READ_ONLY: ${data} must be writable, but the system refuses it (EROFS).`)
    expect(code).toBe(1)
  })

  test.skipIf(process.getuid?.() === 0)('is refused where this user may not write', async () => {
    const data = copied()
    chmodSync(data, 0o555)
    try {
      const { code, err } = await runCrimes(more, data)
      expect(code).toBe(1)
      expect(err).toMatch(/^sluice: DATA_FOLDER_READ_ONLY: /)
    } finally {
      chmodSync(data, 0o755)
    }
  })

  test('is refused where a file is in its place', async () => {
    const { input } = place()
    const file = input('data', 'a file')
    expect(await runCrimes(june, file)).toEqual({
      code: 2,
      out: '',
      err:
        `sluice: DATA_FOLDER_NOT_FOUND: Expected a data folder at ${file}, found a file in its place. ` +
        'Name another one with --data, or run the pipeline first.\n',
    })
  })
})

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
    const data = copied()
    const state = join(data, 'state.sqlite')
    truncateSync(state, left(readFileSync(state).length))
    const { code, out, err } = await runCrimes(more, data)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      new RegExp(`^sluice: STATE_CORRUPT: Expected a state file of Sluice at ${state}, found (${found})\\. `),
    )
    expect(err.endsWith(WHAT_TO_DO)).toBe(true)
    expect(differences(await contentsOf(data), wantedOfJune)).toEqual([])
    // With the file restored the same command does its work.
    cpSync(join(whole, 'state.sqlite'), state)
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })

  test('is missed, beside tables and a topic', async () => {
    const data = copied()
    const state = join(data, 'state.sqlite')
    rmSync(state)
    const { code, err } = await runCrimes(more, data)
    expect(code).toBe(1)
    expect(err).toBe(
      `sluice: STATE_CORRUPT: Expected a state file of Sluice at ${state}, found none, beside what is stored in ` +
        `${join(data, 'lake')}. ${WHAT_TO_DO}`,
    )
    expect(existsSync(state)).toBe(false)
  })

  test('of an earlier day is refused', async () => {
    const data = copied()
    const state = join(data, 'state.sqlite')
    expect((await runCrimes(more, data)).code).toBe(0)
    cpSync(join(whole, 'state.sqlite'), state)
    const { code, err } = await runCrimes(more, data)
    expect(code).toBe(1)
    expect(err).toMatch(/STATE_CORRUPT: .* found an older one, which lacks records from offset \d+ of partition \d\. /)
  })

  test('is a manifest too', async () => {
    const data = copied()
    truncateSync(join(data, 'sluice.json'), 20)
    expect(await runCrimes(more, data)).toEqual({
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
    const data = copied()
    const log = longestLog(data)
    const bytes = readFileSync(log)
    truncateSync(log, bytes.length - 100)
    const { code, out, err } = await runCrimes(more, data)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      /^sluice: TOPIC_RECREATED: Expected topic crimes to have \d+ records in partition \d, which were applied, found 0: its end was cut off, or it was deleted and created again\. Restore the topic from a copy, or start with an empty data folder and feed the inputs again\.\n$/,
    )
    expect(differences(await contentsOf(data), wantedOfJune)).toEqual([])
    writeFileSync(log, bytes)
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })

  test('that was deleted is refused', async () => {
    const data = copied()
    rmSync(join(data, 'topic'), { recursive: true })
    const { code, err } = await runCrimes(more, data)
    expect(code).toBe(1)
    expect(err).toContain('TOPIC_RECREATED: Expected topic crimes to have ')
  })

  test('with a damaged batch before others is refused, with the byte', async () => {
    const data = copied()
    expect((await runCrimes(more, data)).code).toBe(0)
    const log = longestLog(data)
    const bytes = readFileSync(log)
    bytes[20] = bytes[20]! ^ 1
    writeFileSync(log, bytes)
    const { code, err } = await runCrimes(june, data)
    expect(code).toBe(1)
    expect(err).toContain(
      `TOPIC_CORRUPT: Expected a batch of records of topic "crimes" in ${log} at byte 0, found damaged`,
    )
    expect(err).toContain('Restore the file from a copy, or start with an empty data folder and feed the inputs again.')
  })

  test('with a torn append that nobody has applied goes on, and the file is fed to its end', async () => {
    const data = copied()
    const log = longestLog(data)
    writeFileSync(log, Buffer.concat([readFileSync(log), readFileSync(log).subarray(0, 200)]))
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })

  test('that has lost its description is refused', async () => {
    const data = copied()
    truncateSync(join(data, 'topic', 'crimes', 'topic.json'), 10)
    const { code, err } = await runCrimes(more, data)
    expect(code).toBe(1)
    expect(err).toContain(
      `sluice: TOPIC_CORRUPT: Expected the name, the number of partitions and the id of a topic in ${data}`,
    )
  })

  test('whose consumers have lost their offsets applies nothing twice', async () => {
    const data = copied()
    const groups = join(data, 'topic', 'crimes', 'groups')
    for (const file of readdirSync(groups)) truncateSync(join(groups, file), 5)
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })
})

describe('A damaged table', () => {
  const silver = (data: string): string => join(data, 'lake', 'silver', 'crimes')

  test('with a truncated Parquet file still takes rows, and says which file it is when it is read', async () => {
    const data = copied()
    const damaged = readdirSync(silver(data)).find((name) => name.endsWith('.parquet'))!
    const file = join(silver(data), damaged)
    const bytes = readFileSync(file)
    truncateSync(file, Math.floor(bytes.length / 2))
    expect(countsOf(await runCrimes(more, data)).read).toBe(500)

    const message = new RegExp(
      `PARQUET_INVALID: Expected silver/crimes/${damaged} to be a Parquet file of \\d+ bytes, found damage: .*\\. ` +
        'Restore the file, or write it again from its source\\.',
    )
    const shown = await sluice(['show', 'silver.crimes', '--data', data, '--limit', '1000'])
    expect(shown.code).toBe(1)
    expect(shown.err).toMatch(message)
    await expect(tablesOf(data)).rejects.toThrow(/found damage/)
    // Other tables can be read.
    expect((await sluice(['show', 'bronze.crimes', '--data', data, '--limit', '1'])).code).toBe(0)

    writeFileSync(file, bytes)
    await expectBoth(data)
  })

  test('without one of its Parquet files says which', async () => {
    const data = copied()
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
    const data = copied()
    const commit = join(silver(data), '_delta_log', '00000000000000000001.json')
    const bytes = readFileSync(commit)
    truncateSync(commit, left)
    const ended = await runCrimes(more, data)
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
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })

  test('without its first commit says which file is missing', async () => {
    const data = copied()
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
    const data = copied()
    for (const layer of ['bronze', 'silver', 'quarantine']) {
      const log = join(data, 'lake', layer, 'crimes', '_delta_log')
      for (const name of readdirSync(log)) if (name.endsWith('.crc')) truncateSync(join(log, name), left)
    }
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })

  test('with a truncated checkpoint is read from its commits', async () => {
    const data = copied()
    const log = join(silver(data), '_delta_log')
    writeFileSync(join(log, '00000000000000000001.checkpoint.parquet'), 'PAR1')
    writeFileSync(join(log, '_last_checkpoint'), '{"version":1,"size":3}')
    expect((await runCrimes(more, data)).code).toBe(0)
    await expectBoth(data)
  })

  test('leaves whatever lies beside it alone', async () => {
    const data = copied()
    const stray = join(dirname(silver(data)), 'notes.txt')
    writeFileSync(stray, 'mine')
    expect((await runCrimes(more, data)).code).toBe(0)
    expect(readFileSync(stray, 'utf8')).toBe('mine')
    await expectBoth(data)
  })
})
