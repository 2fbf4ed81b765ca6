import { openPglite } from '#adapters/postgres/pglite.ts'

// Applies one change after the other until it is killed. Each has 5,000 rows that carry its fence.
const sink = await openPglite(process.argv[2]!)
const int = { kind: 'int', nullable: false } as const
await sink.prepare(
  [
    {
      name: 'rows',
      fields: [
        { name: 'fence', column: int },
        { name: 'number', column: int },
      ],
      primaryKey: ['fence', 'number'],
    },
  ],
  'state-1',
)
for (let fence = ((await sink.fence('writer')) ?? 0) + 1; ; fence++) {
  const rows = Array.from({ length: 5_000 }, (_, number) => [fence, number])
  const parts = [0, 1_000, 2_000, 3_000, 4_000].map((start) => rows.slice(start, start + 1_000))
  await sink.apply(
    'writer',
    fence,
    parts.map((upserts) => ({ table: 'rows', upserts, deletes: [] })),
  )
  console.log(fence)
}
