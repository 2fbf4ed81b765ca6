import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { DynamoStateStore } from '#adapters/aws/dynamodb-state-store.ts'
import { isSluiceError } from '#core/errors.ts'
import type { StateStore } from '#ports/state-store.ts'
import { type StateStoreUnderTest, stateStoreContract } from '../contract/state-store.ts'
import { dice } from '../support/dice.ts'
import { connectionTo, DYNAMODB_ENDPOINT, newTable, stateIn } from '../support/dynamo-local.ts'
import { DynamoWire, forwardTo } from '../support/dynamo-stub.ts'

/** A put over an equal fence whose answer was lost fails, and is for its caller to decide: here it is put again. */
function puttingAgain(inner: StateStore): StateStore {
  return {
    get: (group, id) => inner.get(group, id),
    async put(item, expected) {
      for (;;) {
        try {
          return await inner.put(item, expected)
        } catch (error) {
          if (item.fence !== expected || !isSluiceError(error, 'STATE_UNAVAILABLE')) throw error
        }
      }
    },
    delete: (group, id, expected) => inner.delete(group, id, expected),
    list: (group, range) => inner.list(group, range),
    close: () => inner.close(),
  }
}

describe.skipIf(DYNAMODB_ENDPOINT === undefined)('On DynamoDB Local', () => {
  let table: string
  beforeAll(async () => {
    table = await newTable()
  })

  const several = async (open: (table: string) => DynamoStateStore): Promise<StateStoreUnderTest> => {
    const own = await newTable()
    const stores = [open(own)]
    return {
      store: stores[0]!,
      another: () => stores[stores.push(open(own)) - 1]!,
      async close() {
        for (const store of stores) await store.close()
      },
    }
  }

  stateStoreContract('The DynamoDB state store', () => several((own) => stateIn(own)))

  // Every fourth request goes wrong: throttled, refused, cut before or after its effect.
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e6)
  stateStoreContract(`The DynamoDB state store behind faults (SEED=${seed})`, async () => {
    const wire = await DynamoWire.start(forwardTo(DYNAMODB_ENDPOINT!))
    onTestFinished(() => wire.stop())
    wire.byChance(0.25, dice(seed))
    const opened = await several((own) =>
      stateIn(own, { connection: connectionTo(wire.endpoint), random: dice(seed + 1) }),
    )
    return { ...opened, store: puttingAgain(opened.store) }
  })

  it('a lost race gives the winner without a read', async () => {
    const wire = await DynamoWire.start(forwardTo(DYNAMODB_ENDPOINT!))
    onTestFinished(() => wire.stop())
    const store = stateIn(table, { connection: connectionTo(wire.endpoint) })
    const group = randomUUID()
    await store.put({ group, id: 'a', fence: 3, body: Buffer.from('theirs') }, null)
    const lost = await store.put({ group, id: 'a', fence: 4, body: Buffer.from('ours') }, 2)
    expect(lost).toMatchObject({ ok: false, stored: { fence: 3, body: Uint8Array.from(Buffer.from('theirs')) } })
    expect(wire.operations).toEqual(['PutItem', 'PutItem'])
  })

  it('a list of several MB comes whole, page by page', async () => {
    const store = stateIn(table)
    const group = randomUUID()
    const body = new Uint8Array(300_000)
    const ids = Array.from({ length: 12 }, (_, i) => `page/${String(i).padStart(2, '0')}`)
    for (const id of ids) await store.put({ group, id, fence: 1, body }, null)
    expect((await store.list(group)).map(({ id }) => id)).toEqual(ids)
    expect((await store.list(group, { from: 'page/03', to: 'page/11', limit: 7 })).map(({ id }) => id)).toEqual(
      ids.slice(3, 10),
    )
  })

  it('an item as large as we let it be is taken', async () => {
    const store = stateIn(table)
    const group = 'g'.repeat(10)
    const names = 'grp'.length + 'id'.length + 'fence'.length + 'body'.length + 'mark'.length
    const body = new Uint8Array(400 * 1024 - names - group.length - '/large'.length - 2 - 13)
    expect(await store.put({ group, id: 'large', fence: 12, body }, null)).toEqual({ ok: true })
    const larger = { group, id: 'large', fence: 13, body: new Uint8Array(body.length + 1) }
    await expect(store.put(larger, 12)).rejects.toMatchObject({ code: 'STATE_ITEM_TOO_LARGE' })
  })

  it('32 writers of one item lose nothing, whatever happens to their requests', async () => {
    const wire = await DynamoWire.start(forwardTo(DYNAMODB_ENDPOINT!))
    onTestFinished(() => wire.stop())
    wire.byChance(0.2, dice(seed))
    const group = randomUUID()
    const rest = Array.from({ length: 8 }, (_, i) =>
      stateIn(table, { connection: connectionTo(wire.endpoint), random: dice(seed + i) }),
    )
    // A set of names: a name that its writer believes to be in is there, and none is there twice.
    const add = async (store: DynamoStateStore, name: string): Promise<void> => {
      let stored = await store.get(group, 'set')
      for (;;) {
        const names = stored === undefined ? [] : (JSON.parse(Buffer.from(stored.body).toString()) as string[])
        if (names.includes(name)) return
        const body = Buffer.from(JSON.stringify([...names, name]))
        const result = await store.put(
          { group, id: 'set', fence: (stored?.fence ?? 0) + 1, body },
          stored?.fence ?? null,
        )
        if (result.ok) return
        stored = result.stored
      }
    }
    const names = Array.from({ length: 32 }, (_, i) => `writer ${i}`)
    await Promise.all(names.map((name, i) => add(rest[i % rest.length]!, name)))
    const { body, fence } = (await stateIn(table).get(group, 'set'))!
    expect((JSON.parse(Buffer.from(body).toString()) as string[]).sort()).toEqual([...names].sort())
    expect(fence).toBe(32)
    for (const store of rest) await store.close()
  })

  it('a table that is not there is named', async () => {
    await expect(stateIn('sluice-none').get('g', 'a')).rejects.toMatchObject({ code: 'STATE_TABLE_NOT_FOUND' })
  })
})
