"""One Spark session that answers statements: a line of JSON in, a line of JSON out, until its input ends.

    spark_session.py JARS FOLDER

`{"sql": "..."}` is answered by `{"rows": [[...], ...]}`, values as plain_values.ts has them, or by `{"error": "..."}`. The folder is
for what Spark keeps of its own; a line that starts with `@` is an answer, everything else that it prints is not.
"""
import datetime
import decimal
import json
import math
import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql import types as t

jars, folder = sys.argv[1], sys.argv[2]
builder = SparkSession.builder.master('local[2]')
for name, value in {
    'spark.jars': jars,
    'spark.ui.enabled': 'false',
    'spark.driver.host': '127.0.0.1',
    'spark.driver.memory': '1g',
    # Made for statements that run once: no optimizing compiler, no code for each of them.
    'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
    'spark.sql.codegen.wholeStage': 'false',
    'spark.sql.codegen.factoryMode': 'NO_CODEGEN',
    'spark.sql.adaptive.enabled': 'false',
    'spark.sql.extensions': 'io.delta.sql.DeltaSparkSessionExtension',
    'spark.sql.catalog.spark_catalog': 'org.apache.spark.sql.delta.catalog.DeltaCatalog',
    'spark.sql.session.timeZone': 'UTC',
    'spark.sql.shuffle.partitions': '1',
    'spark.sql.warehouse.dir': folder + '/warehouse',
    'spark.databricks.delta.snapshotPartitions': '1',
    'spark.databricks.delta.retentionDurationCheck.enabled': 'false',
    **json.loads(os.environ.get('SPARK_SETTINGS', '{}')),
}.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel('ERROR')

decimal.getcontext().prec = 80
EPOCH = datetime.datetime(1970, 1, 1)


def plain(kind, value):
    if value is None:
        return None
    if isinstance(kind, (t.TimestampType, t.TimestampNTZType)):
        return 'us:%d' % ((value - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(kind, t.DateType):
        return (value - EPOCH.date()).days
    if isinstance(kind, t.DecimalType):
        # PySpark gives small ones more digits than they have.
        return 'd:' + format(value.quantize(decimal.Decimal(1).scaleb(-kind.scale)), 'f')
    if isinstance(kind, t.BinaryType):
        return 'hex:' + bytes(value).hex()
    if isinstance(kind, (t.FloatType, t.DoubleType)):
        if math.isnan(value):
            return 'NaN'
        if math.isinf(value):
            return 'Infinity' if value > 0 else '-Infinity'
        return '-0' if value == 0 and math.copysign(1, value) < 0 else value
    if isinstance(kind, t.LongType):
        return value if abs(value) < 2**53 else 'n:%d' % value
    if isinstance(kind, t.ArrayType):
        return [plain(kind.elementType, one) for one in value]
    if isinstance(kind, t.MapType):
        return sorted(([plain(kind.keyType, k), plain(kind.valueType, v)] for k, v in value.items()), key=json.dumps)
    if isinstance(kind, t.StructType):
        return {field.name: plain(field.dataType, value[at]) for at, field in enumerate(kind.fields)}
    return value


def answer(sql):
    frame = spark.sql(sql)
    kinds = [field.dataType for field in frame.schema.fields]
    return [[plain(kind, value) for kind, value in zip(kinds, row)] for row in frame.collect()]


def say(message):
    print('@' + json.dumps(message), flush=True)


say({'version': spark.version})
for line in sys.stdin:
    try:
        say({'rows': answer(json.loads(line)['sql'])})
    except Exception as error:
        say({'error': str(error)[:4000]})
os._exit(0)
