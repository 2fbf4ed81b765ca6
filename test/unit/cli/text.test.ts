import { describe, expect, test } from 'vitest'
import { cellJson, cellText } from '#cli/cell.ts'
import { clockTime, elapsed, windowTime } from '#cli/event-time.ts'
import { fitted, Grid } from '#cli/grid.ts'
import { clipStyled, styleFor } from '#cli/style.ts'
import { alignTable, clip, isoTime, shownPath, size, visible, wrapped } from '#cli/text.ts'
import { RecordingTerminal } from './recording-terminal.ts'

const june = Date.UTC(2018, 5, 1, 5)

describe('Text for people:', () => {
  test('columns are as wide as their widest cell, numbers to the right', () => {
    expect(
      alignTable(
        ['table', 'rows'],
        [
          ['bronze.crimes', '5'],
          ['x', '23,913'],
        ],
        [1],
      ),
    ).toBe('table            rows\nbronze.crimes       5\nx              23,913\n')
  })

  test.each([
    ['crime', 5, 'crime'],
    ['crimes', 5, 'crim…'],
    ['𝄞𝄞𝄞', 3, '𝄞𝄞𝄞'],
    ['𝄞𝄞𝄞', 2, '𝄞…'],
  ])('%s clipped to %i characters is %s', (text, max, clipped) => {
    expect(clip(text, max)).toBe(clipped)
  })

  test('what would move the cursor becomes visible', () => {
    expect(visible('a\tb\nc\r\u001b[2J\u009b')).toBe('a\\tb\\nc\\r\\u{1b}[2J\\u{9b}')
  })

  test('lines are broken between words, never within', () => {
    expect(wrapped('to close them, stop', 8)).toEqual(['to close', 'them,', 'stop'])
    expect(wrapped('incomprehensibilities and', 8)).toEqual(['incomprehensibilities', 'and'])
  })

  test.each([
    [june, undefined, '2018-06-01T05:00:00Z'],
    [june + 1, undefined, '2018-06-01T05:00:00.001Z'],
    [june, 'America/Chicago', '2018-06-01T00:00:00-05:00'],
    [june, 'Asia/Kolkata', '2018-06-01T10:30:00+05:30'],
    [-1, undefined, '1969-12-31T23:59:59.999Z'],
  ])('%i in zone %s is %s', (instant, zone, text) => {
    expect(isoTime(instant, zone)).toBe(text)
  })

  test.each([
    [0, '0 B'],
    [9_999, '9,999 B'],
    [10_000, '10.0 kB'],
    [1_449_000, '1.4 MB'],
    [2_500_000_000, '2.5 GB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(size(bytes)).toBe(text)
  })

  test.each([
    [42_000, '0:42'],
    [725_000, '12:05'],
    [3 * 3_600_000 + 7_000, '3:00:07'],
    [2 * 86_400_000 + 60_000, '2 d 0:01:00'],
  ])('%i milliseconds are %s', (millis, text) => {
    expect(elapsed(millis)).toBe(text)
  })

  test('a path below the working folder is shown from there', () => {
    expect(shownPath('/home/me/.sluice/crimes', '/home/me')).toBe('.sluice/crimes')
    expect(shownPath('/tmp/x', '/home/me')).toBe('/tmp/x')
  })
})

describe('Times of events in their zone:', () => {
  const hour = 3_600_000

  test.each([
    [june, june + 24 * hour, 'Fri 1 Jun 2018'],
    [june, june + 7 * 24 * hour, 'Fri 1 Jun 2018 – Thu 7 Jun 2018'],
    [june + 18 * hour, june + 23 * hour, 'Fri 1 Jun 2018 18:00 – 23:00'],
    [june + 20 * hour, june + 25 * hour, 'Fri 1 Jun 2018 20:00 – Sat 2 Jun 2018 01:00'],
  ])('a window from %i to %i is %s', (start, end, text) => {
    expect(windowTime(start, end, 'America/Chicago')).toBe(text)
  })

  test('a day with 25 hours is one day', () => {
    const start = Date.UTC(2018, 10, 4, 5)
    expect(windowTime(start, start + 25 * hour, 'America/Chicago')).toBe('Sun 4 Nov 2018')
  })

  test('an instant is shown to the minute', () => {
    expect(clockTime(june + 90_000, 'America/Chicago')).toBe('Fri 1 Jun 2018 00:01')
  })
})

describe('A cell', () => {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
  const bytes = new Uint8Array([0xff, 0x00])

  test.each([
    [null, undefined, '', null],
    [undefined, 'string', '', null],
    [june, 'timestamp', '2018-06-01T05:00:00Z', '2018-06-01T05:00:00Z'],
    [17_683, 'date', '2018-06-01', '2018-06-01'],
    [1.5, 'double', '1.5', 1.5],
    [Number.NaN, 'double', 'NaN', 'NaN'],
    [2n ** 60n, undefined, '1152921504606846976', '1152921504606846976'],
    [true, 'boolean', 'true', true],
    ['a\nb', 'string', 'a\\nb', 'a\nb'],
    [utf8('{"id":1}'), 'binary', '{"id":1}', '{"id":1}'],
    [bytes, 'binary', 'base64:/wA=', 'base64:/wA='],
    [{ latitude: 41.5, longitude: -87 }, 'geo_point', '41.5, -87', { latitude: 41.5, longitude: -87 }],
    [[{ name: 'h', value: utf8('v') }], 'headers', '[{"name":"h","value":"v"}]', [{ name: 'h', value: 'v' }]],
    [new Map([['k', 1n]]), undefined, '{"k":"1"}', { k: '1' }],
  ] as const)('%o of kind %s is shown as %s', (value, kind, text, json) => {
    expect(cellText(value, { kind, zone: 'UTC' })).toBe(text)
    expect(cellJson(value, { kind, zone: 'UTC' })).toEqual(json)
  })
})

describe('A grid', () => {
  const columns = ['id', 'description', 'block', 'place'].map((title, i) => ({ title, right: i === 0 }))
  const row = ['1', 'a long description of it', 'x'.repeat(30), 'y'.repeat(30)]

  async function shown(terminal: RecordingTerminal, rows: readonly (readonly string[])[]): Promise<readonly string[]> {
    const grid = new Grid(terminal, columns)
    for (const cells of rows) await grid.add(cells)
    await grid.end()
    return terminal.lines
  }

  test('clips its widest cells to fit a terminal', async () => {
    const lines = await shown(new RecordingTerminal({ interactive: true, columns: 82 }), [row])
    expect(lines).toEqual([
      'id  description               block                      place',
      ' 1  a long description of it  xxxxxxxxxxxxxxxxxxxxxxxx…  yyyyyyyyyyyyyyyyyyyyyyyy…',
    ])
  })

  test('names the columns for which there is no room', async () => {
    const lines = await shown(new RecordingTerminal({ interactive: true, columns: 60 }), [row])
    expect(lines).toEqual([
      'id  description               block',
      ' 1  a long description of it  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      '… and 1 more column: place',
    ])
  })

  test('clips nothing where it is no terminal', async () => {
    const [, line] = await shown(new RecordingTerminal({ columns: 10 }), [row])
    expect(line).toBe(` ${row.join('  ')}`)
  })

  test('shows its titles without rows', async () => {
    expect(await shown(new RecordingTerminal(), [])).toEqual(['id  description  block  place'])
  })

  test('has every row, however many', async () => {
    const rows = Array.from({ length: 2_500 }, (_, i) => [String(i), '', '', 'z'])
    const lines = await shown(new RecordingTerminal(), rows)
    expect(lines).toHaveLength(2_501)
    expect(lines.at(-1)).toContain('2499')
  })

  test('a column of one character may be narrow', () => {
    expect(fitted([1, 1, 1, 40], 36)).toEqual([1, 1, 1, 27])
  })
})

describe('Styles', () => {
  const styled = styleFor({ interactive: true, env: {} })

  test('are bold and dim on a terminal', () => {
    expect(styled.bold('a') + styled.dim('b')).toBe('\u001b[1ma\u001b[22m\u001b[2mb\u001b[22m')
  })

  test.each([
    { interactive: false, env: {} },
    { interactive: true, env: { NO_COLOR: '1' } },
  ])('are left out with %o', (terminal) => {
    expect(styleFor(terminal).bold('a')).toBe('a')
  })

  test('do not count when a line is clipped, and end with it', () => {
    const line = `${styled.bold('crimes')} and more`
    expect(clipStyled(line, 4)).toBe('\u001b[1mcri…\u001b[22m')
    expect(clipStyled(line, 8)).toBe(`${styled.bold('crimes')} …`)
    expect(clipStyled(line, 15)).toBe(line)
    expect(clipStyled(styled.dim('four'), 4)).toBe(styled.dim('four'))
  })
})
