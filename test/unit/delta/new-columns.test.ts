import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { itemsTable } from './table-support.ts'

describe('new columns whose values are not for us to make', () => {
  const column = (metadata: Readonly<Record<string, unknown>>) => ({
    type: 'struct' as const,
    fields: [
      { name: 'a', type: 'integer' as const, nullable: true, metadata: {} },
      {
        name: 's',
        nullable: true,
        metadata: {},
        type: { type: 'struct' as const, fields: [{ name: 'b', type: 'long' as const, nullable: true, metadata }] },
      },
    ],
  })

  it.each([
    ['generatedColumns', { 'delta.generationExpression': 'a + 1' }],
    ['identityColumns', { 'delta.identity.start': 1 }],
    ['allowColumnDefaults', { CURRENT_DEFAULT: '5' }],
    ['invariants', { 'delta.invariants': '{"expression":{"expression":"b > 3"}}' }],
  ])('are refused by the name of %s, in a new table and in an old one', async (feature, metadata) => {
    const refused = { code: 'DELTA_FEATURE_UNSUPPORTED', message: expect.stringContaining(`${feature} (column s.b)`) }
    const { table, deps } = await itemsTable()
    await expect(DeltaTable.create(deps(), 'other', { schema: column(metadata) })).rejects.toMatchObject(refused)
    await expect(table.evolve(column(metadata))).rejects.toMatchObject(refused)
    expect((await table.snapshot()).version).toBe(0)
  })

  it('are refused when a change feed has them already', async () => {
    const fields = [{ name: '_Change_Type', column: { kind: 'string', nullable: true } }] as const
    const properties = { 'delta.enableChangeDataFeed': 'true' }
    const refused = {
      code: 'NAME_INVALID',
      message:
        'Expected other columns than those that a change feed adds, found "_Change_Type". Rename the column, or do without delta.enableChangeDataFeed.',
    }
    const { table, deps } = await itemsTable({ properties })
    await expect(table.evolve(fields)).rejects.toMatchObject(refused)
    await expect(DeltaTable.create(deps(), 'other', { fields, properties })).rejects.toMatchObject(refused)
    await DeltaTable.create(deps(), 'other', { fields })
  })
})
