import { describe, expect, it } from 'vitest'
import { type EpochMillis, HOUR, MINUTE } from '#core/time.ts'
import { closeStage } from '#runtime/close.ts'
import { addDirty } from '#runtime/dirty.ts'
import { dirtyGroup } from '#runtime/keys.ts'
import { session, sliding, tumbling } from '../../lib/index.ts'
import { Process } from '../golden/world.ts'
import { outcomeOf } from './run-seed.ts'
import { Simulation } from './simulation.ts'
import type { Schedule, Step, Task } from './steps.ts'

const NOON: EpochMillis = Date.UTC(2026, 4, 5, 12)

const common = { groupBy: ['who'], aggregates: [], emit: 'final', sinks: ['delta'] } as const

/** Windows of 10 minutes with grace 20, and of 10 every 5 without; 2 minutes may be out of order. */
const PLAN: Schedule['plan'] = {
  unit: MINUTE,
  outOfOrder: 2 * MINUTE,
  rowsToSql: false,
  outputs: [
    { ...common, name: 'with_grace', window: tumbling('10 minutes', { grace: '20 minutes' }), having: 3 },
    {
      ...common,
      name: 'no_grace',
      window: sliding('10 minutes', { every: '5 minutes', grace: '0 seconds' }),
      having: null,
    },
  ],
}

let nextId = 0
const feed = (partition: number, ...minutes: readonly number[]): Step => ({
  do: 'feed',
  advance: 0,
  records: minutes.map((minute) => {
    const values = { who: minute % 2 < 1 ? 'ann' : 'bob', amount: 1, weight: 1, tag: 'red', flag: false, flaw: null }
    return { id: nextId++, partition, at: NOON + minute * MINUTE, ...values }
  }),
})
const CLOSE: Task = { do: 'close', leased: false }
const start = (who: number, task: Task, calls: number | null = null): Step => ({
  do: 'start',
  who,
  task,
  calls,
  fault: null,
})
const goOn = (who: number): Step => ({ do: 'go on', who, calls: null, fault: null })
const taking = (partition: number, size = 100): Task => ({
  do: 'deliver',
  to: 'windows',
  parts: [{ partition, back: 0, size }],
})
const deliver = (partition: number, size = 100): Step => start(0, taking(partition, size))
const close = (who = 1): Step => start(who, CLOSE)

/** Sessions of 2 minutes with grace 4, of everybody together. */
const SESSIONS: Schedule['plan'] = {
  ...PLAN,
  outputs: [
    { ...common, name: 'sessions', groupBy: [], window: session('2 minutes', { grace: '4 minutes' }), having: null },
  ],
}

const scheduleOf = (steps: readonly Step[], plan = PLAN): Schedule => {
  return { plan, partitions: 2, now: Date.UTC(2030, 0, 1), steps, recreate: false, splitsEarly: false }
}

/** More calls than any of these tasks makes: a process that would stand still after them has come to its end. */
const CALLS = 30

/** Runs `steps` with process 9 standing still after each of its calls; how often it did. */
async function atEveryCall(steps: (calls: number) => readonly Step[], plan = PLAN): Promise<number> {
  let stood = 0
  for (let calls = 1; calls < CALLS; calls++) {
    const { simulation, faults } = await outcomeOf(scheduleOf(steps(calls), plan))
    expect(faults, `after ${calls} calls`).toEqual([])
    const [first] = simulation!.happened.filter(({ step }) => 'who' in step && step.who === 9)
    if (first!.calls.length === calls) stood++
  }
  return stood
}

describe('Closing and folding at once', { timeout: 30_000 }, () => {
  //   fed      0 ──────── 42 ─┐             25, 38: late, in flight
  //   closed to               40 ─────────────┐
  //   fed                       43 ── 72      │ meanwhile closed to 70: 25 is beyond grace now
  it('loses no late record whose window goes beyond grace while its batch is in flight', async () => {
    const stood = await atEveryCall((calls) => [
      feed(0, 1, 11, 22, 31, 42),
      deliver(0),
      feed(1, 2, 42),
      deliver(1),
      close(),
      feed(0, 44, 72),
      feed(1, 43, 72),
      deliver(0),
      deliver(1),
      feed(1, 25, 38, 25, 5),
      start(9, taking(1), calls),
      close(),
      close(),
      goOn(9),
      close(),
    ])
    expect(stood).toBeGreaterThan(8)
  })

  it('publishes each window once, with all its records, when a batch comes at any moment of closing', async () => {
    const stood = await atEveryCall((calls) => [
      feed(0, 1, 11, 22, 31, 42),
      deliver(0),
      close(),
      feed(0, 43, 60),
      deliver(0),
      feed(0, 37, 59, 48, 72),
      start(9, CLOSE, calls),
      deliver(0),
      goOn(9),
      close(),
    ])
    expect(stood).toBeGreaterThan(12)
  })

  it('gives the rows of one closer when two close at once', async () => {
    const stood = await atEveryCall((calls) => [
      feed(0, 1, 11, 22, 31, 42),
      deliver(0),
      start(9, CLOSE, calls),
      close(),
      feed(0, 33, 60),
      deliver(0),
      close(),
      goOn(9),
      feed(0, 35),
      deliver(0),
      close(),
    ])
    expect(stood).toBeGreaterThan(12)
  })

  // It knows of results that are to be corrected; when it goes on, they are beyond grace, and their objects are deleted.
  it('lets a closer look again whose windows were forgotten while it stood still', async () => {
    const stood = await atEveryCall((calls) => [
      feed(0, 1, 11, 22, 31, 42),
      deliver(0),
      close(),
      feed(0, 25),
      deliver(0),
      start(9, CLOSE, calls),
      close(),
      feed(0, 90, 120, 150),
      deliver(0),
      close(),
      feed(0, 170, 190),
      deliver(0),
      close(),
      goOn(9),
    ])
    expect(stood).toBeGreaterThan(12)
  })

  // 0.25 is late, but in time for its session while nothing is closed; then it is published, and with that beyond grace.
  it('publishes a session once that a batch names again which was delivered again', async () => {
    const stood = await atEveryCall(
      (calls) => [feed(0, 18.5), deliver(0), feed(0, 0.25), start(9, taking(0), calls), close(), deliver(0), close()],
      SESSIONS,
    )
    expect(stood).toBeGreaterThan(4)
  })
})

describe('A poller that was overtaken', { timeout: 30_000 }, () => {
  // It stands still after any of its calls; meanwhile another one applies its batch, windows close, and their pages expire.
  it('changes nothing when it goes on, wherever it stood still', async () => {
    const stood = await atEveryCall((calls) => [
      feed(0, 1, 12, 14),
      deliver(0, 1),
      feed(0, 15, 16),
      start(9, taking(0), calls),
      deliver(0),
      close(),
      feed(0, 40, 60),
      deliver(0),
      close(),
      feed(0, 59, 90, 120, 121),
      deliver(0),
      close(),
      close(),
      goOn(9),
      close(),
    ])
    expect(stood).toBeGreaterThan(6)
  })
})

describe('A poller that was overtaken, of sessions,', { timeout: 30_000 }, () => {
  //   closed to 18: what ends before 14 is beyond grace
  //   9: late   its page expires      [10.5, 12], grown backwards      9 would join it now
  it('counts no late record whose page has expired, though a session has come near to it since', async () => {
    const stood = await atEveryCall(
      (calls) => [
        feed(0, 1, 20),
        feed(1, 1, 20),
        deliver(0),
        deliver(1),
        close(),
        feed(1, 9),
        start(9, taking(1), calls),
        deliver(1),
        feed(0, 12, 10.5),
        deliver(0),
        close(),
        close(),
        goOn(9),
        feed(0, 13),
        deliver(0),
        close(),
      ],
      SESSIONS,
    )
    expect(stood).toBeGreaterThan(4)
  })
})

describe('A poller that stands still twice', { timeout: 30_000 }, () => {
  /** Of 12 hours every 3, without grace; 6 hours may be out of order. */
  const plan: Schedule['plan'] = {
    ...PLAN,
    unit: HOUR,
    outOfOrder: 6 * HOUR,
    outputs: [
      {
        ...common,
        name: 'half_days',
        window: sliding('12 hours', { every: '3 hours', grace: '0 seconds' }),
        having: null,
      },
    ],
  }

  // Once while windows close that miss a record of its batch, then before it says so; meanwhile its batch is applied, and all windows close.
  it('calls nothing late that another one has counted', async () => {
    let twice = 0
    for (let first = 4; first < 9; first++) {
      for (let second = 1; second < 8; second++) {
        const steps: readonly Step[] = [
          feed(0, 12.5 * 60),
          deliver(0),
          feed(0, 10.25 * 60, 5 * 60, 18 * 60),
          start(9, taking(0), first),
          close(),
          { do: 'go on', who: 9, calls: second, fault: null },
        ]
        const { simulation, faults } = await outcomeOf(scheduleOf(steps, plan))
        expect(faults, `after ${first} and ${second} calls`).toEqual([])
        if (simulation!.happened.at(-1)!.calls.length === second) twice++
      }
    }
    expect(twice).toBeGreaterThan(10)
  })

  // It has been here before, and knows the partition. A record of its second batch is late for windows that close when it stands still first;
  // when it does so again, another one applies the first record of that batch, and all windows close.
  it('calls nothing late that is counted, where it goes on with the rest of its batch', async () => {
    let twice = 0
    for (let first = 1; first < 10; first++) {
      for (let second = 1; second < 8; second++) {
        const steps: readonly Step[] = [
          feed(0, 31 * 60, 9 * 60, 40.25 * 60),
          start(9, taking(0)),
          feed(0, 45 * 60, 28.75 * 60, 45.5 * 60, 35.75 * 60, 48.5 * 60, 59.5 * 60),
          start(9, taking(0), first),
          close(),
          { do: 'go on', who: 9, calls: second, fault: null },
          start(2, taking(0, 1)),
          close(),
        ]
        const { simulation, faults } = await outcomeOf(scheduleOf(steps, plan))
        expect(faults, `after ${first} and ${second} calls`).toEqual([])
        if (simulation!.happened.filter(({ step }) => step.do === 'go on')[0]?.calls.length === second) twice++
      }
    }
    expect(twice).toBeGreaterThan(10)
  })
})

describe('A window over results', () => {
  //   partition 1   1, 2 ────────────────────────── 5     judged by a poller that knows of no close
  //   partition 0   1        22 ── 32                  75
  //   closed to                 20    30: [0, 10) is settled
  it('counts no record that its result has missed', async () => {
    const window = tumbling('10 minutes', { grace: '0 seconds' })
    const above = { window: { kind: 'tumbling', size: HOUR, offset: 0, grace: 0 }, emit: 'final' } as const
    const plan = { ...PLAN, outputs: [{ ...common, name: 'tens', groupBy: [], window, having: null, above }] }
    const other = (partition: number): Step => start(2, taking(partition))
    const { faults } = await outcomeOf(
      scheduleOf(
        [
          ...[feed(0, 1), feed(1, 1), deliver(0), deliver(1), feed(1, 2), deliver(1)],
          ...[feed(0, 22), other(0), close(), feed(0, 32), other(0), close()],
          ...[feed(1, 5), deliver(1), close()],
          ...[feed(0, 75), other(0), close(), close()],
        ],
        plan,
      ),
    )
    expect(faults).toEqual([])
  })
})

describe('A closed window that is forgotten, as no record can change it any more,', () => {
  it('is not published again because a poller that was overtaken calls it dirty', async () => {
    const steps = [feed(0, 1, 22), deliver(0), close(), feed(0, 27), deliver(0), close()]
    // Closed to 20, then to 25: the sliding window [0, 10) is settled, and its pages stay for the grace of the tumbling one.
    const { world } = await Simulation.run(scheduleOf(steps), undefined, { untilTheEnd: false })
    const process = new Process(world)
    const window = { start: NOON, end: NOON + 10 * MINUTE }
    await addDirty(world.state, dirtyGroup(process.runtime), 0, [{ output: 1, window }])
    const reading = { endOffsets: () => world.topic.endOffsets(), endOfInput: false }
    expect((await closeStage(process.runtime).run(reading)).rows).toEqual([])
  })
})
