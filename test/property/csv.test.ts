import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Fields } from '#schema/column.ts'
import { readCsv } from '../support/csv-records.ts'

const fields: Fields = ['a', 'b', 'c'].map((name) => ({ name, column: { kind: 'string', nullable: false } }))

/** Cells of letters that mean something to CSV or JSON; no NUL, which is malformed. */
const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', '\\', 'é', '😀', ' ', '\u0001'), maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.toWellFormed().replaceAll('\0', '')),
)
const record = fc.tuple(cell, cell, cell)
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`

/** Any text of CSV's special letters: mostly malformed. */
const noise = fc.string({
  unit: fc.constantFrom('a', ',', ',', '"', '\n', '\n', '\r', '\r\n', 'é', '\0'),
  maxLength: 60,
})

test('every cell comes back as it was written, in whatever chunks the bytes come', () => {
  fc.assert(
    fc.property(fc.array(record), fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 40 }), (rows, br, chunk) => {
      const text = ['a,b,c', ...rows.map((row) => row.map(quoted).join(','))].join(br)
      const found = readCsv(text, fields, { chunk }).map(({ value }) => Object.values(JSON.parse(value ?? 'null')))
      expect(found).toEqual(rows)
    }),
    { numRuns: 300 },
  )
})

test('what is read does not depend on the chunks', () => {
  fc.assert(
    fc.property(noise, fc.integer({ min: 1, max: 20 }), (text, chunk) => {
      expect(readCsv(`a,b,c\n${text}`, fields, { chunk })).toEqual(readCsv(`a,b,c\n${text}`, fields))
    }),
    { numRuns: 1000 },
  )
})

test('every byte of a file but line breaks is in a record or in a malformed one', () => {
  fc.assert(
    fc.property(noise, (text) => {
      const bytes = new TextEncoder().encode(`a,b,c\n${text}`)
      let at = 'a,b,c\n'.length
      for (const { raw, end } of readCsv(bytes, fields)) {
        const source = new TextDecoder().decode(bytes.subarray(at, end)).replace(/^(\r?\n)+|\r?\n?$/g, '')
        if (raw !== null) expect(new TextDecoder().decode(raw)).toBe(source)
        expect(source).not.toBe('')
        at = end
      }
      expect(new TextDecoder().decode(bytes.subarray(at)).replace(/[\r\n]+/g, '')).toBe('')
    }),
    { numRuns: 1000 },
  )
})

test('a malformed line never takes the next lines with it', () => {
  const line = fc.string({ unit: fc.constantFrom('a', ',', '"', 'é', ' '), minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(line, fc.integer({ min: 1, max: 5 }), (bad, count) => {
      const text = `a,b,c\n${bad}\n${'7,8,9\n'.repeat(count)}`
      const found = readCsv(text, fields)
      expect(found.slice(-count).map(({ value }) => value)).toEqual(new Array(count).fill('{"a":"7","b":"8","c":"9"}'))
      expect(found.length).toBe(count + 1)
    }),
    { numRuns: 1000 },
  )
})

test('the line numbers are those of an editor', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 10 }), (rows) => {
      let line = 2
      const lines = rows.map((row) => {
        const at = line
        line += row.join('').split('\n').length
        return at
      })
      const text = ['a,b,c', ...rows.map((row) => row.map(quoted).join(','))].join('\n')
      expect(readCsv(text, fields).map((found) => found.line)).toEqual(lines)
    }),
  )
})
