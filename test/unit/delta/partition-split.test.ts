import { describe, expect, it } from 'vitest'
import { PartitionSplit } from '#delta/partition-split.ts'
import type { DeltaType } from '#delta/schema-json.ts'

const splitBy = (...columns: readonly (readonly [name: string, type: DeltaType])[]): PartitionSplit => {
  const fields = columns.map(([name, type]) => ({ name, type, nullable: true, metadata: {} }))
  const schema = { type: 'struct' as const, fields }
  return new PartitionSplit({ schema, mapping: 'none', partitionColumns: columns.map(([name]) => name) }, fields)
}

describe('rows told apart by their partition', () => {
  it('lie together in the order of the first of each, run by run', () => {
    const split = splitBy(['day', 'date'], ['open', 'boolean'])
    const columns = [
      [0, 1, 0, 1],
      [true, false, true, true],
    ]
    expect(split.split(columns, 4).map(({ values, rows }) => [values, rows])).toEqual([
      [{ day: '1970-01-01', open: 'true' }, [0, 2]],
      [{ day: '1970-01-02', open: 'false' }, [1]],
      [{ day: '1970-01-02', open: 'true' }, [3]],
    ])
    expect(split.split(columns, 1).map(({ rows }) => rows)).toEqual([[0]])
  })

  it('are of one partition where their values are written the same', () => {
    const [part, ...others] = splitBy(['name', 'string']).split([['', null, '']], 3)
    expect(part).toMatchObject({ key: '[null]', values: { name: null }, rows: [0, 1, 2] })
    expect(others).toEqual([])
  })

  it('stay right when there are more partitions than are kept in mind', () => {
    const split = splitBy(['id', 'long'])
    const ids = Array.from({ length: 25_000 }, (_, i) => i)
    for (let round = 0; round < 2; round++) {
      const parts = split.split([ids], ids.length)
      expect(parts).toHaveLength(25_000)
      expect(parts.every(({ values, rows }, i) => values['id'] === String(i) && rows[0] === i)).toBe(true)
    }
  })

  it('are refused where a value has no text that engines read', () => {
    const partition = () => splitBy(['at', 'timestamp']).split([[8.64e15]], 1)
    expect(partition).toThrow(
      'Expected a partition value from year 1 to 9999, found year 275760. Partition by another column',
    )
    expect(() => splitBy(['name', 'string']).split([['__HIVE_DEFAULT_PARTITION__']], 1)).toThrow(
      'Expected a partition value, found "__HIVE_DEFAULT_PARTITION__", by which engines mean null. Partition by another column, or mend the row.',
    )
  })
})
