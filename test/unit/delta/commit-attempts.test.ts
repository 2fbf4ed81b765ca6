import { describe, expect, test } from 'vitest'
import { Crowd, claim, commitAfter } from '#delta/commit.ts'
import { LogPaths } from '#delta/log.ts'
import { loadState } from '#delta/state.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import { addOf, commitPath, foreignCommit, type ManualClock, putText, TABLE, tableOf } from './fixtures.ts'

const PATHS = new LogPaths(TABLE)
const FIRST = 20
const LONGEST = 4_000

async function prepared() {
  const made = await tableOf(1)
  const store = new FaultyStore(made.memory)
  const state = await loadState(made.memory, PATHS)
  const commit = (txnId: string, crowd?: Crowd, check: () => void = () => {}) =>
    commitAfter(
      made.deps(store),
      PATHS,
      state,
      { txnId, actions: { commitInfo: { txnId }, adds: [addOf(`${txnId}.parquet`)] } },
      check,
      crowd,
    )
  return { ...made, store, state, commit }
}

/** What others commit while ours is on its way: one version a race. */
const overtake = (store: FaultyStore, races: number, commit: (version: number) => Promise<void>): void => {
  for (let race = 0; race < races; race++) store.plan('create', /\.json$/, () => commit(2 + race))
}

/** As 0-based shares of the longest pause at that time. */
const shares = (clock: ManualClock, longest: (at: number) => number): readonly number[] =>
  clock.sleeps.map((sleep, at) => sleep / longest(at))

describe('The pause after a lost race', () => {
  test('is a share of a bound that doubles with each race and halves with each commit', () => {
    const crowd = new Crowd()
    expect([1, 2, 3].map((race) => crowd.lost(race, 0.5))).toEqual([10, 20, 40])
    crowd.won()
    expect(crowd.lost(1, 0.5)).toBe(40)
    crowd.won()
    crowd.won()
    expect(crowd.lost(1, 1)).toBe(40)
    for (let i = 0; i < 9; i++) crowd.won()
    expect(crowd.lost(1, 1)).toBe(FIRST)
  })

  test('is at most four seconds', () => {
    const crowd = new Crowd()
    for (let i = 0; i < 20; i++) crowd.lost(1, 1)
    expect(crowd.lost(1, 1)).toBe(LONGEST)
  })

  test('is divided by the races that a commit has lost beyond eight', () => {
    const longest = (races: number): number => {
      const crowd = new Crowd()
      for (let i = 0; i < 20; i++) crowd.lost(1, 1)
      return crowd.lost(races, 1)
    }
    expect([8, 9, 10, 11, 18].map(longest)).toEqual([4_000, 4_000, 2_000, 1_333, 400])
  })

  test('is another share for each race of each writer', async () => {
    const all: number[] = []
    for (const txnId of ['a', 'b', 'id-0001', 'id-0002', '']) {
      const { clock, store, memory, commit } = await prepared()
      overtake(store, 3, (version) => foreignCommit(memory, version, []))
      await commit(txnId)
      expect(clock.sleeps).toHaveLength(3)
      all.push(...shares(clock, (at) => FIRST * 2 ** at))
    }
    expect(all.every((share) => share >= 0 && share <= 1)).toBe(true)
    // Of ten parts of the range most are met by fifteen.
    expect(new Set(all.map((share) => Math.floor(share * 10))).size).toBeGreaterThanOrEqual(6)
  })
})

describe('A commit', () => {
  test('gives up when others took a hundred versions from under it, and says that nothing is in', async () => {
    const { store, memory, commit, clock } = await prepared()
    overtake(store, 100, (version) => foreignCommit(memory, version, []))
    let checks = 0
    await expect(commit('mine', undefined, () => void checks++)).rejects.toMatchObject({
      code: 'DELTA_COMMIT_FAILED',
      retryable: true,
      message: `Expected to commit to ${TABLE} within 100 attempts, but other writers took every version up to 101. Nothing was committed; try again, or let fewer writers commit.`,
      details: { table: TABLE, version: 101 },
    })
    expect([store.left, checks, clock.sleeps.length]).toEqual([0, 100, 100])
    // Shorter and shorter from the ninth race on.
    const bounds = clock.sleeps.map((_, at) => Math.min(LONGEST, FIRST * 2 ** at) / Math.max(1, at + 1 - 8))
    expect(clock.sleeps.filter((sleep, at) => sleep > Math.round(bounds[at]!))).toEqual([])
    expect(clock.sleeps.some((sleep, at) => sleep > bounds[at]! * 0.95)).toBe(true)
  })

  test('leaves what it says nothing of', async () => {
    const { deps, state } = await prepared()
    const attempt = { txnId: 'mine', actions: { commitInfo: { txnId: 'mine' } } }
    expect(await commitAfter(deps(), PATHS, state, attempt, () => {})).toEqual({ ...state, version: 2 })
  })

  test('is done at the ninety-ninth lost race', async () => {
    const { store, memory, commit } = await prepared()
    overtake(store, 99, (version) => foreignCommit(memory, version, []))
    expect((await commit('mine')).version).toBe(101)
  })

  test('tells the crowd of each race', async () => {
    const { store, memory, commit } = await prepared()
    const crowd = new Crowd()
    overtake(store, 3, (version) => foreignCommit(memory, version, []))
    await commit('mine', crowd)
    // Doubled three times, halved once.
    expect(crowd.lost(1, 1)).toBe(FIRST * 4)
  })

  test('waits a moment after each fault, longer each time', async () => {
    const { deps, store, clock } = await prepared()
    store.plan('create', /02\.json$/, 'before', 10)
    expect(await claim(deps(store), PATHS, 2, new Uint8Array(1), 'mine')).toBeNull()
    expect(clock.sleeps).toHaveLength(10)
    const bounds = clock.sleeps.map((_, at) => Math.min(LONGEST, FIRST * 2 ** at))
    expect(clock.sleeps.every((sleep, at) => sleep >= 0 && sleep <= bounds[at]!)).toBe(true)
    expect(Math.max(...clock.sleeps)).toBeGreaterThan(FIRST * 2)
  })

  test('is in doubt after eleven faults, with all that is known of it', async () => {
    const { deps, store } = await prepared()
    store.plan('create', /02\.json$/, 'before', 11)
    const error = await claim(deps(store), PATHS, 2, new Uint8Array(1), 'mine').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'DELTA_COMMIT_FAILED',
      retryable: true,
      details: { table: TABLE, version: 2, txnId: 'mine' },
      cause: { code: 'STORE_UNAVAILABLE' },
    })
    expect(store.left).toBe(0)
  })

  test('that cannot be read back is in doubt too, and names that fault', async () => {
    const { deps, store } = await prepared()
    store.plan('create', /02\.json$/, 'after').plan('get', /02\.json$/, 'before', 11)
    const error = await claim(deps(store), PATHS, 2, new Uint8Array(1), 'mine').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'DELTA_COMMIT_FAILED', cause: { message: expect.stringContaining('get ') } })
  })

  test('is not tried again when reading it back fails for good', async () => {
    const { deps, store } = await prepared()
    store.plan('create', /02\.json$/, 'after').plan('get', /02\.json$/, async () => {
      throw new Error('no permission')
    })
    await expect(claim(deps(store), PATHS, 2, new Uint8Array(1), 'mine')).rejects.toThrow('no permission')
  })

  test('of somebody else is given back, our own is not', async () => {
    const { deps, memory } = await prepared()
    await foreignCommit(memory, 2, [{ add: addOf('theirs') }])
    const theirs = await claim(deps(), PATHS, 2, new Uint8Array(1), 'mine')
    expect(theirs?.adds.map(({ path }) => path)).toEqual(['theirs'])
    expect(await claim(deps(), PATHS, 2, new Uint8Array(1), 'foreign-2')).toBeNull()
    await putText(memory, commitPath(3), '{"add":{"path":"x","size":1}}\n')
    expect((await claim(deps(), PATHS, 3, new Uint8Array(1), 'mine'))?.adds).toHaveLength(1)
  })

  test('bears faults of the store while it looks for the latest version, but not for ever', async () => {
    const lost = async (faults: number) => {
      const { store, memory, commit, clock } = await prepared()
      overtake(store, 1, (version) => foreignCommit(memory, version, []))
      store.plan('list', /_delta_log/, 'before', faults)
      const after = await commit('mine').then(
        ({ version }) => version,
        ({ code }: { code: string }) => code,
      )
      return { after, sleeps: clock.sleeps.length }
    }
    expect(await lost(10)).toEqual({ after: 3, sleeps: 11 })
    expect(await lost(11)).toEqual({ after: 'STORE_UNAVAILABLE', sleeps: 11 })
  })

  test('goes to the version after the latest one, with what all of the others left', async () => {
    const { store, memory, commit } = await prepared()
    store.plan('create', /02\.json$/, async () => {
      for (const version of [2, 3, 4]) await foreignCommit(memory, version, [{ add: addOf(`o${version}`) }])
    })
    const after = await commit('mine')
    expect([after.version, after.numFiles, after.tableSizeBytes]).toEqual([5, 5, 500])
  })
})
