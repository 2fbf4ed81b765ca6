import { isSluiceError } from '#core/errors.ts'
import { gcd } from '#core/time.ts'
import type { Json } from './case.ts'
import { batchResult, specOf } from './engine.ts'
import { inOrder } from './values.ts'

const COUNT = [{ name: 'rows', function: 'count', column: null }] as const

/** The windows of one row: what comes out when it is all there is. */
export async function runAssign(json: Json, file: Json): Promise<readonly string[]> {
  const align = json.alignToMs ?? 0
  const window = json.window ?? {
    kind: 'sliding',
    sizeMs: json.sizeMs,
    slideMs: json.slideMs,
    offsetMs: align % json.slideMs,
  }
  const rows = await batchResult({ window: specOf(window), aggregates: COUNT }, [{ time: json.ts, cells: {} }])
  if (json.windowIndexes !== undefined) {
    const indexes = rows.map(({ start }) => (start - align) / window.slideMs)
    return inOrder(indexes, json.windowIndexes)
  }
  const expected = (json.windows as readonly [number, number][]).toSorted(([a, b], [c, d]) => a - c || b - d)
  return inOrder(
    // Kafka has no windows from before 1970.
    rows
      .filter(({ start }) => start >= 0 || !/kafka|ksql/i.test(file.provenance?.project ?? ''))
      .map(({ start, end }) => [start, end]),
    expected,
  )
}

/** Windows that are merged where they touch: sessions of records that are as far apart as the greatest common part of them. */
export async function runMerge(json: Json): Promise<readonly string[]> {
  const windows = json.merge as readonly (readonly [number, number])[]
  const gap = windows.reduce((common, [start, end]) => gcd(end - start, common), 0)
  const rows = windows.flatMap(([start, end]) =>
    Array.from({ length: (end - start) / gap }, (_, i) => ({ time: start + i * gap, cells: {} })),
  )
  const window = specOf({ kind: 'session', gapMs: gap })
  const found = (await batchResult({ window, aggregates: COUNT }, rows)).map(({ start, end }) => [start, end])
  return inOrder(found, json.merged)
}

export function runRefusal(json: Json): readonly string[] {
  try {
    specOf(json.window)
  } catch (error) {
    if (isSluiceError(error)) return []
    throw error
  }
  return [`expected a refusal of ${JSON.stringify(json.window)}, found none`]
}
