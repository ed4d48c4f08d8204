"""a committed backlog, 200 records for each call; against pg_recvlogical with pgoutput reading the same records from WAL"""
import time

from bench import connector, place, server, sink
from bench.drain import costs
from bench.figures import alternate, figure, middle

REQUESTS = {"requests": {"batch": {"method": "POST", "path": "/batch", "each": "{body}", "max_records": 200}}}


def measure(arguments):
    records = arguments.records or (50_000 if arguments.quick else 400_000)
    limits = []
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        with connector.prepared(folder, arguments, database, {"sink": {"url": other.url, "concurrency": 800, "memory": "64MiB"} | REQUESTS}) as tandem:
            def take():
                tandem.sql("select pg_create_logical_replication_slot('limit', 'pgoutput')")
                drained = tandem.drain_backlog(records)
                limits.append(records / decode(tandem))
                return drained
            drains, = alternate(1 if arguments.quick else 3, take)
    return [figure("batch.rate", middle([d.rate for d in drains]), "records/s", "pg_recvlogical with pgoutput", middle(limits)), *costs("batch", drains)]


def decode(tandem):
    """Seconds that a bare stream takes for what the drain's slot has kept."""
    end = tandem.sql("select pg_current_wal_lsn()")
    tandem.sql("create table if not exists after_the_drain ()")  # something behind the end, so that it is passed
    begin = time.monotonic()
    place.must(["pg_recvlogical", "-d", tandem.server.url(), "-S", "limit", "--start", "-f", "/dev/null", "-E", end, "--no-loop",
                "-o", "proto_version=1", "-o", "publication_names=tandem"])
    seconds = time.monotonic() - begin
    tandem.sql("select pg_drop_replication_slot('limit')")
    return seconds
