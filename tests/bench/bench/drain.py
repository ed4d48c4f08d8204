"""a committed backlog, one POST for each record, settled durably; against wrk posting the same body to the same sink"""
import re
import time

from bench import connector, cpu, place, server, sink
from bench.figures import figure

CONNECTIONS = 64


def measure(arguments):
    records = arguments.records or (30_000 if arguments.quick else 200_000)
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        with connector.prepared(folder, arguments, database, other.url, {"concurrency": CONNECTIONS}) as tandem:
            tandem.make_rows(1, records)
            database.sql("vacuum (analyze) tandem.outbox")
            database.sql("checkpoint")
            body = connector.sample_body(database)
            limit = wrk(folder, other, body, seconds=3 if arguments.quick else 8)
            seconds, connector_cpu, server_cpu, wal = drain(tandem, database, other, records)
            limit = (limit + wrk(folder, other, body, seconds=3 if arguments.quick else 8)) / 2
    return [
        figure("drain.rate", records / seconds, "records/s", "wrk to the same sink", limit),
        figure("drain.cpu_us", (connector_cpu + server_cpu) * 1e6 / records, "µs/record", "goal", 45),
        figure("drain.connector_cpu_us", connector_cpu * 1e6 / records, "µs/record"),
        figure("drain.postgresql_cpu_us", server_cpu * 1e6 / records, "µs/record"),
        figure("drain.wal_bytes", wal / records, "bytes/record"),
    ]


def drain(tandem, database, other, records):
    """From the connector's start until the last record is settled: seconds, CPU of both, WAL."""
    lsn = database.sql("select pg_current_wal_lsn()")
    enough = other.requests() + records
    before = cpu.of_server(database.process.pid)
    begin = time.monotonic()
    tandem.start()

    def drained():
        tandem.running()
        # Looking costs the server as much as many records: only once all of them have been sent.
        return other.requests() >= enough and database.sql(
            "select not exists (select from tandem.outbox where request_state <> 3)") == "t"

    place.wait_for(drained, "the backlog is drained", seconds=60 + records / 300, pause=0.05)
    seconds = time.monotonic() - begin
    connector_cpu = cpu.of_process(tandem.process.pid)
    server_cpu = cpu.of_server(database.process.pid) - before
    wal = database.number(f"select pg_wal_lsn_diff(pg_current_wal_lsn(), '{lsn}')")
    undelivered = database.number("select count(*) from tandem.outbox where outcome is distinct from 'delivered'")
    if undelivered:
        raise RuntimeError(f"{undelivered:.0f} records were not delivered")
    return seconds, connector_cpu, server_cpu, wal


def wrk(folder, other, body, seconds):
    """What the sink takes at most: requests per second."""
    script = folder / "post.lua"
    quoted = body.replace("\\", "\\\\").replace("'", "\\'")
    script.write_text(f"wrk.method = 'POST'\nwrk.body = '{quoted}'\nwrk.headers['Content-Type'] = 'application/json'\n")
    output = place.must(["wrk", "-t", 1, "-c", CONNECTIONS, "-d", f"{seconds}s", "-s", script, f"{other.url}/opportunity/1"])
    return float(re.search(r"Requests/sec: +([\d.]+)", output).group(1))
