import { SluiceError } from '#core/errors.ts'
import type { Field, Fields } from '#schema/column.ts'

/** PostgreSQL cuts longer names without a word. */
export const NAME_LENGTH_MAX = 63

const SNAKE_CASE = /^[a-z][a-z0-9_]*$/
const KAFKA_TOPIC = /^[A-Za-z0-9._-]{1,249}$/

/** @throws SluiceError NAME_INVALID unless the name is lowercase snake_case of at most 63 characters */
export function requireSnakeCase(what: string, name: string): void {
  if (SNAKE_CASE.test(name) && name.length <= NAME_LENGTH_MAX) return
  throw new SluiceError(
    'NAME_INVALID',
    `Expected the name of ${what} in lowercase snake_case, at most ${NAME_LENGTH_MAX} characters, found '${name}'${suggestion(name)}. ` +
      'Athena and Glue fold case, so other names would not survive.',
  )
}

function suggestion(name: string): string {
  const snake = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^[_0-9]+|_+$/g, '')
    .toLowerCase()
  return snake !== name && SNAKE_CASE.test(snake) && snake.length <= NAME_LENGTH_MAX ? `; write '${snake}'` : ''
}

/** @throws SluiceError NAME_INVALID unless Kafka would take it as the name of a topic */
export function requireTopicName(name: string): void {
  if (KAFKA_TOPIC.test(name) && name !== '.' && name !== '..') return
  throw new SluiceError(
    'NAME_INVALID',
    `Expected the name of a topic (1 to 249 letters, digits, '.', '_' and '-'), found '${name}'.`,
  )
}

/** @throws SluiceError NAME_INVALID unless it is layer.table, both lowercase snake_case */
export function requireTableName(name: string): void {
  const parts = name.split('.')
  if (parts.length !== 2 || parts.includes('')) {
    throw new SluiceError(
      'NAME_INVALID',
      `Expected the name of a Delta table as layer.table, such as 'silver.crimes', found '${name}'.`,
    )
  }
  requireSnakeCase(`the layer of Delta table '${name}'`, parts[0]!)
  requireSnakeCase(`Delta table '${name}' after the dot`, parts[1]!)
}

/** The field of that name. `where` says who asks: `clusterBy of silver.crimes`. @throws SluiceError COLUMN_UNKNOWN */
export function requireField(fields: Fields, name: string, where: string): Field {
  const field = fields.find((candidate) => candidate.name === name)
  if (field !== undefined) return field
  const known = fields.map((candidate) => candidate.name).join(', ')
  throw new SluiceError(
    'COLUMN_UNKNOWN',
    `Expected one of the columns ${known} as ${where}, found '${name}'. Check its spelling, or add it to the schema or with .with().`,
  )
}

/** The first name that occurs again, if any. */
function firstRepeated(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index)
}

/** @throws SluiceError NAME_DUPLICATE when a list of columns names one twice */
export function requireDistinct(names: readonly string[], where: string): void {
  const repeated = firstRepeated(names)
  if (repeated === undefined) return
  throw new SluiceError(
    'NAME_DUPLICATE',
    `Expected each column once as ${where}, found '${repeated}' twice. Leave one out.`,
  )
}
