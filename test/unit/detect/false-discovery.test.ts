import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { adjusted } from '#detect/false-discovery.ts'

describe('p-values adjusted for being many', () => {
  test("are those of R's p.adjust and SciPy's false_discovery_control", () => {
    const p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34]
    const eight = Array.from({ length: 7 }, () => 0.29464285714285715)
    const wanted = [0.015, 0.06, 0.126, 0.126, 0.126, 0.15, 0.15857142857142856, ...eight, 0.34]
    adjusted(p).forEach((value, i) => void expect(value).toBeCloseTo(wanted[i]!, 14))
  })

  test('come in the order of what they belong to', () => {
    expect(adjusted([0.5, 0.01, 0.04])).toEqual([0.5, 0.03, 0.06])
  })

  test('count the tests that are left out because nothing was seen', () => {
    expect(adjusted([0.01], 20)).toEqual([0.2])
    expect(adjusted([0.2], 20)).toEqual([1])
    expect(adjusted([0.02, 0.5], 4)).toEqual(adjusted([0.02, 0.5, 1, 1]).slice(0, 2))
  })

  test('never fall below the p-value, never pass 1, and keep its order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (p) => {
        const q = adjusted(p)
        for (let i = 0; i < p.length; i++) {
          expect(q[i]!).toBeGreaterThanOrEqual(p[i]! - 1e-15)
          expect(q[i]!).toBeLessThanOrEqual(1)
          for (let j = 0; j < p.length; j++) if (p[i]! < p[j]!) expect(q[i]!).toBeLessThanOrEqual(q[j]!)
        }
      }),
    )
  })
})
