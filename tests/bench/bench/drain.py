"""a committed backlog, one POST for each record, settled durably; against wrk posting the same body to the same sink"""
from bench import connector, place, server, sink
from bench.figures import alternate, figure, middle


def measure(arguments):
    records = arguments.records or (30_000 if arguments.quick else 200_000)
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        with connector.prepared(folder, arguments, database, {"sink": {"url": other.url}}) as tandem:
            tandem.make_rows(1, 1)
            body = tandem.sample_body()
            limits, drains = alternate(1 if arguments.quick else 3,
                                       lambda: other.most_requests(body, seconds=3 if arguments.quick else 6), lambda: tandem.drain_backlog(records))
    return [figure("drain.rate", middle([d.rate for d in drains]), "records/s", "wrk to the same sink", middle(limits)), *costs("drain", drains)]


def costs(name, drains):
    def shown(part, value, unit):
        return figure(f"{name}.{part}", middle([value(d) for d in drains]), unit)
    return [
        figure(f"{name}.cpu_us", middle([d.connector_us + d.postgresql_us for d in drains]), "µs/record"),
        shown("connector_cpu_us", lambda d: d.connector_us, "µs/record"),
        shown("postgresql_cpu_us", lambda d: d.postgresql_us, "µs/record"),
        shown("wal_bytes", lambda d: d.wal_bytes, "bytes/record"),
        shown("dead_rows", lambda d: d.dead_rows, "rows/record"),
    ]
