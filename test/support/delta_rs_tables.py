"""Writes tables as delta-rs does into a folder, and prints the rows of each as plain-values.ts has them.

    delta_rs_tables.py FOLDER

All have a column `id`.
"""
import datetime
import decimal
import json
import os
import sys

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from plain_arrow import rows as plain_rows

folder = sys.argv[1]
UTC = datetime.timezone.utc
INNER = pa.struct([('x', pa.int32()), ('words', pa.list_(pa.string()))])
TYPES = pa.schema(
    [
        pa.field('id', pa.int64(), nullable=False),
        ('b', pa.int8()),
        ('s', pa.int16()),
        ('i', pa.int32()),
        ('l', pa.int64()),
        ('f', pa.float32()),
        ('d', pa.float64()),
        ('flag', pa.bool_()),
        ('text', pa.string()),
        ('raw', pa.binary()),
        ('day', pa.date32()),
        ('at', pa.timestamp('us', 'UTC')),
        ('price', pa.decimal128(9, 2)),
        ('wide', pa.decimal128(38, 10)),
        ('nest', INNER),
        ('lists', pa.list_(pa.list_(pa.int32()))),
        ('m', pa.map_(pa.string(), INNER)),
    ]
)


def value(id, at):
    micros = datetime.timedelta(microseconds=id * 1_000_003 - 5)
    inner = {'x': id, 'words': ['a', None]}
    return [
        id % 100, -id, id * 1000, 2**62 + id, id / 4, -id / 7, id % 2 == 0, 'Wert %d – 😀' % id, b'\x00\xff%d' % id,
        datetime.date(1970, 1, 1) + datetime.timedelta(days=id * 100 - 3000), datetime.datetime(1970, 1, 1, tzinfo=UTC) + micros,
        decimal.Decimal('%d.05' % id), decimal.Decimal('-%d12345678901234567890.0000000001' % id),
        inner, [[id, None], [], None], [('k', inner), ('none', None)],
    ][at]


def rows(start, end):
    names = TYPES.names[1:]
    return pa.Table.from_pylist(
        [{'id': id, **{name: None if (id + at) % 5 == 0 else value(id, at) for at, name in enumerate(names)}} for id in range(start, end)],
        schema=TYPES,
    )


def place(name):
    return folder + '/' + name


def types():
    write_deltalake(place('types'), rows(0, 40))
    write_deltalake(place('types'), rows(40, 60), mode='append')


def changed():
    write_deltalake(place('changed'), rows(0, 40))
    table = DeltaTable(place('changed'))
    table.delete('id % 7 = 3')
    table.update(predicate='id < 5', updates={'text': "'set'"})
    merge = table.merge(rows(35, 45), 's.id = t.id', source_alias='s', target_alias='t')
    merge.when_matched_update(updates={'i': 's.i', 'flag': 'true'}).when_not_matched_insert_all().execute()
    more = rows(100, 103).append_column('more', pa.array(['x', None, 'z']))
    write_deltalake(place('changed'), more, mode='append', schema_mode='merge')
    table = DeltaTable(place('changed'))
    table.create_checkpoint()
    table.optimize.compact()
    table.optimize.z_order(['text', 'id'])
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


def restored():
    write_deltalake(place('restored'), rows(0, 10))
    write_deltalake(place('restored'), rows(10, 20), mode='append')
    write_deltalake(place('restored'), rows(20, 25), mode='overwrite')
    DeltaTable(place('restored')).restore(1)


def partitions():
    table = pa.table({
        'id': pa.array([0, 1, 2, 3], pa.int64()),
        't': pa.array(['a/b =%:?#é😀', "it's", None, '%41 '], pa.string()),
        'l': pa.array([-5, 2**40, None, 0], pa.int64()),
        'f': pa.array([True, False, None, True]),
        'day': pa.array([datetime.date(2024, 5, 1), datetime.date(1969, 12, 31), None, datetime.date(1582, 1, 1)]),
        'at': pa.array([datetime.datetime(2024, 5, 1, 10, 0, 0, 123456, UTC), datetime.datetime(1969, 12, 31, 23, 59, 59, 0, UTC), None, None], pa.timestamp('us', 'UTC')),
        'e': pa.array([decimal.Decimal('12.30'), decimal.Decimal('0.05'), None, decimal.Decimal('0')], pa.decimal128(9, 2)),
        'v': ['a', 'b', 'c', 'd'],
    })
    write_deltalake(place('partitions'), table, partition_by=['t', 'l', 'f', 'day', 'at', 'e'])
    write_deltalake(place('partitions'), table, mode='overwrite', predicate="id >= 0")


def local_times():
    at = [datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), None, datetime.datetime(2026, 3, 29, 2, 30)]
    times = pa.array(at, pa.timestamp('us'))
    write_deltalake(place('local_times'), pa.table({'id': pa.array([0, 1, 2], pa.int64()), 'at': times, 'p': times}), partition_by=['p'])


def feed():
    configuration = {'delta.enableChangeDataFeed': 'true'}
    write_deltalake(place('feed'), pa.table({'id': pa.array(range(10), pa.int64()), 'v': ['v'] * 10}), configuration=configuration)
    table = DeltaTable(place('feed'))
    table.update(predicate='id < 3', updates={'v': "'set'"})
    table.delete('id = 7')


def constraints():
    write_deltalake(place('constraints'), pa.table({'id': pa.array(range(5), pa.int64())}))
    DeltaTable(place('constraints')).alter.add_constraint({'positive': 'id >= 0'})


def read(name):
    query = QueryBuilder().register('t', DeltaTable(place(name))).execute('select * from t order by id')
    return plain_rows(pa.table(query.read_all()))


found = {}
for make in [types, changed, restored, partitions, local_times, feed, constraints]:
    make()
    found[make.__name__] = read(make.__name__)
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)
