import { anomaly, c, delta, h3, kafka, pipeline, point, postgres, sliding, tumbling } from 'sluice'

const portalTime = { format: 'MM/dd/yyyy hh:mm:ss a', zone: 'America/Chicago' }

// Chicago's crime records with the 22 columns of the city's data portal. An unknown district is '' there.
const crimes = kafka.topic('crimes', {
  // biome-ignore format: 22 columns are easier to see in a few lines
  schema: {
    id: c.long(), case_number: c.string(), date: c.timestamp(portalTime), block: c.string(), iucr: c.string(),
    primary_type: c.string(), description: c.string(), location_description: c.string().nullable(),
    arrest: c.boolean(), domestic: c.boolean(), beat: c.string(), district: c.string(),
    ward: c.int().nullable(), community_area: c.int().nullable(), fbi_code: c.string(),
    x_coordinate: c.int().nullable(), y_coordinate: c.int().nullable(), year: c.int().nullable(),
    updated_on: c.timestamp(portalTime).nullable(), latitude: c.double().nullable(), longitude: c.double().nullable(),
    location: c.string().nullable(),
  },
  key: 'district',
  eventTime: 'date',
  outOfOrder: '1 day',
  partitions: 6,
})

const clean = crimes
  .check({
    'district known': (r) => r.district !== '',
    'in or near Chicago': (r) => r.latitude === null || (r.latitude > 41 && r.latitude < 43),
  })
  .with({ geo: point('latitude', 'longitude') })

// Cells of 5 km². Columns of the lake's tables come from `clean`, which knows nothing of them.
const placed = clean.with({ cell: h3('geo', 7) })

const perDay = placed
  .groupBy('district')
  .window(tumbling('1 day', { zone: 'America/Chicago', grace: '2 days' }))
  .aggregate((a) => ({ total_crimes: a.count(), domestic_crimes: a.countIf('domestic') }))

const anomalies = placed
  .groupBy('primary_type', 'district')
  .window(sliding('5 hours', { every: '30 minutes', grace: '2 days' }))
  .aggregate((a) => ({ total_crimes: a.count() }))
  .where((r) => r.total_crimes > 14)

// What is many for this district at this hour of the week: an alert opens when chance alone hardly explains it.
const perHour = placed
  .groupBy('district')
  .window(tumbling('1 hour', { grace: '2 days' }))
  .aggregate((a) => ({ total_crimes: a.count() }))

// Where more happens than in the same place on the same days of earlier weeks.
const perCell = placed
  .groupBy('cell')
  .window(tumbling('1 day', { zone: 'America/Chicago', grace: '2 days' }))
  .aggregate((a) => ({ total_crimes: a.count() }))

export default pipeline('crimes', {
  bronze: crimes.into(delta.table('bronze.crimes')),
  silver: clean.into(delta.table('silver.crimes', { clusterBy: ['district', 'date'] })),
  crime_per_district_day: perDay.into(
    delta.table('gold.crime_per_district_day'),
    postgres.table('crime_per_district_day'),
  ),
  crimes_anomaly: anomalies.into(delta.table('gold.crimes_anomaly'), postgres.table('crimes_anomaly')),
  unusual_hours: perHour
    .detect(anomaly.hourOfWeek({ column: 'total_crimes', zone: 'America/Chicago' }))
    .into(delta.table('gold.unusual_hours'), postgres.table('unusual_hours')),
  hot_spots: perCell
    .detect(anomaly.hotSpots({ column: 'total_crimes', against: { zone: 'America/Chicago' } }))
    .into(delta.table('gold.hot_spots'), postgres.table('hot_spots')),
})
