import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ObjectStore } from '#ports/object-store.ts'

export interface OpenedObjectStore {
  readonly store: ObjectStore
  readonly close?: () => Promise<void>
  /** Bytes of what the store takes for a big object. */
  readonly bigSize?: number
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

async function pathsOf(store: ObjectStore, prefix: string, startAfter?: string): Promise<string[]> {
  const paths: string[] = []
  for await (const info of store.list(prefix, startAfter === undefined ? {} : { startAfter })) paths.push(info.path)
  return paths
}

/** What every ObjectStore does, whatever is behind it. `open` gives an empty store. */
export function objectStoreContract(name: string, open: () => Promise<OpenedObjectStore>): void {
  describe(`${name} keeps the object store contract`, () => {
    let opened: OpenedObjectStore
    let store: ObjectStore

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(async () => {
      await opened.close?.()
    })

    describe('objects', () => {
      it('gives back the bytes that were put', async () => {
        await store.put('a/b/one', bytesOf('first'))
        expect(textOf(await store.get('a/b/one'))).toBe('first')
      })

      it('makes one object of bytes in pieces, where it takes them', async () => {
        if (store.putPieces === undefined) return
        const size = opened.bigSize ?? 100_000
        const all = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 251)
        const ends = [0, 0, 1, 30, 31, Math.floor(size / 2), size - 1, size]
        await store.putPieces(
          'pieces',
          ends.slice(1).map((end, i) => all.subarray(ends[i], end)),
        )
        expect(Buffer.compare(await store.get('pieces'), all)).toBe(0)
        const many = Array.from({ length: 3_000 }, (_, i) => Uint8Array.of(i % 256))
        await store.putPieces('many', many)
        expect([...(await store.get('many'))]).toEqual(many.map(([byte]) => byte))
      })

      it('replaces an object on put', async () => {
        await store.put('one', bytesOf('first'))
        await store.put('one', bytesOf('2'))
        expect(textOf(await store.get('one'))).toBe('2')
      })

      it('holds empty objects and every byte value', async () => {
        await store.put('empty', new Uint8Array(0))
        const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
        await store.put('all', all)
        expect((await store.get('empty')).length).toBe(0)
        expect([...(await store.get('all'))]).toEqual([...all])
      })

      it('keeps its own copy: bytes that the caller changes afterwards do not change the object', async () => {
        const bytes = bytesOf('first')
        await store.put('one', bytes)
        bytes.fill(0)
        const read = await store.get('one')
        read.fill(1)
        expect(textOf(await store.get('one'))).toBe('first')
      })

      it('stores a view of a larger buffer as just the view', async () => {
        await store.put('one', bytesOf('..middle..').subarray(2, 8))
        expect(textOf(await store.get('one'))).toBe('middle')
      })

      it.each([
        'space in name',
        'per%20cent',
        '100%',
        'plus+and&',
        'emoji-😀',
        'ümlaut',
        'u\u0308',
        'a=b/c=d%3A',
        "quote'",
        '~(*)!$,;@#?[]',
      ])('takes %j as a path and lists it as it was given', async (path) => {
        await store.put(`names/${path}`, bytesOf('x'))
        expect(textOf(await store.get(`names/${path}`))).toBe('x')
        expect(await pathsOf(store, 'names/')).toEqual([`names/${path}`])
      })

      it('reads a half-open range of bytes, cut at the end of the object', async () => {
        await store.put('one', bytesOf('0123456789'))
        const read = async (start: number, end: number) => textOf(await store.get('one', { start, end }))
        expect(await read(2, 5)).toBe('234')
        expect(await read(7, 99)).toBe('789')
        expect(await read(0, 10)).toBe('0123456789')
        expect(await read(0, 1)).toBe('0')
        expect(await read(9, 10)).toBe('9')
      })

      it('reads nothing of an empty range, of one behind the end, and of an empty object', async () => {
        await store.put('one', bytesOf('0123456789'))
        await store.put('empty', new Uint8Array(0))
        for (const range of [
          { start: 0, end: 0 },
          { start: 5, end: 5 },
          { start: 10, end: 10 },
          { start: 10, end: 20 },
          { start: 99, end: 100 },
        ]) {
          expect((await store.get('one', range)).length).toBe(0)
          expect((await store.get('empty', range)).length).toBe(0)
        }
        await expect(store.get('none', { start: 5, end: 5 })).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' })
      })

      it('holds a big object, gives ranges of it, and creates it once', async () => {
        const big = new Uint8Array(opened.bigSize ?? 1_000_003)
        for (let i = 0; i < big.length; i += 997) big[i] = i % 251
        await store.put('big', big)
        expect(Buffer.compare(await store.get('big'), big)).toBe(0)
        expect((await store.head('big'))?.size).toBe(big.length)
        const range = { start: big.length - 2000, end: big.length - 5 }
        expect(Buffer.compare(await store.get('big', range), big.subarray(range.start, range.end))).toBe(0)
        expect(await store.create('big', big)).toBe(false)
        expect(await store.create('big2', big.subarray(1))).toBe(true)
        expect(await store.create('big2', big)).toBe(false)
        expect(Buffer.compare(await store.get('big2'), big.subarray(1))).toBe(0)
      })

      it('throws OBJECT_NOT_FOUND with the path for an object that is not there', async () => {
        await store.put('a/b', bytesOf('x'))
        for (const path of ['a/c', 'a', 'a/b/c']) {
          await expect(store.get(path)).rejects.toMatchObject({
            code: 'OBJECT_NOT_FOUND',
            retryable: false,
            message: expect.stringContaining(path),
          })
        }
        await expect(store.get('a/c', { start: 0, end: 1 })).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' })
      })

      it('describes an object by path, size and a time of modification', async () => {
        await store.put('a/b', bytesOf('12345'))
        const info = await store.head('a/b')
        expect(info).toMatchObject({ path: 'a/b', size: 5 })
        expect(Number.isInteger(info?.modified)).toBe(true)
        expect(await store.head('a')).toBeUndefined()
        expect(await store.head('a/c')).toBeUndefined()
      })

      it('deletes an object, and deletes nothing without complaint', async () => {
        await store.put('a/b', bytesOf('x'))
        await store.delete('a/b')
        await store.delete('a/b')
        await store.delete('never/was')
        expect(await store.head('a/b')).toBeUndefined()
        expect(await pathsOf(store, '')).toEqual([])
      })

      it('has a URI', () => {
        expect(store.uri).toMatch(/^[a-z0-9]+:\/\/\S+[^/]$/)
      })
    })

    describe('create', () => {
      it('makes an object once and leaves the first one as it is', async () => {
        expect(await store.create('log/1', bytesOf('mine'))).toBe(true)
        expect(await store.create('log/1', bytesOf('theirs'))).toBe(false)
        expect(textOf(await store.get('log/1'))).toBe('mine')
      })

      it('has exactly one winner among 32 callers, whose bytes stay', async () => {
        const won = await Promise.all(
          Array.from({ length: 32 }, (_, caller) => store.create('log/2', bytesOf(`caller ${caller}`))),
        )
        expect(won.filter(Boolean)).toHaveLength(1)
        expect(textOf(await store.get('log/2'))).toBe(`caller ${won.indexOf(true)}`)
        expect(await pathsOf(store, '')).toEqual(['log/2'])
      })

      it('has one winner a version among callers that each take the next one', async () => {
        const won: string[] = []
        const caller = async (name: string): Promise<void> => {
          for (let version = 0; version < 20; version++) {
            if (await store.create(`log/${version}`, bytesOf(name))) won.push(`${version} ${name}`)
          }
        }
        await Promise.all(['a', 'b', 'c', 'd'].map(caller))
        const stored = Array.from({ length: 20 }, async (_, v) => `${v} ${textOf(await store.get(`log/${v}`))}`)
        expect(won.sort()).toEqual((await Promise.all(stored)).sort())
      })

      it('holds an empty object as any other', async () => {
        expect(await store.create('empty', new Uint8Array(0))).toBe(true)
        expect(await store.create('empty', bytesOf('x'))).toBe(false)
        expect(await store.head('empty')).toMatchObject({ size: 0 })
      })

      it('is ordered again after a delete, and not after a put', async () => {
        await store.create('one', bytesOf('1'))
        await store.delete('one')
        expect(await store.create('one', bytesOf('2'))).toBe(true)
        await store.put('two', bytesOf('1'))
        expect(await store.create('two', bytesOf('2'))).toBe(false)
      })
    })

    describe('list', () => {
      // In UTF-8 bytes: '!' < '.' < '/' < '0' < 'A' < '_' < 'a' < U+FFFD < U+1F600; UTF-16 would swap the last two.
      // (No path is the folder of another: a file system could not hold both.)
      const ordered = [
        'a!',
        'a.b',
        'a/b',
        'a/b.c',
        'a/c',
        'a0',
        'aA',
        'a_',
        'aa',
        'aé',
        'a\uD7FF',
        'a\uE000',
        'a\uFFFD',
        'a\u{10000}',
        'a😀',
        'a\u{10FFFD}',
      ]

      it('gives all objects below a prefix in UTF-8 byte order of their whole path', async () => {
        for (const path of [...ordered].reverse()) await store.put(path, bytesOf(path))
        await store.put('b', bytesOf('b'))
        await store.put('Z/a', bytesOf('Z'))
        expect(await pathsOf(store, 'a')).toEqual(ordered)
        expect(await pathsOf(store, '')).toEqual(['Z/a', ...ordered, 'b'])
      })

      it('takes any text as a prefix, not only a folder', async () => {
        for (const path of ['t/log/001.json', 't/log/002.json', 't/log/010.json', 't/log2/001.json']) {
          await store.put(path, bytesOf('x'))
        }
        expect(await pathsOf(store, 't/log/00')).toEqual(['t/log/001.json', 't/log/002.json'])
        expect(await pathsOf(store, 't/log')).toEqual([
          't/log/001.json',
          't/log/002.json',
          't/log/010.json',
          't/log2/001.json',
        ])
        expect(await pathsOf(store, 't/log/')).toHaveLength(3)
        expect(await pathsOf(store, 't/log/9')).toEqual([])
        expect(await pathsOf(store, 'nowhere/at/all')).toEqual([])
        expect(await pathsOf(store, 't/log/001.json/')).toEqual([])
      })

      it('starts after any path, there or not', async () => {
        for (const path of ordered) await store.put(path, bytesOf('x'))
        for (const [at, path] of ordered.entries()) {
          expect(await pathsOf(store, 'a', path)).toEqual(ordered.slice(at + 1))
        }
        expect(await pathsOf(store, 'a', 'a/')).toEqual(ordered.slice(ordered.indexOf('a/b')))
        expect(await pathsOf(store, 'a', 'a/bb')).toEqual(ordered.slice(ordered.indexOf('a/c')))
        expect(await pathsOf(store, 'a', 'a/z')).toEqual(ordered.slice(ordered.indexOf('a0')))
        expect(await pathsOf(store, 'a', 'z')).toEqual([])
      })

      it('gives path, size and time of modification as head does', async () => {
        await store.put('a/b', bytesOf('12345'))
        for await (const info of store.list('a/')) expect(info).toEqual(await store.head('a/b'))
        expect.assertions(1)
      })

      it('sees what was written before it began, though written just now', async () => {
        for (let i = 0; i < 20; i++) {
          await store.create(`seen/${String(i).padStart(3, '0')}`, bytesOf('x'))
          expect(await pathsOf(store, 'seen/')).toHaveLength(i + 1)
        }
      })

      it('gives every object once, however many there are', async () => {
        const paths = Array.from({ length: 1100 }, (_, i) => `many/${String(i).padStart(5, '0')}`)
        for (let from = 0; from < paths.length; from += 100) {
          await Promise.all(paths.slice(from, from + 100).map((path) => store.put(path, bytesOf('x'))))
        }
        expect(await pathsOf(store, 'many/')).toEqual(paths)
        expect(await pathsOf(store, 'many/', 'many/00049')).toEqual(paths.slice(50))
        expect(await pathsOf(store, 'many/', 'many/00999')).toEqual(paths.slice(1000))
        expect(await pathsOf(store, 'many/', 'many/010')).toEqual(paths.slice(1000))
        expect(await pathsOf(store, 'many/', 'many/01099')).toEqual([])
      })

      it('may be left early', async () => {
        for (const path of ['a', 'b', 'c']) await store.put(path, bytesOf('x'))
        for await (const info of store.list('')) {
          expect(info.path).toBe('a')
          break
        }
      })
    })
  })
}
