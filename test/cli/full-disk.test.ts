import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import * as nodeFiles from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { stateError } from '#adapters/sqlite/sqlite-error.ts'
import { isSluiceError } from '#core/errors.ts'
import { createTables } from '#local/ports.ts'
import { writeCrimesCsv } from '#local/simulator.ts'
import type { StateStore } from '#ports/state-store.ts'
import {
  drainWorld,
  produce,
  readRun,
  type TestPorts,
  type TestRun,
  type TestWorld,
  testWorld,
} from '../../lib/testing/index.ts'
import { crimes, simulatedCrimes } from '../support/crimes-pipeline.ts'
import { type Contents, contentsOf as contentsOfRun, differences } from '../support/table-rows.ts'
import { createTemporaryFolder, temporaryFolder } from '../support/temp.ts'
import { contentsOf } from './lake.ts'
import { BIN, canMount, place, runArgs, runCrimes } from './sluice.ts'

const made = createTemporaryFolder()
const input = join(made.path, 'crimes.csv')
let wantedOfCommand: Contents

beforeAll(async () => {
  writeFileSync(input, writeCrimesCsv(1, 500))
  const roomy = join(made.path, 'roomy')
  expect((await runCrimes(input, roomy)).code).toBe(0)
  wantedOfCommand = await contentsOf(roomy)
})
afterAll(() => made[Symbol.dispose]())

const FULL =
  /^sluice: DISK_FULL: (Writing \S+ needs room on the disk, but none is left( \(ENOSPC\))?\. Free some and start again: nothing written is lost\.|No space left to write \S+\. Nothing half-written was kept; make room on that disk, or choose another data folder, and run again\.)$/m

/** Too small for the state file, for the topic, for a table's files, and for the state's write-ahead log. */
const SIZES = ['16k', '200k', '500k', '640k']

describe.skipIf(!canMount())('On a disk that is too small', () => {
  test.each(SIZES)('of %s a run says so, and ends in the same tables once there is room', async (size) => {
    const out = join(temporaryFolder(), 'out')
    const mnt = join(made.path, `mnt-${size}`)
    mkdirSync(mnt)
    const run = `"$NODE" "$BIN" ${runArgs('"$INPUT"', '"$MNT"/data').join(' ')} >/dev/null`
    const script = `mount -t tmpfs -o size=${size} none "$MNT" || exit 9
      ${run} && exit 8
      test $? = 1 || exit 7
      mount -o remount,size=100m "$MNT"
      ${run} || exit 6
      cp -r "$MNT"/data "$OUT"`
    const env = { ...process.env, NODE: process.execPath, BIN, INPUT: input, MNT: mnt, OUT: out }
    const { stderr } = await promisify(execFile)('unshare', ['-rm', 'sh', '-c', script], { env, timeout: 60_000 })
    expect(stderr).toMatch(FULL)
    expect(differences(await contentsOf(out), wantedOfCommand)).toEqual([])
  })
})

describe.skipIf(!existsSync('/dev/full'))('A topic on a full disk', () => {
  test('takes nothing, and everything once there is room', async () => {
    const { data } = place()
    const log = join(data, 'topic', 'crimes', '3', '00000000000000000000.log')
    mkdirSync(join(log, '..'), { recursive: true })
    // Whatever is written to it finds no space.
    symlinkSync('/dev/full', log)
    expect(await runCrimes(input, data)).toEqual({
      code: 1,
      out: '',
      err:
        `sluice: DISK_FULL: Writing ${log} needs room on the disk, but none is left (ENOSPC). ` +
        'Free some and start again: nothing written is lost.\n',
    })
    rmSync(log)
    expect((await runCrimes(input, data)).code).toBe(0)
    expect(differences(await contentsOf(data), wantedOfCommand)).toEqual([])
  })
})

describe('A write-ahead log whose index finds no room', () => {
  test('means a full disk too', () => {
    const shared = Object.assign(new Error('disk I/O error'), { errcode: 4874 })
    expect(stateError(shared, '/data/state.sqlite')).toMatchObject({
      code: 'DISK_FULL',
      retryable: false,
      message:
        'Writing /data/state.sqlite needs room on the disk, but none is left. Free some and start again: nothing written is lost.',
    })
    // Another fault of the disk is none.
    const fault = Object.assign(new Error('disk I/O error'), { errcode: 266 })
    expect(stateError(fault, '/data/state.sqlite')).toBe(fault)
  })
})

/** What fails from a certain call on, as if the disk were full from then on. */
class FullFrom {
  calls = 0
  readonly from: number

  constructor(from: number) {
    this.from = from
  }

  /** @throws whatever a full disk gives */
  count(error: () => unknown): void {
    if (this.calls++ >= this.from) throw error()
  }
}

function fullStore(root: string, full: FullFrom): DirectoryObjectStore {
  const writeFile: typeof nodeFiles.writeFile = async (file, bytes, options) => {
    full.count(() => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
    return nodeFiles.writeFile(file, bytes, options)
  }
  return new DirectoryObjectStore(root, { files: { ...nodeFiles, writeFile } })
}

function fullState(inner: StateStore, full: FullFrom): StateStore {
  const refuse = () => stateError(Object.assign(new Error('database or disk is full'), { errcode: 13 }), 'state.sqlite')
  return {
    get: (group, id) => inner.get(group, id),
    list: (group, range) => inner.list(group, range),
    async put(item, expected) {
      full.count(refuse)
      return inner.put(item, expected)
    },
    async delete(group, id, expected) {
      full.count(refuse)
      return inner.delete(group, id, expected)
    },
    close: () => inner.close(),
  }
}

describe('A disk that fills up in the middle', () => {
  const records = simulatedCrimes(4, 60)
  let wanted: TestRun

  async function world(ports: TestPorts): Promise<TestWorld> {
    const made = testWorld(crimes, { partitions: 2 }, ports)
    await produce(made.topic, crimes, records)
    return made
  }

  async function apply(made: TestWorld): Promise<void> {
    await createTables(made.runtime)
    await drainWorld(made, 20)
  }

  beforeAll(async () => {
    const whole = await world({})
    await apply(whole)
    wanted = await readRun(whole.runtime)
  })

  /** Fails from one write on, then from the next, until a run needs no more of them; each time a second run has room. */
  async function expectTheSame(fullPorts: (full: FullFrom) => { full: TestPorts; roomy: TestPorts }): Promise<number> {
    for (let from = 0; ; from++) {
      const full = new FullFrom(from)
      const ports = fullPorts(full)
      const first = await world(ports.full)
      const error = await apply(first).then(
        () => null,
        (failure: unknown) => failure,
      )
      if (error !== null && !isSluiceError(error, 'DISK_FULL')) throw error
      const second: TestWorld = { topic: first.topic, runtime: { ...first.runtime, ...ports.roomy } }
      await apply(second)
      const found = await readRun(second.runtime)
      const of = (run: TestRun) => contentsOfRun(crimes, run, { coordinates: true })
      expect(differences(of(found), of(wanted))).toEqual([])
      expect(found.counts).toEqual(wanted.counts)
      if (error === null && full.calls <= from) return from
    }
  }

  test('of the tables loses nothing, whichever write finds no room', async () => {
    const folder = temporaryFolder()
    const writes = await expectTheSame((full) => {
      const root = join(folder, String(full.from))
      return { full: { store: fullStore(root, full) }, roomy: { store: new DirectoryObjectStore(root) } }
    })
    expect(writes).toBeGreaterThan(15)
    const unfinished = readdirSync(folder).flatMap((root) => readdirSync(join(folder, root, '.sluice-tmp')))
    expect(unfinished).toEqual([])
  })

  test('of the state loses nothing, whichever write finds no room', async () => {
    const writes = await expectTheSame((full) => {
      const state = new MemoryStateStore()
      return { full: { state: fullState(state, full) }, roomy: { state } }
    })
    expect(writes).toBeGreaterThan(15)
  })
})
