import type { FencedItem, PutResult, StateStore } from '#ports/state-store.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import type { Progress } from '#runtime/progress.ts'
import type { Runtime } from '#runtime/runtime.ts'
import type { Equipment, Sabotage } from './process.ts'

/** Passes everything on, but for what is overridden. */
function stateOf(inner: StateStore, own: Partial<StateStore>): StateStore {
  return {
    get: (group, id) => inner.get(group, id),
    put: (item, expected) => inner.put(item, expected),
    delete: (group, id, expected) => inner.delete(group, id, expected),
    list: (group, range) => inner.list(group, range),
    close: () => inner.close(),
    ...own,
  }
}

type OfState = (inner: StateStore, runtime: Runtime) => StateStore

const withState =
  (change: OfState): Sabotage =>
  (own) => ({ ...own, runtime: { ...own.runtime, state: change(own.runtime.state, own.runtime) } })

/** Writes, whatever is stored. */
async function overwrite(inner: StateStore, item: FencedItem): Promise<PutResult> {
  const stored = await inner.get(item.group, item.id)
  const fence = Math.max(item.fence, stored?.fence ?? 0)
  return inner.put({ ...item, fence }, stored?.fence ?? null)
}

const isPage = (group: string): boolean => group.endsWith('/pages')
const isPiece = (group: string): boolean => group.endsWith('/leaves')
const isProgress = (group: string): boolean => group.endsWith('/progress')
const isDirty = (group: string): boolean => group.endsWith('/dirty')
const isControl = (group: string): boolean => group.endsWith('/control')

/** Items of a kind are written whatever is stored. */
const unconditional = (applies: (group: string, id: string) => boolean): Sabotage =>
  withState((inner) =>
    stateOf(inner, {
      put: (item, expected) => (applies(item.group, item.id) ? overwrite(inner, item) : inner.put(item, expected)),
    }),
  )

/** Pages seem to have another fence than they have. */
const pagesWithFence =
  (seen: (item: FencedItem, last: ReadonlyMap<number, number>) => number): Sabotage =>
  (own) => {
    let last: ReadonlyMap<number, number> = new Map()
    const { state } = own.runtime
    const disguised = stateOf(state, {
      async get(group, id) {
        const item = await state.get(group, id)
        return item === undefined || !isPage(group) ? item : { ...item, fence: seen(item, last) }
      },
      put: (item, expected) => (isPage(item.group) ? overwrite(state, item) : state.put(item, expected)),
    })
    return {
      ...own,
      runtime: { ...own.runtime, state: disguised },
      begins: (lasts) => {
        last = lasts
        own.begins?.(lasts)
      },
    }
  }

/** Writes of one kind are said to be done, and are done only after the next write of another kind. */
const delayed = (late: (group: string) => boolean, after: (group: string) => boolean): Sabotage =>
  withState((inner) => {
    const waiting: [FencedItem, number | null][] = []
    const held = (group: string, id: string): FencedItem | undefined =>
      waiting.findLast(([item]) => item.group === group && item.id === id)?.[0]
    return stateOf(inner, {
      get: async (group, id) => held(group, id) ?? inner.get(group, id),
      async put(item, expected) {
        if (late(item.group)) {
          waiting.push([item, expected])
          return { ok: true }
        }
        const result = await inner.put(item, expected)
        if (after(item.group)) for (const [one, fence] of waiting.splice(0)) await inner.put(one, fence)
        return result
      },
    })
  })

/** How far windows are closed is not written to the partitions' progress: a writer goes on with what it knows. */
const tellingNobody: Sabotage = withState((inner) =>
  stateOf(inner, {
    async put(item, expected) {
      const stored = isProgress(item.group) ? await inner.get(item.group, item.id) : undefined
      const tells = stored?.fence === expected && withoutTold(stored!) === withoutTold(item)
      return tells ? { ok: true } : inner.put(item, expected)
    },
  }),
)

const withoutTold = ({ body }: FencedItem): string =>
  JSON.stringify(JSON.parse(new TextDecoder().decode(body)), (name, value: unknown) =>
    name === 'told' ? undefined : value,
  )

/** A writer goes on with the mark that it has read first. */
const markReadOnce: Sabotage = (own) => {
  const { state } = own.runtime
  let known: Promise<FencedItem | undefined> | null = null
  let delivers = false
  const cached = stateOf(state, {
    get(group, id) {
      if (!delivers || !isControl(group) || id !== 'mark') return state.get(group, id)
      known ??= state.get(group, id)
      return known
    },
  })
  return {
    ...own,
    runtime: { ...own.runtime, state: cached },
    begins: (lasts) => {
      delivers = lasts.size > 0
      own.begins?.(lasts)
    },
  }
}

/** A payload that was applied long since is judged as if it were new: what says so is looked at afterwards. */
const lateFirst: Sabotage = (own) => {
  const { state } = own.runtime
  let last: ReadonlyMap<number, number> = new Map()
  const wasApplied = (item: FencedItem): boolean =>
    isProgress(item.group) && (last.get(Number.parseInt(item.id, 10)) ?? Number.POSITIVE_INFINITY) <= item.fence
  const disguised = stateOf(state, {
    async get(group, id) {
      const item = await state.get(group, id)
      if (item === undefined || !wasApplied(item)) return item
      const progress = decodeBody<Progress>(item.body, id)
      return { ...item, fence: -1, body: encodeBody({ ...progress, last: { ...progress.last, offset: -1 } }) }
    },
    async put(item, expected) {
      if (expected !== -1) return state.put(item, expected)
      return { ok: false, stored: await state.get(item.group, item.id) }
    },
  })
  return {
    ...own,
    runtime: { ...own.runtime, state: disguised },
    begins: (lasts) => {
      last = lasts
      own.begins?.(lasts)
    },
  }
}

/** Commits to tables lack what says which records are in them. */
const withoutTxn: Sabotage = (own) => {
  const { store } = own.runtime
  const create = (path: string, bytes: Uint8Array): Promise<boolean> => {
    if (!path.endsWith('.json')) return store.create(path, bytes)
    const lines = new TextDecoder().decode(bytes).split('\n')
    return store.create(path, new TextEncoder().encode(lines.filter((line) => !line.startsWith('{"txn"')).join('\n')))
  }
  return { ...own, runtime: { ...own.runtime, store: Object.assign(Object.create(store), { create }) } }
}

/** A result's object is named by its number alone, so that another closer's replaces it. */
const resultsByNumber: Sabotage = (own) => {
  const { store } = own.runtime
  const named = (path: string): string => path.replace(/(\/results\/(?:\w+\/)?\d+)-[0-9a-f-]{36}/, '$1')
  const changed = {
    get: (path: string, range?: { start: number; end: number }) => store.get(named(path), range),
    put: (path: string, bytes: Uint8Array) => store.put(named(path), bytes),
    delete: (path: string) => store.delete(named(path)),
  }
  return { ...own, runtime: { ...own.runtime, store: Object.assign(Object.create(store), changed) } }
}

/** What a database has applied is applied again. */
const withoutSqlFence: Sabotage = (own) => {
  const { sql } = own.runtime
  if (sql === null) return own
  const careless = {
    fence: async () => null,
    async apply(name: string, fence: number, changes: Parameters<typeof sql.apply>[2]) {
      return sql.apply(name, Math.max(fence, ((await sql.fence(name)) ?? 0) + 1), changes)
    },
  }
  return { ...own, runtime: { ...own.runtime, sql: Object.assign(Object.create(sql), careless) } }
}

/** How far the topic goes is asked before it is read how far the stages are, as it was when the task before began. */
const oldEndOffsets: Sabotage = (own) => {
  let known: readonly number[] | null = null
  const endOffsets: Equipment['endOffsets'] = async (applied, signal) => {
    const before = known
    known = await own.endOffsets(applied, signal)
    return before ?? known
  }
  return { ...own, endOffsets }
}

/** Ways to break exactly-once, by what is missing then. */
export const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'pages are written without their condition': unconditional(isPage),
  'accepted files are written without their condition': unconditional((group) => group.includes('/lake/')),
  'late rows are written without their condition': unconditional((group) => group.endsWith('/late')),
  'progress is written without its condition': unconditional(isProgress),
  'the lease is trusted, and closing has no condition': unconditional(
    (group, id) => isControl(group) && id === 'close',
  ),
  'dirty windows are written without their condition': unconditional(isDirty),
  'pages have no filter by record': pagesWithFence(() => -1),
  'pages are fenced by batch': pagesWithFence((item, last) => {
    const partition = Number.parseInt(item.id.split('/')[1] ?? '', 10)
    return item.fence >= (last.get(partition) ?? -1) ? item.fence : -1
  }),
  'late is judged before the fence': lateFirst,
  'progress is written before pages': delayed(isPage, isProgress),
  'progress is written before dirty windows': delayed(isDirty, isProgress),
  'dirty windows are not written': withState((inner) =>
    stateOf(inner, { put: async (item, expected) => (isDirty(item.group) ? { ok: true } : inner.put(item, expected)) }),
  ),
  'closers tell no partition how far they are': tellingNobody,
  'the mark is read once, and not for every batch': markReadOnce,
  'no txn is written': withoutTxn,
  'results are named by their number alone': resultsByNumber,
  'the database has no fence': withoutSqlFence,
  'end offsets are older than progress': oldEndOffsets,
}

/** The mark that takes the place of a page: page-node.ts. */
const saysSplit = ({ group, body }: FencedItem): boolean => isPage(group) && (body[0] === 5 || body[0] === 6)

/** The same, where they need pages that are split. */
export const SPLIT_SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'pieces of pages are written without their condition': unconditional(isPiece),
  'a page is split without its condition': withState((inner) =>
    stateOf(inner, {
      put: (item, expected) => (saysSplit(item) ? overwrite(inner, item) : inner.put(item, expected)),
    }),
  ),
  'a page is split before its pieces are written': delayed(isPiece, isPage),
  'progress is written before pieces of pages': delayed(isPiece, isProgress),
}
