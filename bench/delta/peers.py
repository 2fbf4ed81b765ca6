"""peers.py <engine> <task> <table.parquet> <folder>: the tasks of tasks.ts by pyarrow and by delta-rs, in this process, on one thread."""

import gc, json, os, resource, shutil, sys, time

os.environ.setdefault("TOKIO_WORKER_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

pa.set_cpu_count(1)
pa.set_io_thread_count(1)

engine, task, source, folder = sys.argv[1:5]
own = os.path.join(folder, engine, "crimes")
ours = os.path.join(folder, "sluice", "crimes")
APPENDS = 40


def read_bytes():
    with open("/proc/self/io") as io:
        return int(io.readline().split()[1])


class Clock:
    def start(self):
        gc.collect()
        self.wall, self.times, self.bytes = time.perf_counter(), os.times(), read_bytes()

    def done(self, **facts):
        now = os.times()
        cpu = now.user - self.times.user + now.system - self.times.system
        wall = time.perf_counter() - self.wall
        if "bytes" in facts and facts["bytes"] is None:
            facts["bytes"] = read_bytes() - self.bytes
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print("measured:" + json.dumps({"wall": wall, "cpu": cpu, "rssMb": rss, **facts}))
        sys.stdout.flush()
        # Not pyarrow's own clean-up, which may abort after all output.
        os._exit(0)


clock = Clock()


def table(rows=1_000_000):
    return pq.read_table(source, use_threads=False).slice(0, rows).combine_chunks()


def write(data):
    from deltalake import WriterProperties, write_deltalake

    write_deltalake(own, data, mode="append", writer_properties=WriterProperties(compression="ZSTD", compression_level=1))


def appends(size):
    data = table(size * min(APPENDS, 400_000 // size)).to_pylist()
    schema = table(1).schema
    write(pa.Table.from_pylist(data[:size], schema=schema))
    clock.start()
    done = 0
    for start in range(0, len(data), size):
        write(pa.Table.from_pylist(data[start : start + size], schema=schema))
        done += 1
    clock.done(rows=len(data), times=done)


FILTER = "district = '011' AND date >= '2018-08-20T00:00:00Z' AND date < '2018-08-25T00:00:00Z'"

if task.startswith("encode 1 M"):
    data = table()
    clock.start()
    sink = pa.BufferOutputStream()
    pq.write_table(data, sink, compression="zstd", compression_level=1)
    clock.done(rows=data.num_rows, bytes=sink.getvalue().size)
elif task == "append 1 M from columns":
    data = table()
    clock.start()
    write(data)
    clock.done(rows=data.num_rows)
elif task == "append 1 M from rows":
    data = table()
    rows, schema = data.to_pylist(), data.schema
    del data
    clock.start()
    write(pa.Table.from_pylist(rows, schema=schema))
    clock.done(rows=len(rows))
elif task == "append 1 M as it is read":
    clock.start()
    file = pq.ParquetFile(source)
    write(pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(10_000)))
    clock.done()
elif task == "append 10 k":
    appends(10_000)
elif task == "append 1 k":
    appends(1000)
elif task.startswith("scan") and engine == "pyarrow":
    clock.start()
    files = [os.path.join(ours, name) for name in sorted(os.listdir(ours)) if name.endswith(".parquet")]
    rows = sum(pq.read_table(path, use_threads=False).num_rows for path in files)
    clock.done(rows=rows, bytes=None)
elif task.startswith("scan"):
    from deltalake import DeltaTable, QueryBuilder

    clock.start()
    reader = QueryBuilder().register("t", DeltaTable(ours)).execute("SELECT * FROM t")
    rows = sum(batch.num_rows for batch in reader)
    clock.done(rows=rows, bytes=None)
elif task == "filtered scan" and engine == "pyarrow":
    from deltalake import DeltaTable

    clock.start()
    at = lambda day: pa.scalar(day, pa.timestamp("us", "UTC"))
    import datetime

    day = lambda n: datetime.datetime(2018, 8, n, tzinfo=datetime.timezone.utc)
    where = (pc.field("district") == "011") & (pc.field("date") >= at(day(20))) & (pc.field("date") < at(day(25)))
    found = DeltaTable(ours).to_pyarrow_dataset().to_table(columns=["id", "date", "primary_type"], filter=where, use_threads=False)
    clock.done(rows=found.num_rows, bytes=None)
elif task == "filtered scan":
    from deltalake import DeltaTable, QueryBuilder

    clock.start()
    reader = QueryBuilder().register("t", DeltaTable(ours)).execute("SELECT id, date, primary_type FROM t WHERE " + FILTER)
    rows = sum(batch.num_rows for batch in reader)
    clock.done(rows=rows, bytes=None)
elif task == "merge 10 k":
    from deltalake import DeltaTable

    shutil.copytree(os.path.join(folder, "merge-base", "crimes"), own)
    data = table(10_000)
    ids = pc.add(data.column("id"), pa.array([i % 2 * 10**9 for i in range(10_000)], pa.int64()))
    data = data.set_column(0, data.schema.field("id"), ids)
    clock.start()
    DeltaTable(own).merge(data, "t.id = s.id", source_alias="s", target_alias="t").when_matched_update_all().when_not_matched_insert_all().execute()
    clock.done(rows=data.num_rows)
elif task == "optimize 40 files":
    from deltalake import DeltaTable, WriterProperties

    shutil.copytree(os.path.join(folder, "optimize-base", "crimes"), own)
    t = DeltaTable(own)
    clock.start()
    t.optimize.compact(max_concurrent_tasks=1, writer_properties=WriterProperties(compression="ZSTD", compression_level=1))
    clock.done(rows=0)
else:
    raise Exception("no task " + task)
