/** Statements of Spark's that make a table of each kind that Delta has; `$` is the table. All have a column `id`. */
export const SPARK_TABLES: Readonly<Record<string, readonly string[]>> = {
  'deletion vectors': [
    `CREATE TABLE $ (id BIGINT, name STRING, at TIMESTAMP) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')`,
    `INSERT INTO $ SELECT id, concat('n', id), timestampadd(MICROSECOND, id * 1000003, TIMESTAMP'2026-01-01') FROM range(2000)`,
    `DELETE FROM $ WHERE id % 7 = 0`,
    `UPDATE $ SET name = 'set' WHERE id < 20`,
    `MERGE INTO $ t USING (SELECT id * 100 AS id FROM range(30)) s ON t.id = s.id
      WHEN MATCHED THEN UPDATE SET name = 'merged' WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, 'new')`,
    `DELETE FROM $ WHERE id BETWEEN 500 AND 900`,
  ],
  'V2 checkpoints': [
    `SET spark.databricks.delta.checkpoint.partSize = 2`,
    `CREATE TABLE $ (id BIGINT, day DATE) USING delta PARTITIONED BY (day)
      TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '3')`,
    ...[0, 1, 2, 3].map(
      (at) => `INSERT INTO $ SELECT id + ${at * 100}, date_add(DATE'2026-01-01', CAST(id % 3 AS INT)) FROM range(9)`,
    ),
    `DELETE FROM $ WHERE id = 101`,
    `INSERT INTO $ VALUES (1000, NULL)`,
    `INSERT INTO $ VALUES (1001, NULL)`,
    `RESET spark.databricks.delta.checkpoint.partSize`,
  ],
  'columns mapped by name': [
    `CREATE TABLE $ (id BIGINT, \`a b\` STRING, gone INT, s STRUCT<x: INT, y: STRING>, p STRING) USING delta PARTITIONED BY (p)
      TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')`,
    `INSERT INTO $ SELECT id, concat('ab', id), id, struct(id, 'y'), concat('p', id % 2) FROM range(20)`,
    `ALTER TABLE $ RENAME COLUMN \`a b\` TO \`c;d\``,
    `ALTER TABLE $ DROP COLUMN gone`,
    `ALTER TABLE $ ADD COLUMN gone STRING`,
    `ALTER TABLE $ RENAME COLUMN s.x TO \`=\``,
    `INSERT INTO $ (id, \`c;d\`, s, p, gone) VALUES (100, 'new', struct(1, 'z'), 'p1', 'back'), (101, NULL, NULL, NULL, NULL)`,
  ],
  'columns mapped by id': [
    `CREATE TABLE $ (id BIGINT, v STRING, l ARRAY<STRUCT<a: INT>>) USING delta TBLPROPERTIES ('delta.columnMapping.mode' = 'id')`,
    `INSERT INTO $ SELECT id, concat('v', id), array(struct(id)) FROM range(10)`,
    `ALTER TABLE $ RENAME COLUMN v TO w`,
    `INSERT INTO $ VALUES (20, 'w', array()), (21, NULL, NULL)`,
  ],
  'liquid clustering': [
    `CREATE TABLE $ (id BIGINT, v STRING, d DOUBLE) USING delta CLUSTER BY (v, d)`,
    `INSERT INTO $ SELECT id, concat('v', id % 5), id / 3 FROM range(50)`,
    `INSERT INTO $ SELECT id + 50, concat('v', id % 5), id / 3 FROM range(50)`,
    `OPTIMIZE $`,
    `DELETE FROM $ WHERE id = 7`,
  ],
  'row tracking': [
    `CREATE TABLE $ (id BIGINT, v STRING) USING delta TBLPROPERTIES ('delta.enableRowTracking' = 'true')`,
    `INSERT INTO $ SELECT id, concat('v', id) FROM range(20)`,
    `UPDATE $ SET v = 'set' WHERE id = 3`,
    `MERGE INTO $ t USING (SELECT id FROM range(18, 22)) s ON t.id = s.id
      WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 'new')`,
    `OPTIMIZE $`,
  ],
  'in-commit timestamps': [
    `CREATE TABLE $ (id BIGINT) USING delta TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')`,
    `INSERT INTO $ SELECT id FROM range(5)`,
    `INSERT INTO $ SELECT id + 10 FROM range(5)`,
    `DELETE FROM $ WHERE id = 2`,
  ],
  'type widening': [
    `CREATE TABLE $ (id BIGINT, b TINYINT, s SMALLINT, i INT, f FLOAT, x INT, d DATE, e DECIMAL(9, 2), n STRUCT<v: INT>, l ARRAY<INT>)
      USING delta TBLPROPERTIES ('delta.enableTypeWidening' = 'true', 'delta.feature.timestampNtz' = 'supported')`,
    `INSERT INTO $ SELECT id, id, -id, id * 1000, id / 3, id, date_add(DATE'2026-01-01', CAST(id AS INT)), id / 4, struct(id),
      array(id) FROM range(10)`,
    ...[
      'b TYPE INT',
      's TYPE BIGINT',
      'i TYPE BIGINT',
      'f TYPE DOUBLE',
      'x TYPE DOUBLE',
      'd TYPE TIMESTAMP_NTZ',
      'e TYPE DECIMAL(20, 5)',
      'n.v TYPE BIGINT',
      'l.element TYPE BIGINT',
    ].map((change) => `ALTER TABLE $ ALTER COLUMN ${change}`),
    `INSERT INTO $ VALUES (100, 100000, 9000000000, 9000000000, 1.5D, 0.25D, TIMESTAMP_NTZ'2026-05-05 01:02:03.456789',
      123456.12345, struct(9000000000), array(9000000000))`,
  ],
  'a change feed': [
    `CREATE TABLE $ (id BIGINT, v STRING, p INT) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')`,
    `INSERT INTO $ SELECT id, concat('v', id), id % 3 FROM range(20)`,
    `UPDATE $ SET v = 'set', p = 5 WHERE id < 4`,
    `MERGE INTO $ t USING (SELECT id FROM range(18, 23)) s ON t.id = s.id
      WHEN MATCHED THEN UPDATE SET v = 'merged' WHEN NOT MATCHED THEN INSERT (id, v, p) VALUES (s.id, 'new', NULL)`,
    `DELETE FROM $ WHERE p = 1`,
    `DELETE FROM $ WHERE id = 6`,
  ],
  'times without a zone': [
    `CREATE TABLE $ (id BIGINT, t TIMESTAMP_NTZ, p TIMESTAMP_NTZ) USING delta PARTITIONED BY (p)`,
    `INSERT INTO $ VALUES (0, TIMESTAMP_NTZ'1969-12-31 23:59:59.999999', TIMESTAMP_NTZ'2026-03-29 02:30:00.5'), (1, NULL, NULL)`,
    `INSERT INTO $ VALUES (2, TIMESTAMP_NTZ'1582-10-04 00:00:00', TIMESTAMP_NTZ'2026-03-29 02:30:00')`,
  ],
  partitions: [
    `CREATE TABLE $ (id BIGINT, t STRING, l BIGINT, d DOUBLE, f BOOLEAN, day DATE, at TIMESTAMP, e DECIMAL(9, 2), b TINYINT)
      USING delta PARTITIONED BY (t, l, d, f, day, at, e, b)`,
    `INSERT INTO $ VALUES
      (0, 'a/b =%:?#é😀', -5, 0.5, true, DATE'2024-05-01', TIMESTAMP'2024-05-01 10:00:00.123456', -12.30, -128),
      (1, "it's", 1099511627776, 1e-7, false, DATE'1969-12-31', TIMESTAMP'1969-12-31 23:59:59', 0.05, 127),
      (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, '%41 ', 0, -0.25, true, DATE'0002-01-01', NULL, 0, 0)`,
    `UPDATE $ SET t = ' x ' WHERE id = 3`,
  ],
  nesting: [
    `CREATE TABLE $ (id BIGINT NOT NULL, a ARRAY<ARRAY<INT>>, m MAP<STRING, STRUCT<x: INT, y: ARRAY<STRING>>>,
      s STRUCT<o: STRUCT<n: DECIMAL(20, 3), t: TIMESTAMP>>, k MAP<DATE, BINARY>) USING delta`,
    `INSERT INTO $ VALUES
      (0, array(array(1, NULL), NULL, array()), map('k', struct(1, array('a', NULL))), struct(struct(1.5, TIMESTAMP'2026-01-01 00:00:00.000001')), map(DATE'2026-01-01', X'00FF')),
      (1, NULL, NULL, NULL, NULL), (2, array(), map(), struct(NULL), map()), (3, NULL, map('z', NULL, 'y', struct(NULL, NULL)), struct(struct(NULL, NULL)), NULL)`,
  ],
  limits: [
    `CREATE TABLE $ (id BIGINT, d DOUBLE, f FLOAT, l BIGINT, w DECIMAL(38, 10), day DATE, at TIMESTAMP, t STRING) USING delta`,
    `INSERT INTO $ VALUES
      (0, double('NaN'), float('NaN'), 9223372036854775807, 9999999999999999999999999999.9999999999, DATE'9999-12-31', TIMESTAMP'2200-12-31 23:59:59.999999', repeat('z', 100)),
      (1, double('Infinity'), float('-Infinity'), -9223372036854775808, -9999999999999999999999999999.9999999999, DATE'0001-01-03', TIMESTAMP'1582-10-04 12:00:00', ''),
      (2, -0.0D, float('-0.0'), 0, 0.0000000001, DATE'1582-10-04', TIMESTAMP'1700-10-04 12:00:00.000001', '\\uD83D\\uDE00')`,
  ],
  'generated columns, constraints and defaults': [
    `CREATE TABLE $ (id BIGINT NOT NULL, at TIMESTAMP, day DATE GENERATED ALWAYS AS (CAST(at AS DATE)), v INT DEFAULT 7) USING delta
      TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')`,
    `ALTER TABLE $ ADD CONSTRAINT positive CHECK (id >= 0)`,
    `INSERT INTO $ (id, at) VALUES (0, TIMESTAMP'2026-01-01 12:00:00'), (1, NULL)`,
  ],
  'all of it at once': [
    `CREATE TABLE $ (id BIGINT, v STRING, n INT) USING delta CLUSTER BY (v) TBLPROPERTIES ('delta.columnMapping.mode' = 'name',
      'delta.enableDeletionVectors' = 'true', 'delta.enableRowTracking' = 'true', 'delta.enableChangeDataFeed' = 'true',
      'delta.enableInCommitTimestamps' = 'true', 'delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '2',
      'delta.enableTypeWidening' = 'true')`,
    `INSERT INTO $ SELECT id, concat('v', id % 4), id FROM range(40)`,
    `DELETE FROM $ WHERE id % 5 = 0`,
    `ALTER TABLE $ ALTER COLUMN n TYPE BIGINT`,
    `ALTER TABLE $ RENAME COLUMN v TO w`,
    `INSERT INTO $ SELECT id + 100, concat('w', id), id * 9000000000 FROM range(5)`,
    `UPDATE $ SET w = 'set' WHERE id = 1`,
    `OPTIMIZE $`,
  ],
}

/** Those that have what we do not write: refused by name. */
export const REFUSED_TO_WRITE: ReadonlySet<string> = new Set([
  'liquid clustering',
  'row tracking',
  'in-commit timestamps',
  'generated columns, constraints and defaults',
  'all of it at once',
])
