import { describe, expect, test } from 'vitest'
import { c } from '#schema/builders.ts'
import { refusal } from './refusals.ts'

describe('A column definition', () => {
  test('holds frozen plain data', () => {
    const { column } = c.timestamp({ format: 'MM/dd/yyyy hh:mm:ss a', zone: 'America/Chicago' }).nullable()
    expect(JSON.parse(JSON.stringify(column))).toEqual({
      kind: 'timestamp',
      nullable: true,
      format: { pattern: 'MM/dd/yyyy hh:mm:ss a', zone: 'America/Chicago' },
    })
    expect(Object.isFrozen(column)).toBe(true)
    expect(Object.isFrozen(column.format)).toBe(true)
  })

  test.each([
    [c.string(), 'string'],
    [c.boolean(), 'boolean'],
    [c.int(), 'int'],
    [c.long(), 'long'],
    [c.double(), 'double'],
    [c.date(), 'date'],
    [c.binary(), 'binary'],
    [c.geoPoint(), 'geo_point'],
  ])('of kind %#: nullable only when that is said', (definition, kind) => {
    expect(definition.column).toEqual({ kind, nullable: false })
    expect(definition.nullable().column).toEqual({ kind, nullable: true })
    expect(definition.column.nullable).toBe(false)
  })

  test('of a timestamp reads ISO 8601 in UTC unless told otherwise', () => {
    expect(c.timestamp().column.format).toEqual({ pattern: 'iso', zone: 'UTC' })
  })

  test('of a timestamp refuses an unknown zone where it is written', () => {
    expect(refusal(() => c.timestamp({ zone: 'America/Chikago' }))).toEqual({
      code: 'TIME_ZONE_UNKNOWN',
      message:
        "Expected an IANA time zone such as 'America/Chicago' or 'UTC', found 'America/Chikago'. Check its spelling.",
    })
  })

  test('of a timestamp refuses a pattern that means nothing where it is written', () => {
    const { code, message } = refusal(() => c.timestamp({ format: 'MM/dd/yyyy hh:mm' }))
    expect(code).toBe('TIMESTAMP_FORMAT_INVALID')
    expect(message).toContain("found 'MM/dd/yyyy hh:mm': 'hh' (1 to 12) and 'a' (AM or PM) need each other")
  })
})
