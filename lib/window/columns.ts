import { SluiceError } from '#core/errors.ts'
import type { Fields } from '#schema/column.ts'

/** Position of a column that a window output reads. @throws SluiceError PLAN_INVALID when the rows don't have it */
export function columnPosition(fields: Fields, name: string, output: string): number {
  const position = fields.findIndex((field) => field.name === name)
  if (position >= 0) return position
  throw new SluiceError(
    'PLAN_INVALID',
    `Output "${output}" reads column "${name}", which its rows don't have. They have: ${fields.map((field) => field.name).join(', ')}.`,
  )
}
