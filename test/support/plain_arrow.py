"""Rows of Arrow tables as plain-values.ts has them."""
import datetime
import json
import math

import pyarrow as pa

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)


def plain(kind, value):
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        return 'us:%d' % ((value.replace(tzinfo=UTC) - EPOCH) // datetime.timedelta(microseconds=1))
    if pa.types.is_date(kind):
        return (value - EPOCH.date()).days
    if pa.types.is_decimal(kind):
        return 'd:' + format(value, 'f')
    if isinstance(value, bytes):
        return 'hex:' + value.hex()
    if pa.types.is_map(kind):
        return sorted(([plain(kind.key_type, k), plain(kind.item_type, v)] for k, v in value), key=json.dumps)
    if pa.types.is_struct(kind):
        return {field.name: plain(field.type, value[field.name]) for field in kind}
    if isinstance(value, list):
        return [plain(kind.value_type, one) for one in value]
    if isinstance(value, float) and (math.isinf(value) or math.isnan(value)):
        return 'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
    if isinstance(value, float) and value == 0 and math.copysign(1, value) < 0:
        return '-0'
    if isinstance(value, int) and abs(value) >= 2**53:
        return 'n:%d' % value
    return value


def rows(table):
    fields = list(table.schema)
    return [{field.name: plain(field.type, row[field.name]) for field in fields} for row in table.to_pylist()]
