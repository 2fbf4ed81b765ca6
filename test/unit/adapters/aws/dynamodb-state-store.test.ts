import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DynamoStateStore } from '#adapters/aws/dynamodb-state-store.ts'
import { createStateTable } from '#adapters/aws/dynamodb-table.ts'
import type { SluiceError } from '#core/errors.ts'
import type { FencedItem } from '#ports/state-store.ts'
import { dice } from '../../../support/dice.ts'
import { dynamoStore } from '../../../support/dynamo-store.ts'
import { DynamoWire, type DynamoWireFault, failed } from '../../../support/dynamo-stub.ts'
import { memoryTable } from '../../../support/dynamo-table.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

const item = (id: string, fence: number, text = `${id}@${fence}`): FencedItem => ({
  group: 'g',
  id,
  fence,
  body: new TextEncoder().encode(text),
})

const throttled: DynamoWireFault = {
  kind: 'refuse',
  status: 400,
  code: 'ThrottlingException',
  extra: { throttlingReasons: [{ reason: 'TableWriteKeyRangeThroughputExceeded', resource: 'arn' }] },
}
const broken: DynamoWireFault = { kind: 'refuse', status: 500, code: 'InternalServerError' }
const doneButBroken: DynamoWireFault = { kind: 'fail-after', status: 500, code: 'InternalServerError' }

let wire: DynamoWire
beforeEach(async () => {
  wire = await DynamoWire.start(memoryTable('state'))
})
afterEach(() => wire.stop())

const store = (options: Parameters<typeof dynamoStore>[1] = {}) => dynamoStore(wire.endpoint, options)
const impatient = () => store({ connection: { requestTimeout: 200 } })
const failure = async (call: Promise<unknown>): Promise<SluiceError> => {
  const error = await call.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  )
  return error as SluiceError
}

describe('a request that DynamoDB could not answer', () => {
  const passing: readonly (readonly [string, DynamoWireFault])[] = [
    ['throttled by a key range', throttled],
    ['above the table’s throughput', { kind: 'refuse', status: 400, code: 'ProvisionedThroughputExceededException' }],
    ['above the account’s limit', { kind: 'refuse', status: 400, code: 'RequestLimitExceeded' }],
    ['500', broken],
    ['503', { kind: 'refuse', status: 503, code: 'ServiceUnavailable' }],
    ['a connection that was cut', { kind: 'cut' }],
    ['a lost answer', { kind: 'lose' }],
    ['a fault after the effect', doneButBroken],
    ['half of an answer', { kind: 'half' }],
    ['an answer that never comes', { kind: 'hang' }],
  ]

  it.each(passing)('is sent again: %s', async (_, fault) => {
    const state = fault.kind === 'hang' ? impatient() : store()
    wire.plan('PutItem', fault, 2).plan('GetItem', fault).plan('Query', fault).plan('DeleteItem', fault)
    expect(await state.put(item('a', 5), null)).toEqual({ ok: true })
    expect(await state.put(item('a', 6), 5)).toEqual({ ok: true })
    expect(await state.get('g', 'a')).toMatchObject({ fence: 6 })
    expect(await state.list('g')).toMatchObject([{ id: 'a', fence: 6 }])
    expect(await state.delete('g', 'a', 6)).toBe(true)
    expect(await state.get('g', 'a')).toBeUndefined()
    expect(wire.left).toBe(0)
  })

  it('waits between the tries, up to twice as long each time, spread by the random source', async () => {
    for (const [random, pauses] of [
      [0.5, [25, 50, 100]],
      [0, [0, 0, 0]],
    ] as const) {
      const clock = new ManualClock()
      wire.plan('GetItem', throttled, 3)
      await store({ clock, random: () => random }).get('g', 'a')
      expect(clock.sleeps).toEqual(pauses)
    }
  })

  it('fails as STATE_UNAVAILABLE, which may be tried again, when the deadline comes first', async () => {
    const clock = new ManualClock(0)
    wire.plan('PutItem', throttled, 100)
    const error = await failure(store({ clock, deadline: () => 1_000 }).put(item('a', 1), null))
    expect(error).toMatchObject({
      code: 'STATE_UNAVAILABLE',
      retryable: true,
      message:
        `Expected DynamoDB at ${wire.endpoint} to answer dynamodb:PutItem on table state for g a in time, found 400 ThrottlingException ` +
        '(TableWriteKeyRangeThroughputExceeded) in 6 tries. Nothing was written; the batch comes again. If it lasts, raise the limits of the table.',
    })
    expect(clock.now()).toBeLessThan(1_000)
    expect(await dynamoStore(wire.endpoint).get('g', 'a')).toBeUndefined()
  })

  it('asks for the deadline anew for every request, and gives up at once when none is left', async () => {
    const clock = new ManualClock(0)
    let end = 1_000
    const state = store({ clock, deadline: () => end })
    await state.put(item('a', 1), null)
    end = 0
    wire.plan('GetItem', broken)
    expect(await failure(state.get('g', 'a'))).toMatchObject({ code: 'STATE_UNAVAILABLE', retryable: true })
    expect(clock.sleeps).toEqual([])
  })

  it('waits for an answer no longer than the deadline', async () => {
    const clock = new ManualClock(0)
    wire.plan('GetItem', { kind: 'hang' }, 3)
    const error = await failure(store({ clock, random: () => 0.99, deadline: () => 100 }).get('g', 'a'))
    expect(error).toMatchObject({ code: 'STATE_UNAVAILABLE', retryable: true })
    expect(error.message).toMatch(/no answer \((AbortError|TimeoutError)\) in \d tries/)
  })

  it('fails as STATE_UNAVAILABLE where nobody listens', async () => {
    const { endpoint } = wire
    await wire.stop()
    const error = await failure(dynamoStore(endpoint).get('g', 'a'))
    wire = await DynamoWire.start(memoryTable('state'))
    expect(error).toMatchObject({ code: 'STATE_UNAVAILABLE', retryable: true })
    expect(error.message).toContain('no answer (ECONNREFUSED)')
  })
})

describe('a put whose answer was lost', () => {
  it.each([
    ['lost', { kind: 'lose' }],
    ['a fault of the server', doneButBroken],
    ['half of it', { kind: 'half' }],
  ] as const)('is known by its mark when it meets its own effect: %s', async (_, fault) => {
    const state = store()
    wire.plan('PutItem', fault)
    expect(await state.put(item('a', 5), null)).toEqual({ ok: true })
    wire.plan('PutItem', fault, 3)
    expect(await state.put(item('a', 6), 5)).toEqual({ ok: true })
  })

  it('did not win when another writer wrote the very same item', async () => {
    // Its own request never arrived; meanwhile somebody else writes the same bytes over the same fence.
    const other = store()
    const state = store()
    await state.put(item('a', 5), null)
    wire.plan('PutItem', { kind: 'cut' })
    const clock = new ManualClock()
    const sleep = clock.sleep.bind(clock)
    clock.sleep = async (millis) => {
      expect(await other.put(item('a', 6), 5)).toEqual({ ok: true })
      await sleep(millis)
    }
    const lost = await dynamoStore(wire.endpoint, { clock }).put(item('a', 6), 5)
    expect(lost).toMatchObject({ ok: false, stored: { fence: 6 } })
  })

  it('gives what was written over it meanwhile', async () => {
    const other = store()
    wire.plan('PutItem', { kind: 'then', act: () => other.put(item('a', 7), 6) })
    await other.put(item('b', 1), null)
    const state = store()
    await state.put(item('a', 6), null)
    expect(await state.get('g', 'a')).toMatchObject({ fence: 6 })
    wire.plan('PutItem', { kind: 'then', act: () => other.put(item('a', 9), 8) })
    expect(await state.put(item('a', 8), 6)).toMatchObject({ ok: false, stored: { fence: 9 } })
  })

  it('is not sent twice over an equal fence: what was written over it stays', async () => {
    const other = store()
    const state = store()
    await state.put(item('a', 5), null)
    wire.plan('PutItem', { kind: 'then', act: () => other.put(item('a', 5, 'theirs'), 5) })
    expect(await failure(state.put(item('a', 5, 'ours'), 5))).toMatchObject({
      code: 'STATE_UNAVAILABLE',
      retryable: true,
    })
    expect(Buffer.from((await state.get('g', 'a'))!.body).toString()).toBe('theirs')
    wire.plan('PutItem', { kind: 'lose' })
    expect(await state.put(item('a', 5, 'ours'), 5)).toEqual({ ok: true })
  })
})

describe('under faults of every kind', () => {
  // Each writer adds its number to the body of one item; a lost update or a doubled one shows in the sum.
  it('adds every number once, whoever writes', async () => {
    wire.byChance(0.3, dice(20_261_121))
    const random = dice(7)
    const add = async (state: ReturnType<typeof store>, amount: number): Promise<void> => {
      let stored = await state.get('g', 'sum')
      for (;;) {
        const sum = stored === undefined ? 0 : Number(Buffer.from(stored.body).toString())
        const result = await state.put(
          item('sum', (stored?.fence ?? 0) + 1, String(sum + amount)),
          stored?.fence ?? null,
        )
        if (result.ok) return
        // Its own write, over which somebody has written already, looks like a conflict: known by nobody but the fence.
        stored = result.stored
      }
    }
    const state = store({ random })
    for (let i = 1; i <= 100; i++) await add(state, i)
    const { fence, body } = (await state.get('g', 'sum'))!
    expect({ fence, sum: Buffer.from(body).toString() }).toEqual({ fence: 100, sum: '5050' })
  })
})

describe('an item', () => {
  it('above 400 KB is refused before a request', async () => {
    const body = new Uint8Array(400 * 1024 - 100)
    const state = store()
    expect(
      await failure(state.put({ group: 'crimes/pages', id: 'a', fence: 12, body: new Uint8Array(400 * 1024) }, null)),
    ).toMatchObject({
      code: 'STATE_ITEM_TOO_LARGE',
      retryable: false,
      message:
        'Expected a state item of at most 409600 bytes, as DynamoDB takes them, found 409647 for crimes/pages a. ' +
        'Fewer keys a window, or fewer values that an aggregate keeps, make it smaller; nothing was written.',
    })
    expect(wire.operations).toEqual([])
    expect(await state.put({ group: 'g', id: 'a', fence: 12, body }, null)).toEqual({ ok: true })
  })

  it('has a name that DynamoDB takes', async () => {
    const long = 'x'.repeat(1_024)
    expect(await failure(store().put(item(long, 1), null))).toMatchObject({ code: 'NAME_INVALID' })
    expect(await failure(store().put({ ...item('a', 1), group: '' }, null))).toMatchObject({
      code: 'NAME_INVALID',
      message:
        'Expected a group of 1 to 2048 bytes and an id below 1024 in DynamoDB, found "" and "a". ' +
        'Choose a shorter name for the pipeline or the topic.',
    })
    expect(wire.operations).toEqual([])
  })

  it('carries the time after which DynamoDB may drop it, in seconds', async () => {
    const stored: string[] = []
    const spy = await DynamoWire.start(async (_, body) => {
      stored.push(body)
      return { status: 200, body: '{}' }
    })
    await dynamoStore(spy.endpoint).put({ ...item('a', 1), keepUntil: 1_795_000_000_001 }, null)
    await spy.stop()
    expect(JSON.parse(stored[0]!).Item.expires).toEqual({ N: '1795000001' })
  })

  it('with a fence beyond 2^53, or of others, is refused as STATE_CORRUPT', async () => {
    for (const Item of [
      { grp: { S: 'g' }, id: { S: '/a' }, fence: { N: '9007199254740993' }, body: { B: '' } },
      { grp: { S: 'g' }, id: { S: '/a' }, fence: { N: '1' } },
      { grp: { S: 'g' }, id: { S: 'a' }, fence: { N: '1' }, body: { B: '' } },
    ]) {
      const others = await DynamoWire.start(async () => ({ status: 200, body: JSON.stringify({ Item }) }))
      const error = await failure(dynamoStore(others.endpoint).get('g', 'a'))
      await others.stop()
      expect(error).toMatchObject({ code: 'STATE_CORRUPT', retryable: false })
    }
  })
})

describe('an answer that no retry can mend', () => {
  const refusal = (code: string): DynamoWireFault => ({ kind: 'refuse', status: 400, code })

  it('says that there is no such table', async () => {
    expect(await failure(store({ table: 'other' }).get('g', 'a'))).toMatchObject({
      code: 'STATE_TABLE_NOT_FOUND',
      retryable: false,
      message: `Expected a DynamoDB table other at ${wire.endpoint}, found none. Check the name, the account and the region, or create it: string keys grp and id, on-demand billing.`,
    })
  })

  it.each([
    [
      'AccessDeniedException',
      'STATE_ACCESS_DENIED',
      "Expected to be allowed dynamodb:GetItem on DynamoDB table state, but DynamoDB at ENDPOINT denied it. Allow it in the role's policy.",
    ],
    [
      'UnrecognizedClientException',
      'STATE_CREDENTIALS_INVALID',
      'Expected valid AWS credentials for DynamoDB table state, but DynamoDB at ENDPOINT refused them (UnrecognizedClientException). Renew or correct them; temporary ones need AWS_SESSION_TOKEN too.',
    ],
    [
      'ValidationException',
      'STATE_TABLE_INVALID',
      'Expected DynamoDB table state at ENDPOINT to have the string keys grp (partition) and id (sort), but it refused dynamodb:GetItem for g a as invalid. Create a table for Sluice alone.',
    ],
    [
      'LimitExceededException',
      'STATE_UNAVAILABLE',
      'Expected DynamoDB at ENDPOINT to answer dynamodb:GetItem on table state for g a in time, found 400 LimitExceededException in 1 try. Look that code up in the DynamoDB documentation.',
    ],
  ])('%s is %s', async (name, code, message) => {
    wire.plan('GetItem', refusal(name))
    const error = await failure(store().get('g', 'a'))
    expect(error).toMatchObject({ code, retryable: false, message: message.replace('ENDPOINT', wire.endpoint) })
    expect(wire.operations).toHaveLength(1)
  })

  it('says that there are no credentials, or no region', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_REGION']) {
      vi.stubEnv(name, undefined)
    }
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, '/nowhere')
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    const options = { table: 'state', clock: new ManualClock(), random: () => 0, ids: { next: () => 'id' } }
    const nobody = new DynamoStateStore({ ...options, connection: { endpoint: wire.endpoint } })
    expect(await failure(nobody.get('g', 'a'))).toMatchObject({
      code: 'STATE_CREDENTIALS_INVALID',
      message:
        'Expected AWS credentials for DynamoDB table state, found none. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them.',
    })
    const nowhere = new DynamoStateStore({
      ...options,
      connection: { credentials: { accessKeyId: 'a', secretAccessKey: 'b' } },
    })
    expect(await failure(nowhere.get('g', 'a'))).toMatchObject({
      code: 'STATE_REGION_MISSING',
      message: "Expected an AWS region for DynamoDB table state, found none. Set AWS_REGION to the table's.",
    })
    expect(wire.operations).toEqual([])
    vi.unstubAllEnvs()
  })

  it('holds no secret and no text of the answer', async () => {
    wire.plan('GetItem', refusal('UnrecognizedClientException'))
    const error = await failure(store().get('g', 'a'))
    const all = `${error.message} ${JSON.stringify(error.details)} ${String(error.cause)}`
    for (const secret of ['keyOfNobody', 'secret-of-nobody', 'stub']) expect(all).not.toContain(secret)
  })
})

describe('the table', () => {
  it('is created with on-demand billing and TTL, by an explicit call only, and again without harm', async () => {
    const created: string[] = []
    let looked = 0
    const local = await DynamoWire.start(async (operation, body) => {
      created.push(`${operation} ${body}`)
      if (operation === 'DescribeTable') {
        return { status: 200, body: JSON.stringify({ Table: { TableStatus: looked++ < 2 ? 'CREATING' : 'ACTIVE' } }) }
      }
      if (operation === 'CreateTable' && created.length > 1) return failed(400, 'ResourceInUseException')
      if (operation === 'UpdateTimeToLive' && looked > 3) return failed(400, 'ValidationException')
      return { status: 200, body: '{}' }
    })
    const connection = {
      endpoint: local.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    }
    const options = { table: 'state', connection, clock: new ManualClock(), random: () => 0.5 }
    await createStateTable(options)
    await createStateTable(options)
    await local.stop()
    expect(created[0]).toContain('"BillingMode":"PAY_PER_REQUEST"')
    expect(created.map((line) => line.split(' ')[0])).toEqual([
      'CreateTable',
      'DescribeTable',
      'DescribeTable',
      'DescribeTable',
      'UpdateTimeToLive',
      'CreateTable',
      'DescribeTable',
      'UpdateTimeToLive',
    ])
  })
})
