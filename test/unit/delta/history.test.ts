import { describe, expect, it } from 'vitest'
import { addOf, append, createTable, foreignCommit, LOG, lake, START, versionName } from './fixtures.ts'

describe('history', () => {
  it('tells what each commit did, newest first', async () => {
    const { deps, clock, memory } = lake()
    const table = await createTable(deps())
    clock.time += 500
    await table.commit({
      readVersion: 0,
      adds: [addOf('a', 3), addOf('b', 4)],
      txns: [{ appId: 'app', version: 7 }],
      parameters: { epochId: '1' },
    })
    await foreignCommit(memory, 2, [{ remove: { path: 'a', dataChange: true } }, { add: { path: 'c', size: 5 } }])
    expect(await table.history()).toEqual([
      {
        version: 2,
        timestamp: START,
        operation: 'WRITE',
        parameters: {},
        engine: 'other',
        filesAdded: 1,
        filesRemoved: 1,
        bytesAdded: 5,
        rowsAdded: null,
        txns: [],
      },
      {
        version: 1,
        timestamp: START + 500,
        operation: 'STREAMING UPDATE',
        parameters: { epochId: '1' },
        engine: 'sluice',
        filesAdded: 2,
        filesRemoved: 0,
        bytesAdded: 200,
        rowsAdded: 7,
        txns: [{ appId: 'app', version: 7, lastUpdated: START + 500 }],
      },
      expect.objectContaining({ version: 0, operation: 'CREATE TABLE', filesAdded: 0, rowsAdded: 0, txns: [] }),
    ])
  })

  it('takes as many commits as are asked for, of those that the log still has', async () => {
    const { deps, memory } = lake()
    const table = await createTable(deps())
    for (let i = 1; i <= 20; i++) await append(table, `${i}`)
    for (let version = 0; version <= 4; version++) await memory.delete(`${LOG}/${versionName(version)}.json`)
    expect((await table.history(3)).map(({ version }) => version)).toEqual([20, 19, 18])
    expect((await table.history()).map(({ version }) => version)).toEqual(
      Array.from({ length: 16 }, (_, at) => 20 - at),
    )
    expect(await table.history(0)).toEqual([])
  })

  it('has the time of the file, and no name, where a writer said nothing', async () => {
    const { deps, clock, memory } = lake()
    const table = await createTable(deps())
    clock.time += 9000
    await memory.put(`${LOG}/${versionName(1)}.json`, new TextEncoder().encode(JSON.stringify({ add: addOf('a') })))
    expect((await table.history(1))[0]).toMatchObject({ timestamp: START + 9000, operation: 'UNKNOWN', engine: null })
  })
})
