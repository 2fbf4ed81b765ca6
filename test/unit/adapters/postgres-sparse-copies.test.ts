import { describe, expect, it, onTestFinished } from 'vitest'
import { keepLargeCopiesSparse } from '#adapters/postgres/sparse-copies.ts'

const MEGABYTE = 1024 * 1024

function patched(): void {
  const { slice, set } = Uint8Array.prototype
  onTestFinished(() => void Object.assign(Uint8Array.prototype, { slice, set }))
  keepLargeCopiesSparse()
}

describe('A sparse copy', () => {
  it('restores every byte of a large array, also of pages that were zero, and leaves what came after it', () => {
    patched()
    const bytes = new Uint8Array(65 * MEGABYTE)
    const marks = [0, 1, MEGABYTE - 1, 5 * MEGABYTE, 64 * MEGABYTE - 1]
    for (const [i, at] of marks.entries()) bytes[at] = i + 1
    const copy = bytes.subarray(0, 64 * MEGABYTE).slice()
    for (let at = 0; at < bytes.length; at += 100_003) bytes[at] = 99
    bytes[64 * MEGABYTE + 7] = 77
    bytes.set(copy)
    expect(marks.map((at) => bytes[at])).toEqual([1, 2, 3, 4, 5])
    const others: number[] = []
    for (let at = bytes.findIndex((byte) => byte > 5); at >= 0 && others.length < 3; at = bytes.indexOf(99, at + 1))
      others.push(at)
    expect(Math.min(...others)).toBeGreaterThanOrEqual(64 * MEGABYTE)
    expect(bytes[64 * MEGABYTE + 7]).toBe(77)
  })

  it('is an ordinary one of small arrays and of parts', () => {
    patched()
    const small = Uint8Array.of(1, 2, 3)
    expect(small.slice()).toEqual(small)
    const large = new Uint8Array(65 * MEGABYTE)
    large[3] = 7
    expect(large.slice(2, 5)).toEqual(Uint8Array.of(0, 7, 0))
    large.set([8, 9], 4)
    expect([...large.subarray(2, 7)]).toEqual([0, 7, 8, 9, 0])
  })
})
