import type { ObjectStore } from '#ports/object-store.ts'

/** After all that is in a folder, in the order of a LIST. */
const LAST = '\u{10FFFF}'

/**
 * Paths of the Delta tables at a place in a store, in the order of their paths: the place itself, or folders below it at any depth.
 * What lies within a table is not looked at, nor are folders whose names begin with '_' or '.'.
 *
 * Cost: 3 LISTs a table, and one for each folder between.
 */
export async function* findTables(store: ObjectStore, place: string): AsyncGenerator<string, void, undefined> {
  if (await isTable(store, place)) {
    yield place
    return
  }
  const root = place === '' ? '' : `${place}/`
  const plain = new Set<string>()
  let after: string | undefined = root
  while (after !== undefined) {
    const start: string = after
    after = undefined
    for await (const { path } of store.list(root, { startAfter: start })) {
      const table = await tableAbove(store, root, path, plain)
      if (table === undefined) continue
      yield table
      // On behind it, past all its files.
      after = `${table}/${LAST}`
      break
    }
  }
}

/** The topmost table that an object lies in. */
async function tableAbove(
  store: ObjectStore,
  root: string,
  path: string,
  plain: Set<string>,
): Promise<string | undefined> {
  for (let slash = path.indexOf('/', root.length); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const folder = path.slice(0, slash)
    if (/^[._]/.test(folder.slice(folder.lastIndexOf('/') + 1))) return undefined
    if (plain.has(folder)) continue
    if (await isTable(store, folder)) return folder
    plain.add(folder)
  }
  return undefined
}

async function isTable(store: ObjectStore, folder: string): Promise<boolean> {
  for await (const _ of store.list(`${folder === '' ? '' : `${folder}/`}_delta_log/`)) return true
  return false
}
