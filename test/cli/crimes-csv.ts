/** Files of crimes, written row by row. */
const COLUMNS = [
  'ID,Case Number,Date,Block,IUCR,Primary Type,Description,Location Description,Arrest,Domestic,Beat,District,Ward',
  'Community Area,FBI Code,X Coordinate,Y Coordinate,Year,Updated On,Latitude,Longitude,Location',
]
  .join(',')
  .split(',')

export const HEADER = COLUMNS.join(',')

const GOOD: Readonly<Record<string, string>> = {
  ID: '1',
  'Case Number': 'JB1',
  Date: '06/01/2018 10:00:00 AM',
  Block: '001XX N STATE ST',
  IUCR: '0810',
  'Primary Type': 'THEFT',
  Description: 'OVER $500',
  'Location Description': 'STREET',
  Arrest: 'false',
  Domestic: 'false',
  Beat: '0111',
  District: '001',
  Ward: '42',
  'Community Area': '32',
  'FBI Code': '06',
  'X Coordinate': '1176352',
  'Y Coordinate': '1900927',
  Year: '2018',
  'Updated On': '06/08/2018 04:00:41 PM',
  Latitude: '41.88',
  Longitude: '-87.62',
  Location: '',
}

/** A crime of 2018-06-01 in district 001 as a line, with these cells as they are: quotes are the caller's. */
export function crime(cells: Readonly<Record<string, string | number>> = {}): string {
  const unknown = Object.keys(cells).find((name) => !COLUMNS.includes(name))
  if (unknown !== undefined) throw new Error(`no column ${unknown}`)
  return COLUMNS.map((name) => cells[name] ?? GOOD[name]).join(',')
}

/** A file with the portal's header; lines end as the portal ends them. */
export function csv(lines: readonly string[], end = '\r\n'): string {
  return [HEADER, ...lines].map((line) => line + end).join('')
}

/** A good crime before and one behind, so that a test sees that neither is touched. */
export const between = (line: string): string => csv([crime({ ID: 1 }), line, crime({ ID: 3, District: '003' })])

/** UTF-8 but for the characters U+0080 to U+00FF, which become single bytes. */
export const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')
