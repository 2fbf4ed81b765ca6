import type { Column, ColumnKind, Fields } from '#schema/column.ts'

/** What may be reported: codes of the Illinois Uniform Crime Reporting scheme and of the FBI's. */
export interface CrimeType {
  readonly primary: string
  readonly iucr: string
  readonly description: string
  readonly fbi: string
  /** How often, among all. */
  readonly weight: number
  readonly arrest: number
  readonly domestic: number
}

const crime = (
  primary: string,
  iucr: string,
  description: string,
  fbi: string,
  weight: number,
  arrest: number,
  domestic: number,
): CrimeType => ({ primary, iucr, description, fbi, weight, arrest, domestic })

export const CRIME_TYPES: readonly CrimeType[] = [
  crime('THEFT', '0820', '$500 AND UNDER', '06', 100, 0.09, 0.02),
  crime('THEFT', '0810', 'OVER $500', '06', 70, 0.03, 0.03),
  crime('THEFT', '0860', 'RETAIL THEFT', '06', 42, 0.36, 0),
  crime('THEFT', '0890', 'FROM BUILDING', '06', 30, 0.03, 0.06),
  crime('BATTERY', '0486', 'DOMESTIC BATTERY SIMPLE', '08B', 95, 0.18, 0.98),
  crime('BATTERY', '0460', 'SIMPLE', '08B', 72, 0.19, 0.02),
  crime('BATTERY', '041A', 'AGGRAVATED: HANDGUN', '04B', 9, 0.12, 0.03),
  crime('CRIMINAL DAMAGE', '1320', 'TO VEHICLE', '14', 55, 0.03, 0.09),
  crime('CRIMINAL DAMAGE', '1310', 'TO PROPERTY', '14', 50, 0.08, 0.14),
  crime('ASSAULT', '0560', 'SIMPLE', '08A', 55, 0.14, 0.28),
  crime('ASSAULT', '051A', 'AGGRAVATED: HANDGUN', '04A', 10, 0.2, 0.05),
  crime('DECEPTIVE PRACTICE', '1153', 'FINANCIAL IDENTITY THEFT OVER $ 300', '11', 28, 0.01, 0.02),
  crime('DECEPTIVE PRACTICE', '1150', 'CREDIT CARD FRAUD', '11', 20, 0.03, 0.01),
  crime('DECEPTIVE PRACTICE', '0930', 'THEFT BY LESSEE,MOTOR VEH', '07', 2, 0.05, 0.04),
  crime('OTHER OFFENSE', '2825', 'HARASSMENT BY TELEPHONE', '26', 24, 0.02, 0.4),
  crime('OTHER OFFENSE', '4387', 'VIOLATE ORDER OF PROTECTION', '26', 16, 0.2, 0.95),
  crime('NARCOTICS', '1811', 'POSS: CANNABIS 30GMS OR LESS', '18', 18, 1, 0),
  crime('NARCOTICS', '2024', 'POSS: HEROIN(WHITE)', '18', 16, 1, 0),
  crime('BURGLARY', '0610', 'FORCIBLE ENTRY', '05', 24, 0.05, 0.02),
  crime('BURGLARY', '0620', 'UNLAWFUL ENTRY', '05', 14, 0.06, 0.05),
  crime('MOTOR VEHICLE THEFT', '0910', 'AUTOMOBILE', '07', 34, 0.06, 0.02),
  crime('ROBBERY', '031A', 'ARMED: HANDGUN', '03', 18, 0.05, 0.01),
  crime('ROBBERY', '0320', 'STRONGARM - NO WEAPON', '03', 15, 0.1, 0.03),
  crime('CRIMINAL TRESPASS', '1330', 'TO LAND', '26', 20, 0.6, 0.05),
  crime('WEAPONS VIOLATION', '143A', 'UNLAWFUL POSS OF HANDGUN', '15', 16, 0.85, 0.01),
  crime('OFFENSE INVOLVING CHILDREN', '1750', 'CHILD ABUSE', '20', 6, 0.1, 0.9),
  crime('PUBLIC PEACE VIOLATION', '0470', 'RECKLESS CONDUCT', '24', 5, 0.6, 0.05),
  crime('CRIM SEXUAL ASSAULT', '0281', 'NON-AGGRAVATED', '02', 5, 0.05, 0.15),
  crime('HOMICIDE', '0110', 'FIRST DEGREE MURDER', '01A', 2, 0.3, 0.08),
]

export interface District {
  /** Three digits. */
  readonly code: string
  readonly latitude: number
  readonly longitude: number
  readonly weight: number
}

const district = (number: number, latitude: number, longitude: number, weight: number): District => ({
  code: String(number).padStart(3, '0'),
  latitude,
  longitude,
  weight,
})

/** The 22 police districts, about in their middle (a little inland of the lake), and how busy they are. */
export const DISTRICTS: readonly District[] = [
  district(1, 41.87, -87.633, 5.6),
  district(2, 41.81, -87.622, 4.4),
  district(3, 41.77, -87.6, 4.9),
  district(4, 41.72, -87.565, 5.5),
  district(5, 41.69, -87.615, 4.4),
  district(6, 41.75, -87.64, 6.2),
  district(7, 41.78, -87.66, 5.6),
  district(8, 41.785, -87.71, 6.3),
  district(9, 41.825, -87.67, 4.5),
  district(10, 41.85, -87.7, 4.7),
  district(11, 41.88, -87.71, 7.2),
  district(12, 41.87, -87.67, 5),
  district(14, 41.92, -87.69, 3.6),
  district(15, 41.885, -87.76, 4.1),
  district(16, 41.96, -87.785, 3.3),
  district(17, 41.96, -87.71, 2.9),
  district(18, 41.9, -87.637, 6),
  district(19, 41.94, -87.66, 4.6),
  district(20, 41.98, -87.67, 1.8),
  district(22, 41.705, -87.665, 3.2),
  district(24, 42, -87.675, 2.8),
  district(25, 41.92, -87.75, 5.4),
]

export const PLACES: readonly string[] = [
  'STREET',
  'RESIDENCE',
  'APARTMENT',
  'SIDEWALK',
  'STREET',
  'RESIDENCE',
  'APARTMENT',
  'SMALL RETAIL STORE',
  'RESTAURANT',
  'PARKING LOT/GARAGE(NON.RESID.)',
  'ALLEY',
  'SCHOOL, PUBLIC, BUILDING',
  'RESIDENCE-GARAGE',
  'DEPARTMENT STORE',
  'GAS STATION',
  'CTA TRAIN',
  'BAR OR TAVERN',
  'VEHICLE NON-COMMERCIAL',
  'OTHER',
  '',
]

/** Streets that run north and south, and such that run east and west. */
export const NORTH_SOUTH: readonly string[] = [
  'STATE ST',
  'CLARK ST',
  'HALSTED ST',
  'ASHLAND AVE',
  'DAMEN AVE',
  'WESTERN AVE',
  'KEDZIE AVE',
  'PULASKI RD',
  'CICERO AVE',
  'COTTAGE GROVE AVE',
]
export const EAST_WEST: readonly string[] = [
  'MADISON ST',
  'CHICAGO AVE',
  'NORTH AVE',
  'FULLERTON AVE',
  'BELMONT AVE',
  'ROOSEVELT RD',
  '35TH ST',
  '47TH ST',
  '63RD ST',
  '79TH ST',
]

/** Columns as the city's portal names them, in its order. Files without `Year` and `Location` are common. */
export const PORTAL_COLUMNS: readonly string[] = [
  'ID',
  'Case Number',
  'Date',
  'Block',
  'IUCR',
  'Primary Type',
  'Description',
  'Location Description',
  'Arrest',
  'Domestic',
  'Beat',
  'District',
  'Ward',
  'Community Area',
  'FBI Code',
  'X Coordinate',
  'Y Coordinate',
  'Year',
  'Updated On',
  'Latitude',
  'Longitude',
  'Location',
]

const format = { pattern: 'MM/dd/yyyy hh:mm:ss a', zone: 'America/Chicago' }
const column = (kind: ColumnKind, nullable: boolean): Column =>
  kind === 'timestamp' ? { kind, nullable, format } : { kind, nullable }
const KINDS = new Map<string, Column>([
  ['ID', column('long', false)],
  ['Date', column('timestamp', false)],
  ['Location Description', column('string', true)],
  ['Arrest', column('boolean', false)],
  ['Domestic', column('boolean', false)],
  ['Ward', column('int', true)],
  ['Community Area', column('int', true)],
  ['X Coordinate', column('int', true)],
  ['Y Coordinate', column('int', true)],
  ['Year', column('int', true)],
  ['Updated On', column('timestamp', true)],
  ['Latitude', column('double', true)],
  ['Longitude', column('double', true)],
  ['Location', column('string', true)],
])

/** The topic's fields: portal columns in snake case. */
export const CRIME_FIELDS: Fields = PORTAL_COLUMNS.map((name) => ({
  name: name.toLowerCase().replaceAll(' ', '_'),
  column: KINDS.get(name) ?? column('string', false),
}))
