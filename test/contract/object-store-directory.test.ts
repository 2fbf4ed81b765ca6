import * as nodeFiles from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import type { FileSystem } from '#adapters/files/object-store-list.ts'

const bytes = new TextEncoder().encode('0123456789')

describe('DirectoryObjectStore', () => {
  let root: string

  beforeEach(async () => {
    root = await nodeFiles.mkdtemp(join(tmpdir(), 'sluice-objects-'))
  })
  afterEach(async () => {
    await nodeFiles.rm(root, { recursive: true, force: true })
  })

  const filesBelow = async (): Promise<string[]> => {
    const entries = await nodeFiles.readdir(root, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
  }

  const listed = async (store: DirectoryObjectStore, prefix: string, startAfter = ''): Promise<string[]> => {
    const paths: string[] = []
    for await (const { path } of store.list(prefix, { startAfter })) paths.push(path)
    return paths
  }

  const failing = (code: string, call: keyof FileSystem): FileSystem => ({
    ...nodeFiles,
    [call]: async () => {
      throw Object.assign(new Error(`${code}: simulated`), { code })
    },
  })

  it('writes on where the system took only a part of the pieces', async () => {
    const files: FileSystem = {
      ...nodeFiles,
      open: async (...args: Parameters<FileSystem['open']>) => {
        const handle = await nodeFiles.open(...args)
        handle.writev = (async ([first]: readonly Uint8Array[]) =>
          handle.write(first!, 0, Math.min(3, first!.length))) as never
        return handle
      },
    }
    for (const durable of [false, true]) {
      const store = new DirectoryObjectStore(root, { files, durable })
      await store.putPieces('a', [bytes, new Uint8Array(0), bytes.subarray(4), bytes.subarray(0, 3)])
      expect(new TextDecoder().decode(await store.get('a'))).toBe('0123456789456789012')
    }
  })

  it('names itself as a file URI', () => {
    expect(new DirectoryObjectStore(join(root, 'my lake')).uri).toBe(`file://${root}/my%20lake`)
  })

  it('makes its root on the first write, and reads an absent root as empty', async () => {
    const store = new DirectoryObjectStore(join(root, 'not', 'yet'))
    expect(await listed(store, '')).toEqual([])
    expect(await store.head('a')).toBeUndefined()
    await store.put('a', bytes)
    expect(await listed(store, '')).toEqual(['a'])
  })

  it.each([
    '../outside',
    'a/../../outside',
    '/absolute',
    'a//b',
    'a/./b',
    'a/',
    '',
    'a\\b',
    'nul\0byte',
    '.sluice-tmp/x',
  ])('refuses the path %j', async (path) => {
    const store = new DirectoryObjectStore(join(root, 'lake'))
    const refused = { code: 'NAME_INVALID', message: expect.stringContaining(`found ${JSON.stringify(path)}`) }
    await expect(store.put(path, bytes)).rejects.toMatchObject(refused)
    await expect(store.get(path)).rejects.toMatchObject(refused)
    await expect(async () => store.create(path, bytes)).rejects.toMatchObject(refused)
    expect(await filesBelow()).toEqual([])
  })

  it('refuses to list outside of its root', async () => {
    await nodeFiles.writeFile(join(root, 'secret'), 'x')
    const store = new DirectoryObjectStore(join(root, 'lake'))
    await expect(listed(store, '../')).rejects.toMatchObject({ code: 'NAME_INVALID' })
  })

  it('shows an object only when it is whole', async () => {
    let seen: string[] = []
    const store = new DirectoryObjectStore(root, {
      files: {
        ...nodeFiles,
        writeFile: (async (...call: Parameters<typeof nodeFiles.writeFile>) => {
          await nodeFiles.writeFile(call[0], bytes.subarray(0, 3))
          seen = await listed(store, '')
          await nodeFiles.writeFile(...call)
        }) as FileSystem['writeFile'],
      },
    })
    await store.put('a/b', bytes)
    expect(seen).toEqual([])
    expect(await store.create('a/c', bytes)).toBe(true)
    expect(seen).toEqual(['a/b'])
    expect(await filesBelow()).toEqual(['b', 'c'])
  })

  it('leaves no temporary file behind when it loses a create', async () => {
    const store = new DirectoryObjectStore(root)
    await store.put('a', bytes)
    expect(await store.create('a', bytes)).toBe(false)
    expect(await filesBelow()).toEqual(['a'])
  })

  it('clears temporary files that a process left a day ago, and none younger', async () => {
    await nodeFiles.mkdir(join(root, '.sluice-tmp'))
    for (const name of ['old', 'young']) await nodeFiles.writeFile(join(root, '.sluice-tmp', name), 'x')
    const dayAgo = Date.now() / 1000 - 86_500
    await nodeFiles.utimes(join(root, '.sluice-tmp', 'old'), dayAgo, dayAgo)
    await new DirectoryObjectStore(root).put('a', bytes)
    expect((await filesBelow()).sort()).toEqual(['a', 'young'])
  })

  it.each(['ENOSPC', 'EDQUOT'])('says DISK_FULL on %s, and keeps nothing half-written', async (code) => {
    const full: FileSystem = {
      ...nodeFiles,
      writeFile: (async (file: string) => {
        await nodeFiles.writeFile(file, bytes.subarray(0, 3))
        throw Object.assign(new Error('no space left on device'), { code })
      }) as FileSystem['writeFile'],
    }
    const store = new DirectoryObjectStore(root, { files: full })
    const expected = {
      code: 'DISK_FULL',
      message: `No space left to write ${root}/a/b. Nothing half-written was kept; make room on that disk, or choose another data folder, and run again.`,
    }
    await expect(store.put('a/b', bytes)).rejects.toMatchObject(expected)
    await expect(store.create('a/b', bytes)).rejects.toMatchObject(expected)
    expect(await filesBelow()).toEqual([])
    expect(await store.head('a/b')).toBeUndefined()
  })

  it('keeps the old object when there is no space for the new one', async () => {
    await new DirectoryObjectStore(root).put('a', bytes)
    const full = new DirectoryObjectStore(root, { files: failing('ENOSPC', 'rename') })
    await expect(full.put('a', bytes.subarray(5))).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(await full.get('a')).toEqual(bytes)
    expect(await filesBelow()).toEqual(['a'])
  })

  it.each([
    ['EACCES', 'this user may not (EACCES)'],
    ['EPERM', 'this user may not (EPERM)'],
    ['EROFS', 'its disk is mounted read-only (EROFS)'],
  ])('says DATA_FOLDER_READ_ONLY on %s', async (code, why) => {
    const store = new DirectoryObjectStore(root, { files: failing(code, 'mkdir') })
    await expect(store.put('a/b', bytes)).rejects.toMatchObject({
      code: 'DATA_FOLDER_READ_ONLY',
      message: `Expected to be able to use ${root}/a/b, but ${why}. Give the folder to this user, or choose another data folder.`,
    })
  })

  it('works again after a fault has gone', async () => {
    const files = { ...nodeFiles }
    const store = new DirectoryObjectStore(root, { files })
    files.mkdir = failing('ENOSPC', 'mkdir').mkdir
    await expect(store.put('a/b', bytes)).rejects.toMatchObject({ code: 'DISK_FULL' })
    files.mkdir = nodeFiles.mkdir
    await store.put('a/b', bytes)
    expect(await listed(store, '')).toEqual(['a/b'])
  })

  it('lists a deep prefix from its folder on: other folders are not read, and files before the start are not described', async () => {
    const plain = new DirectoryObjectStore(root)
    for (let i = 0; i < 30; i++) await plain.put(`t/_delta_log/${String(i).padStart(20, '0')}.json`, bytes)
    for (let i = 0; i < 5; i++) await plain.put(`other${i}/x/y`, bytes)
    const calls = { readdir: 0, stat: 0 }
    const counted = {
      ...nodeFiles,
      readdir: ((...call: Parameters<typeof nodeFiles.readdir>) => {
        calls.readdir++
        return nodeFiles.readdir(...call)
      }) as FileSystem['readdir'],
      stat: ((...call: Parameters<typeof nodeFiles.stat>) => {
        calls.stat++
        return nodeFiles.stat(...call)
      }) as FileSystem['stat'],
    }
    const store = new DirectoryObjectStore(root, { files: counted })
    expect(await listed(store, 't/_delta_log/', `t/_delta_log/${'28'.padStart(20, '0')}`)).toHaveLength(2)
    expect(calls).toEqual({ readdir: 1, stat: 2 })
  })

  it('has one winner of a create among stores of one folder, as processes have', async () => {
    const stores = Array.from({ length: 8 }, () => new DirectoryObjectStore(root))
    for (let version = 0; version < 20; version++) {
      const won = await Promise.all(stores.map((store) => store.create(`log/${version}`, bytes)))
      expect(won.filter(Boolean)).toHaveLength(1)
    }
  })
})
