import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RecordingTerminal } from '../unit/cli/recording-terminal.ts'
import { type June, makeJune } from './june.ts'
import { BIN, canMount, countsOf, place, runArgs, runCrimes, sluice } from './sluice.ts'

let made: June
beforeAll(async () => {
  made = await makeJune()
})
afterAll(() => made.dispose())

describe('A data folder that somebody else has', () => {
  test('is refused while the other process runs, and free as soon as it is killed', async () => {
    const data = made.copied()
    const lock = pathToFileURL(fileURLToPath(new URL('../../lib/local/data-folder-lock.ts', import.meta.url))).href
    const code = `const { lockDataFolder } = await import(${JSON.stringify(lock)})
      lockDataFolder(${JSON.stringify(data)}); console.log('locked'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(child, 'exit')
    try {
      await once(child.stdout, 'data')
      expect(await runCrimes(made.june, data)).toEqual({
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
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })
})

describe('A data folder of another pipeline', () => {
  const source = readFileSync(new URL('../../pipelines/crimes.ts', import.meta.url), 'utf8').replace(
    "'../lib/index.ts'",
    JSON.stringify(new URL('../../lib/index.ts', import.meta.url).href),
  )

  test('is refused with what has changed', async () => {
    const data = made.copied()
    const { input } = place()
    const changed = input('crimes.ts', source.replace("sliding('5 hours'", "sliding('6 hours'"))
    const { code, err } = await sluice(['run', changed, ...runArgs(made.july, data).slice(2)])
    expect(code).toBe(1)
    expect(err).toMatch(
      /^sluice: WINDOW_STATE_MISMATCH: Expected data folder \S+ to hold the state of this definition of "crimes", found that of another one\. What changed:\n(?: {2}- .+\n)+ Build its tables anew beside the old ones \(sluice rebuild crimes\), choose another --data folder, or go back to the old definition\.\n$/,
    )
    expect(err).toContain('crimes_anomaly')
    // Going back to the old definition helps.
    expect((await runCrimes(made.july, data)).code).toBe(0)
    await made.expectBoth(data)
  })

  test('is refused with the other name', async () => {
    const data = made.copied()
    const { input } = place()
    const other = input('thefts.ts', source.replace("pipeline('crimes'", "pipeline('thefts'"))
    expect(await sluice(['run', other, ...runArgs(made.july, data).slice(2)])).toEqual({
      code: 1,
      out: '',
      err:
        `sluice: WINDOW_STATE_MISMATCH: Expected data folder ${data} to hold pipeline "thefts", found pipeline "crimes". ` +
        'Choose another --data folder for "thefts".\n',
    })
  })
})

describe('A data folder that has read a topic', () => {
  test('is refused another one before anything is read, and knows its own', async () => {
    const { data } = place()
    expect((await runCrimes(made.june, data, ['--topic', 'b'])).code).toBe(0)
    const refused = (found: string, remedy: string) => ({
      code: 2,
      out: '',
      err:
        `sluice: TOPIC_MISMATCH: Expected topic b in the folder itself, which data folder ${data} has read so far, found ${found}: ` +
        `its offsets are those of other records. ${remedy}, or choose another --data folder.\n`,
    })
    expect(await runCrimes(made.july, data)).toEqual(refused('topic crimes in the folder itself', 'Give --topic b'))
    const named = await sluice(['lag', '--data', data, '--topic', 'crimes'])
    expect(named).toEqual(refused('topic crimes in the folder itself', 'Give --topic b'))
    const broker = new RecordingTerminal({ env: { KAFKA_BROKERS: '127.0.0.1:1' } })
    const elsewhere = await sluice(runArgs(made.july, data, ['--topic', 'b']), broker)
    expect(elsewhere).toEqual(refused('topic b on a Kafka broker', 'Leave KAFKA_BROKERS out'))

    const lag = await sluice(['lag', '--data', data])
    expect(lag.out).toMatch(/^pipeline crimes, topic b\n/)
    expect(countsOf(await runCrimes(made.july, data, ['--topic', 'b'])).read).toBe(500)
  })
})

describe('A data folder that can not be written', () => {
  const readOnlyRun = (script: string) => {
    const { data } = place()
    mkdirSync(data)
    const run = `"$NODE" "$BIN" ${runArgs('"$INPUT"', '"$MNT"/data').join(' ')} >/dev/null`
    const child = spawn('unshare', ['-rm', 'sh', '-c', script.replaceAll('RUN', run)], {
      env: { ...process.env, NODE: process.execPath, BIN, INPUT: made.june, MNT: data, WHOLE: made.whole },
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
    const data = made.copied()
    chmodSync(data, 0o555)
    try {
      const { code, err } = await runCrimes(made.july, data)
      expect(code).toBe(1)
      expect(err).toMatch(/^sluice: DATA_FOLDER_READ_ONLY: /)
    } finally {
      chmodSync(data, 0o755)
    }
  })

  test('is refused where a file is in its place', async () => {
    const { input } = place()
    const file = input('data', 'a file')
    expect(await runCrimes(made.june, file)).toEqual({
      code: 2,
      out: '',
      err:
        `sluice: DATA_FOLDER_NOT_FOUND: Expected a data folder at ${file}, found a file in its place. ` +
        'Name another one with --data, or run the pipeline first.\n',
    })
  })
})
