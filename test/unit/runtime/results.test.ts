import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { HOUR } from '#core/time.ts'
import { ALL_HASHES } from '#runtime/hash-range.ts'
import { decodeValues, encodeValues } from '#runtime/json-body.ts'
import { openResult, ResultWriter, resultRows, type StoredRow } from '#runtime/result-object.ts'
import { revise, tableRow, type WindowRow, windowRow } from '#runtime/results.ts'
import type { ResultRow } from '#window/close.ts'
import { encodeGroupKey } from '#window/group-key.ts'
import type { WindowBounds } from '#window/windows.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { aggregate, at, tumbling, windowOutput } from '../window/builders.ts'
import { rooms } from './builders.ts'

const output = windowOutput(tumbling(HOUR, { grace: 2 * HOUR }), { aggregates: [aggregate('count'), aggregate('avg')] })
const window = (start: string): WindowBounds => ({ start: at(start), end: at(start) + HOUR })

const row = (start: string, kind: string | null, count: number, avg: number | null = null): ResultRow => ({
  output: 0,
  window: window(start),
  key: encodeGroupKey([kind]),
  group: [kind],
  values: [count, avg],
})

interface Close {
  readonly computed: readonly ResultRow[]
  /** Starts of windows that were closed before. */
  readonly again?: readonly string[]
}

interface Revised {
  readonly rows: readonly WindowRow[]
  readonly stored: readonly StoredRow[]
}

/** One close after the other; what is published goes through JSON in between, as results do. */
function closes(...steps: readonly Close[]): readonly Revised[] {
  const published: StoredRow[] = []
  return steps.map(({ computed, again = [] }) => {
    const stored = revise(output, computed, again.map(window), published)
    published.push(...decodeValues<StoredRow[]>(encodeValues(stored)))
    return { rows: stored.flatMap((one) => windowRow(one) ?? []), stored }
  })
}

const brief = ({ rows }: Revised): readonly unknown[] =>
  rows.map(({ start, group, values, revision, final }) => [start / HOUR, ...group, values[0], revision, final])

describe('the revision of a result row', () => {
  it('is 0 the first time, in each window and group', () => {
    const [first] = closes({ computed: [row('00:00', 'A', 1), row('00:00', 'B', 2), row('01:00', 'A', 3)] })
    expect(brief(first!)).toEqual([
      [0, 'A', 1, 0, true],
      [0, 'B', 2, 0, true],
      [1, 'A', 3, 0, true],
    ])
    expect(first!.rows[0]).toEqual({
      output: 'per_kind',
      start: 0,
      end: at('01:00'),
      group: ['A'],
      values: [1, null],
      revision: 0,
      final: true,
    } satisfies WindowRow)
  })

  it('is one more each time when a value has changed, whichever of them', () => {
    const again = ['00:00']
    const revised = closes(
      { computed: [row('00:00', 'A', 1)] },
      { computed: [row('00:00', 'A', 2)], again },
      { computed: [row('00:00', 'A', 2, 0.5)], again },
    )
    expect(revised.map(({ rows }) => rows.map((one) => [one.revision, ...one.values]))).toEqual([
      [[0, 1, null]],
      [[1, 2, null]],
      [[2, 2, 0.5]],
    ])
  })

  it('is none for a row that is computed again as it was: there is no row', () => {
    const again = ['00:00']
    const computed = [row('00:00', 'A', 1, 0.1), row('00:00', null, 4)]
    const [, same, changed] = closes(
      { computed },
      { computed, again },
      { computed: [row('00:00', 'A', 2, 0.1)], again },
    )
    expect(same!.rows).toEqual([])
    expect(brief(changed!)[0]).toEqual([0, 'A', 2, 1, true])
  })

  it('is 0 for a group that appears only when its window is computed again', () => {
    const [, second] = closes(
      { computed: [row('00:00', 'A', 1)] },
      { computed: [row('00:00', 'A', 1), row('00:00', 'B', 1)], again: ['00:00'] },
    )
    expect(brief(second!)).toEqual([[0, 'B', 1, 0, true]])
  })
})

describe('a row that was published and is not computed any more', () => {
  const again = ['00:00']
  const gone = [
    { computed: [row('00:00', 'A', 7, 0.5), row('00:00', 'B', 1)] },
    { computed: [row('00:00', 'B', 1)], again },
  ]

  it('is withdrawn once, by its last values with the next revision and final = false', () => {
    const [, withdrawn, later] = closes(...gone, gone[1]!)
    expect(withdrawn!.rows.map(({ group, values, revision, final }) => [...group, ...values, revision, final])).toEqual(
      [['A', 7, 0.5, 1, false]],
    )
    expect(later!.rows).toEqual([])
  })

  it('comes back with the revision after that, even with its old values', () => {
    const [, , back] = closes(...gone, { ...gone[0]!, again })
    expect(brief(back!)).toEqual([[0, 'A', 7, 2, true]])
  })

  it('is left alone in a window that was not computed again', () => {
    const [, second] = closes({ computed: [row('00:00', 'A', 7)] }, { computed: [row('01:00', 'A', 1)] })
    expect(brief(second!)).toEqual([[1, 'A', 1, 0, true]])
  })
})

describe('result objects', () => {
  const { runtime } = testWorld(rooms, {}, { store: new MemoryObjectStore() })
  const [{ rows, stored }] = closes({ computed: [row('00:00', 'ä\u0000', 1, 0.1), row('01:00', null, 2)] }) as [Revised]

  const write = async (of: readonly StoredRow[], seq = 12): Promise<string | null> => {
    const writer = new ResultWriter(runtime, seq)
    await writer.add(ALL_HASHES, of)
    return writer.finish()
  }
  const read = async (path: string): Promise<readonly StoredRow[]> => {
    const all: StoredRow[] = []
    for await (const piece of resultRows(runtime, path)) all.push(...piece)
    return all
  }

  it('are read back as they were written', async () => {
    expect(await read((await write(stored))!)).toEqual(stored)
    const odd = [
      { ...stored[0]!, values: [Number.NaN, -0] },
      { ...stored[1]!, state: 'remembered' as const, values: [] },
    ]
    expect(await read((await write(odd))!)).toEqual(odd)
  })

  it('of two closers with the same number are two objects, so that none overwrites the other’s', async () => {
    const paths = [await write(stored, 7), await write(stored.slice(1), 7)]
    expect(paths[0]).toMatch(/^_sluice\/rooms\/results\/[0-9a-f]{16}\/000000000007-.+\.jsonl$/)
    expect(await read(paths[0]!)).toEqual(stored)
    expect(await read(paths[1]!)).toEqual(stored.slice(1))
  })

  it('are none where there is no row', async () => {
    expect(await write([])).toBeNull()
  })

  it('of many rows are several, which the last one names with the hashes of their keys', async () => {
    const writer = new ResultWriter(runtime, 3, 50)
    const ranges = [0, 1, 2].map((third) => ({ from: third * 10, to: third * 10 + 10 }))
    for (const range of ranges) await writer.add(range, stored)
    const path = (await writer.finish())!
    const { parts, last } = await openResult(runtime, path)
    expect([...parts, last].map(({ from, to }) => ({ from, to }))).toEqual(ranges)
    expect(await read(path)).toEqual([...stored, ...stored, ...stored])
  })

  it('that hold something else are refused', async () => {
    await runtime.store.put('_sluice/rooms/results/other.jsonl', new TextEncoder().encode('[1]\n'))
    await expect(openResult(runtime, '_sluice/rooms/results/other.jsonl')).rejects.toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringContaining('Expected result rows as lines of JSON in _sluice/rooms/results/other.jsonl'),
    })
  })

  it('become rows of the table by the names of groups and aggregates', () => {
    expect(tableRow(output, rows[0]!)).toEqual({
      window_start: 0,
      window_end: HOUR,
      kind: 'ä\u0000',
      count: 1,
      avg: 0.1,
      revision: 0,
      is_final: true,
    })
  })
})
