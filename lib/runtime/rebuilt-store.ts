import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'
import type { Runtime } from '#runtime/runtime.ts'

/** Where everything of ours that is no table lies. */
const OWN = '_sluice/'

/** Folder of the tables of a rebuild. */
export const rebuildFolder = ({ plan }: Pick<Runtime, 'plan'>, epoch: number): string =>
  `${OWN}${plan.name}/rebuild-${epoch}`

/** The same store, with its tables in another folder: a rebuild writes tables of the same names beside those that serve. */
export function rebuiltStore(store: ObjectStore, folder: string): ObjectStore {
  const place = (path: string): string => (path.startsWith(OWN) ? path : `${folder}/${path}`)
  const named = (info: ObjectInfo, path: string): ObjectInfo => ({ ...info, path })
  return {
    uri: `${store.uri}/${folder}`,
    get: (path, range) => (range === undefined ? store.get(place(path)) : store.get(place(path), range)),
    async head(path) {
      const info = await store.head(place(path))
      return info === undefined ? undefined : named(info, path)
    },
    put: (path, bytes) => store.put(place(path), bytes),
    create: (path, bytes) => store.create(place(path), bytes),
    delete: (path) => store.delete(place(path)),
    async *list(prefix, options) {
      const startAfter = options?.startAfter
      const moved = place(prefix).length - prefix.length
      const from = startAfter === undefined ? undefined : { startAfter: place(startAfter) }
      for await (const info of store.list(place(prefix), from)) yield named(info, info.path.slice(moved))
    },
  }
}
