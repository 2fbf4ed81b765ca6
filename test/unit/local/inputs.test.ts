import { once } from 'node:events'
import { chmodSync, closeSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isSluiceError, type SluiceError } from '#core/errors.ts'
import { checkInputs, type Input, openInput } from '#local/inputs.ts'
import { inputError } from '#local/inputs-error.ts'
import type { Fields } from '#schema/column.ts'
import { temporaryFolder } from '../../support/temp.ts'

const fields: Fields = [
  { name: 'a', column: { kind: 'string', nullable: false } },
  { name: 'b', column: { kind: 'long', nullable: true } },
]

function file(name: string, content: string | Uint8Array): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

function opened(path: string): Input {
  const input = openInput(path, fields)
  closeSync(input.file)
  return input
}

function failure(path: string): SluiceError {
  try {
    checkInputs([path], fields)
  } catch (error) {
    if (isSluiceError(error)) return error
    throw error
  }
  throw new Error('the input was accepted')
}

describe('openInput', () => {
  test('knows where the records of a CSV file begin', () => {
    const input = opened(file('x.csv', 'a,b\r\n1,2\r\n'))
    expect(input).toMatchObject({ name: 'x.csv', size: 10, start: 5 })
  })

  test.each(['x.jsonl', 'x.ndjson', 'x.json', 'x.JSONL'])('takes %s as JSON lines', (name) => {
    expect(opened(file(name, '{"a":"1"}\n')).start).toBe(0)
  })

  test('skips a byte order mark before JSON lines', () => {
    expect(opened(file('x.jsonl', '\ufeff{"a":"1"}\n')).start).toBe(3)
  })

  test('says which path it looked for', () => {
    const error = failure('/nowhere/crimes.csv')
    expect(error.code).toBe('INPUT_NOT_FOUND')
    expect(error.message).toBe(
      'There is no file /nowhere/crimes.csv. Check the path; relative paths start in the folder where the command runs.',
    )
  })

  test('finds no file below a file', () => {
    expect(failure(join(file('x.csv', 'a\n1'), 'y.csv')).code).toBe('INPUT_NOT_FOUND')
  })

  test('refuses a folder', () => {
    const path = join(temporaryFolder(), 'crimes.csv')
    mkdirSync(path)
    const error = failure(path)
    expect(error.code).toBe('INPUT_IS_FOLDER')
    expect(error.message).toBe(`${path} is a folder, expected a file. Name the files in it one by one.`)
  })

  test('refuses what is no file at all', async () => {
    const path = join(temporaryFolder(), 'x.csv')
    const server = createServer().listen(path)
    await once(server, 'listening')
    const error = failure(path)
    server.close()
    expect(error.code).toBe('INPUT_UNREADABLE')
    expect(error.message).toBe(
      `${path} can't be read: it is a device, a pipe or a socket, expected a file. Write the records to a file first.`,
    )
  })

  test('says that a permission is missing', () => {
    const error = inputError('x.csv', Object.assign(new Error('EACCES'), { code: 'EACCES' }))
    expect(error.code).toBe('INPUT_UNREADABLE')
    expect(error.message).toBe(
      "x.csv can't be read: no permission to read it. Expected a file that this user may read.",
    )
  })

  test.skipIf(process.getuid?.() === 0)('refuses a file without read permission', () => {
    const path = file('x.csv', 'a\n1\n')
    chmodSync(path, 0)
    expect(failure(path).code).toBe('INPUT_UNREADABLE')
  })

  test('says what the system said', () => {
    const loop = join(temporaryFolder(), 'x.csv')
    symlinkSync(loop, loop)
    expect(failure(loop).message).toBe(
      `${loop} can't be read: the system says ELOOP. Expected a file that this user may read.`,
    )
  })

  test.each(['crimes.parquet', 'crimes.csv.gz', 'crimes'])('does not know the format of %s', (name) => {
    const path = file(name, 'x')
    const error = failure(path)
    const found = name === 'crimes' ? 'none' : `'${name.slice(name.lastIndexOf('.'))}'`
    expect(error.code).toBe('INPUT_FORMAT_UNKNOWN')
    expect(error.message).toBe(
      `${path}: expected a file that ends in .csv (with a header line), or in .jsonl, .ndjson or .json (one JSON object a line), ` +
        `found ${found}. Unpack or convert the file, or rename it.`,
    )
  })

  test.each(['x.csv', 'x.jsonl'])('refuses the empty file %s', (name) => {
    const error = failure(file(name, ''))
    expect(error.code).toBe('INPUT_EMPTY')
    expect(error.message).toBe(`${name} is empty. Expected records: CSV with a header line, or one JSON object a line.`)
  })

  test('refuses blank JSON lines', () => {
    expect(failure(file('x.jsonl', '\n \r\n')).code).toBe('INPUT_EMPTY')
  })

  test.each(['a,b', 'a,b\n', '\ufeffa,b\r\n\r\n'])('refuses the header without records %j', (content) => {
    const error = failure(file('x.csv', content))
    expect(error.code).toBe('CSV_HEADER_ONLY')
    expect(error.message).toBe('x.csv has a header of 2 columns and no records. Expected at least one record.')
  })

  test('refuses a header that does not fit', () => {
    expect(failure(file('x.csv', 'a,c\n1,2\n')).code).toBe('CSV_COLUMN_UNKNOWN')
  })

  test('refuses a JSON array', () => {
    const error = failure(file('x.json', '\n[{"a":1}]'))
    expect(error.code).toBe('INPUT_FORMAT_UNKNOWN')
    expect(error.message).toBe(
      "x.json: expected JSON lines in UTF-8 (one object a line), found a JSON array ('['). Convert it, for example with: jq -c '.[]'",
    )
  })
})
