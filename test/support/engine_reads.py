"""Reads Delta tables by one engine: jobs as JSON on its input, an answer for each on its output.

    engine_reads.py datafusion|duckdb|polars|pyarrow EXTENSION

A job is `{"path", "filters"}`; its answer `{"rows", "ids"}`: the rows as plain-values.ts has them, and for each filter the ids of
the rows for which it holds, or the error's text.
"""
import json
import os
import sys

import pyarrow as pa
from plain_arrow import rows

engine, extension = sys.argv[1], sys.argv[2]


if engine == 'duckdb':
    import duckdb

    connection = duckdb.connect(config={'allow_unsigned_extensions': 'true'})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("load '" + extension + "'")


def select(path, columns, where=None):
    condition = '' if where is None else ' where ' + where
    if engine == 'duckdb':
        return connection.execute(f"select {columns} from delta_scan('file://{path}') as t{condition}").to_arrow_table()
    if engine == 'polars':
        import polars

        return polars.read_delta(path).to_arrow()
    from deltalake import DeltaTable, QueryBuilder

    if engine == 'pyarrow':
        return DeltaTable(path).to_pyarrow_table()
    query = QueryBuilder().register('t', DeltaTable(path)).execute(f'select {columns} from t{condition}')
    return pa.table(query.read_all())


def ids(path, where):
    try:
        return sorted(select(path, 'id', where).column('id').to_pylist())
    except Exception as error:
        return str(error)[:500]


def answer(job):
    path = job['path']
    return {'rows': rows(select(path, '*')), 'ids': [ids(path, where) for where in job['filters']]}


print(json.dumps([answer(job) for job in json.load(sys.stdin)]))
sys.stdout.flush()
os._exit(0)
