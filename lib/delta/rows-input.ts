import type { Row } from '#delta/row-check.ts'
import { BLOCK_ROWS } from '#schema/row-block.ts'
import type { ColumnBatch } from '#schema/vector.ts'

/** Rows as a caller has them: objects one by one or in arrays, or columns (a ColumnBatch); at once or as they come. */
export type RowsInput = ColumnBatch | Iterable<object> | AsyncIterable<object>

/**
 * Rows that are handed on at once, as many as are encoded at once. Rows that come one by one live as long as their run: the more of them
 * the garbage collector finds alive each time it looks, the larger it makes the space for young objects.
 */
const RUN = BLOCK_ROWS

/** Rows in runs of at most 1,024 and batches as they are, in their order. */
export async function* runsOf(input: RowsInput): AsyncGenerator<readonly Row[] | ColumnBatch> {
  if (isBatch(input)) {
    yield input
    return
  }
  let run: Row[] = []
  for await (const item of input) {
    if (Array.isArray(item) || isBatch(item)) {
      if (run.length > 0) yield run
      run = []
      if (isBatch(item)) yield item
      else yield* slices(item as readonly Row[])
      continue
    }
    run.push(item as Row)
    if (run.length < RUN) continue
    yield run
    run = []
  }
  if (run.length > 0) yield run
}

export function isBatch(input: unknown): input is ColumnBatch {
  if (typeof input !== 'object' || input === null || !('vectors' in input) || !('fields' in input)) return false
  return Array.isArray(input.vectors) && Array.isArray(input.fields)
}

function* slices(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let start = 0; start < rows.length; start += RUN) yield rows.slice(start, start + RUN)
}
