import type { EpochMillis } from '#core/time.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import type { WindowRow } from '#runtime/results.ts'
import { c, delta, kafka, pipeline, sliding } from '../../../lib/index.ts'
import { testPipeline } from '../../../lib/testing/index.ts'
import type { Json } from './case.ts'
import { batchResult, type Call, Excluded, type InputRow, specOf } from './engine.ts'
import { type Cell, canonical, differences, timeOf } from './values.ts'

type Answer = readonly (readonly Cell[])[]

/** The benchmark's queries over rows that are given; answers are rows of text. */
export async function runNamedQuery(
  id: string,
  json: Json,
  file: Json,
  input: (path: string) => string,
): Promise<readonly string[]> {
  const query = QUERIES[id]
  if (query === undefined) {
    if (JOINS.has(id)) throw new Excluded('joins', `query ${id}`)
    throw new Error(`There is no definition of query ${id}: ${json.definition}`)
  }
  const found = await query(JSON.parse(input(file.input)) as Tables)
  return differences(
    found.map((row) => tokens(row.join(' '))),
    (json.expect as readonly string[]).map(tokens),
  )
}

const tokens = (text: string): readonly Cell[] =>
  text
    .trim()
    .split(/\s+/)
    .map((token) => canonical(token))

interface Tables {
  readonly person: TableJson
  readonly auction: TableJson
  readonly bid: TableJson
}

interface TableJson {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** Queries that join rows of two topics, or a topic with its own results, other than by group and window. */
const JOINS = new Set(['q3', 'q4', 'q6', 'q9', 'q13', 'q20'])

type TimedRow = InputRow & { readonly time: EpochMillis }

function rowsOf({ columns, rows }: TableJson): readonly TimedRow[] {
  return rows.map((list) => {
    const cells = Object.fromEntries(columns.map((name, i) => [name, list[i] ?? null]))
    return { time: timeOf(String(cells['date_time'])), cells }
  })
}

const call = (name: string, by: AggregatePlan['function'], column: string | null = null, where?: string): Call => ({
  name,
  function: by,
  column,
  ...(where === undefined ? {} : { where }),
})

const DAY = specOf({ kind: 'calendar', unit: 'day' })

/** 2015-07-15 00:00:22.005, without zeros at the end. */
const timeText = (time: unknown): string =>
  new Date(Number(time))
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z$/, '')
const twoDigits = (value: number): string => String(value).padStart(2, '0')
const dayText = (time: number): string => new Date(time).toISOString().slice(0, 10)

const bids = kafka.topic('bids', {
  schema: {
    auction: c.long(),
    bidder: c.long(),
    price: c.long(),
    channel: c.string(),
    url: c.string(),
    date_time: c.timestamp(),
  },
  eventTime: 'date_time',
  outOfOrder: '1 day',
})

/** Bids as rows of a table, without any window. */
async function silverBids(
  tables: Tables,
  plan: ReturnType<typeof pipeline>,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const records = rowsOf(tables.bid).map(({ time, cells }) => ({ ...cells, date_time: time }))
  return (await testPipeline(plan, { records })).rows('silver.bids')
}

const all = pipeline('bids', {
  silver: bids.select('auction', 'bidder', 'price', 'channel', 'url', 'date_time').into(delta.table('silver.bids')),
})
/** The auctions of query 2. */
const FEW = new Set([1007, 1020, 2001, 2019, 2087])
const few = pipeline('bids', {
  silver: bids.check({ chosen: (r) => FEW.has(r.auction) }).into(delta.table('silver.bids')),
})
const euros = pipeline('bids', {
  silver: bids.with({ euros: c.double().from((r) => 0.908 * r.price) }).into(delta.table('silver.bids')),
})

const cell = (value: unknown): Cell => value as Cell

const QUERIES: Readonly<Record<string, (tables: Tables) => Promise<Answer>>> = {
  q0: async (tables) =>
    (await silverBids(tables, all)).map((r) => [
      cell(r['auction']),
      cell(r['bidder']),
      cell(r['price']),
      timeText(r['date_time']),
    ]),
  q1: async (tables) =>
    (await silverBids(tables, euros)).map((r) => [
      cell(r['auction']),
      cell(r['bidder']),
      cell(r['euros']),
      timeText(r['date_time']),
    ]),
  q2: async (tables) => (await silverBids(tables, few)).map((r) => [cell(r['auction']), cell(r['price'])]),
  q5: hotItems,
  q7: highestBids,
  q8: newSellers,
  q10: async (tables) =>
    (await silverBids(tables, all)).map((r) => {
      const time = new Date(Number(r['date_time']))
      const clock = `${twoDigits(time.getUTCHours() % 12 || 12)}:${twoDigits(time.getUTCMinutes())}`
      return [cell(r['auction']), cell(r['bidder']), cell(r['price']), timeText(time), dayText(Number(time)), clock]
    }),
  q11: async ({ bid }) => {
    const window = specOf({ kind: 'session', gapMs: 10_000 })
    const rows = await batchResult({ window, groupBy: ['bidder'], aggregates: [call('bids', 'count')] }, rowsOf(bid))
    return rows.map(({ group, values, start, end }) => [
      cell(group[0]),
      cell(values[0]),
      timeText(start),
      timeText(end),
    ])
  },
  q15: async (tables) =>
    (await dailyStatistics(tables, [])).map(({ start, values }) => [dayText(start), ...values.map(cell)]),
  q17: async ({ bid }) => {
    const aggregates = [
      ...RANKS.map((where) => call(`bids_${where}`, 'count', null, where)),
      ...(['min', 'max', 'avg', 'sum'] as const).map((by) => call(by, by, 'price')),
    ]
    const rows = await batchResult({ window: DAY, groupBy: ['auction'], aggregates }, ranked(bid))
    return rows.map(({ group, start, values }) => [cell(group[0]), dayText(start), ...values.map(cell)])
  },
  q18: lastBids,
  q19: topBids,
  q21: async (tables) =>
    (await silverBids(tables, all)).flatMap((r) => {
      const id = channelId(String(r['channel']), String(r['url']))
      return id === undefined ? [] : [[cell(r['auction']), cell(r['bidder']), cell(r['price']), cell(r['channel']), id]]
    }),
  q22: async (tables) =>
    (await silverBids(tables, all)).map((r) => {
      const parts = String(r['url']).split('/')
      return [cell(r['auction']), cell(r['bidder']), cell(r['price']), cell(r['channel']), ...parts.slice(3, 6)]
    }),
}

const counts = bids
  .groupBy('auction')
  .window(sliding('10 seconds', { every: '2 seconds', grace: '0 seconds' }))
  .aggregate((a) => ({ bids: a.count() }))
const hot = pipeline('bids', {
  counts: counts.into(delta.table('gold.counts')),
  most: counts
    .groupBy()
    .aggregate((a) => ({ bids: a.max('bids') }))
    .into(delta.table('gold.most')),
})

/** The counts of a sliding window and, over these results, the largest of each window. */
async function hotItems({ bid }: Tables): Promise<Answer> {
  const records = rowsOf(bid).map(({ time, cells }) => ({ ...cells, date_time: time }))
  const run = await testPipeline(hot, { records })
  const most = new Map(run.rows('gold.most').map((row) => [row['window_end'], row['bids']]))
  return run
    .rows('gold.counts')
    .filter((row) => most.get(row['window_end']) === row['bids'])
    .map((row) => [cell(row['auction']), cell(row['bids'])])
}

async function highestBids({ bid }: Tables): Promise<Answer> {
  const rows = rowsOf(bid)
  const window = specOf({ kind: 'tumbling', sizeMs: 10_000 })
  const highest = await batchResult({ window, aggregates: [call('highest', 'max', 'price')] }, rows)
  return rows
    .filter(({ time, cells }) =>
      highest.some(({ start, end, values }) => start <= time && time < end && values[0] === cells['price']),
    )
    .map(({ time, cells }) => [
      cells['auction'] ?? null,
      cells['price'] ?? null,
      cells['bidder'] ?? null,
      timeText(time),
    ])
}

/** Persons and auctions as one stream by the person's id: a window has a result if it has both. */
async function newSellers({ person, auction }: Tables): Promise<Answer> {
  const persons = rowsOf(person).map(({ time, cells }) => ({
    time,
    cells: { id: cells['id']!, name: cells['name'] ?? null, is_person: true, is_auction: false },
  }))
  const auctions = rowsOf(auction).map(({ time, cells }) => ({
    time,
    cells: { id: cells['seller']!, name: null, is_person: false, is_auction: true },
  }))
  const rows = await batchResult(
    {
      window: specOf({ kind: 'tumbling', sizeMs: 10_000 }),
      groupBy: ['id'],
      aggregates: [
        call('name', 'first', 'name'),
        call('persons', 'countIf', 'is_person'),
        call('auctions', 'countIf', 'is_auction'),
      ],
      where: (row) => Number(row['persons']) > 0 && Number(row['auctions']) > 0,
    },
    [...persons, ...auctions],
  )
  return rows.map(({ group, values, start }) => [cell(group[0]), cell(values[0]), timeText(start)])
}

const RANKS = [undefined, 'rank_1', 'rank_2', 'rank_3'] as const

function ranked(bid: TableJson): readonly InputRow[] {
  return rowsOf(bid).map(({ time, cells }) => {
    const price = Number(cells['price'])
    const ranks = { rank_1: price < 10_000, rank_2: price >= 10_000 && price < 1_000_000, rank_3: price >= 1_000_000 }
    return { time, cells: { ...cells, ...ranks } }
  })
}

/** Bids, bidders and auctions of a day: all of them, and by three ranges of prices. */
function dailyStatistics({ bid }: Tables, groupBy: readonly string[]): Promise<readonly WindowRow[]> {
  const aggregates = [
    ...RANKS.map((where) => call(`bids_${where}`, 'count', null, where)),
    ...RANKS.map((where) => call(`bidders_${where}`, 'distinct', 'bidder', where)),
    ...RANKS.map((where) => call(`auctions_${where}`, 'distinct', 'auction', where)),
  ]
  return batchResult({ window: DAY, groupBy, aggregates }, ranked(bid))
}

const CHANNELS: readonly string[] = ['apple', 'google', 'facebook', 'baidu']

function channelId(channel: string, url: string): string | undefined {
  const known = CHANNELS.indexOf(channel.toLowerCase())
  return known >= 0 ? String(known) : /(?:&|^)channel_id=([^&]*)/.exec(url)?.[1]
}

/** The ten highest prices of each auction, and the bids that have them. */
async function topBids({ bid }: Tables): Promise<Answer> {
  const rows = rowsOf(bid)
  const window = specOf({ kind: 'calendar', unit: 'year' })
  const ten: Call = { ...call('prices', 'topK', 'price'), parameter: 10, by: 'value' }
  const found = await batchResult({ window, groupBy: ['auction'], aggregates: [ten] }, rows)
  return found.flatMap(({ group, values }) => {
    const prices = JSON.parse(values[0] as string) as readonly number[]
    const own = rows.filter(({ cells }) => cells['auction'] === group[0])
    return prices.map((price, rank) => {
      const equal = prices.slice(0, rank).filter((one) => one === price).length
      const { cells } = own.filter((one) => one.cells['price'] === price)[equal]!
      return [...bid.columns.map((name) => cells[name] ?? null), rank + 1]
    })
  })
}

async function lastBids({ bid }: Tables): Promise<Answer> {
  const columns = ['price', 'channel', 'url', 'date_time', 'extra']
  // Of the last bids at one time the first is meant: the first of all when time goes backwards.
  const backwards = rowsOf(bid).map(({ time, cells }) => ({ time: -time, cells }))
  const rows = await batchResult(
    {
      window: specOf({ kind: 'tumbling', sizeMs: 100_000 * 86_400_000 }),
      groupBy: ['auction', 'bidder'],
      aggregates: columns.map((column) => call(column, 'first', column)),
    },
    backwards,
  )
  return rows.map(({ group, values }) => [...group.map(cell), ...values.map(cell)])
}
