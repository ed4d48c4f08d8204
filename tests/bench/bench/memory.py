"""resident memory of the connector: idle, at full speed, with a huge backlog and at restart with it, in one huge transaction"""
import time

from bench import connector, cpu, place, server, sink
from bench.figures import figure


def measure(arguments):
    backlog, rows, busy, pause = (100_000, 50_000, 20_000, 3) if arguments.quick else (5_000_000, 1_000_000, 200_000, 15)
    away = {"url": f"http://127.0.0.1:{place.free_port()}"}
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        database.sql("create database backlog", database="postgres")
        with connector.prepared(folder, arguments, database, {"sink": {"url": other.url}}) as tandem:
            tandem.start_idle()
            # Some work first, so that every thread has done what it does.
            tandem.make_rows(1, 100)
            place.wait_for(lambda: tandem.pending() == 0, "the first records arrive")
            time.sleep(pause)
            tandem.running()
            idle = cpu.resident_mb(tandem.process.pid)
            tandem.stop()
            full_speed = tandem.drain_backlog(busy).peak_mb
            tandem.sql("truncate opportunity, tandem.outbox")
            tandem.start_idle()
            tandem.sql("insert into opportunity (id, name, stage, amount, currency, account_id, owner_id, probability, expected_close, description) "
                       "select n, 'Opportunity ' || n, 'open', n, 'EUR', n % 5000, n % 50, n % 100, '2026-01-01', 'Renewal of the maintenance contract' "
                       f"from generate_series(1, {rows}) n")
            time.sleep(pause)
            tandem.running()
            big_transaction = cpu.peak_mb(tandem.process.pid)
            tandem.stop()
        with connector.prepared(folder, arguments, database, {"sink": away}, database="backlog") as tandem:
            tandem.make_records(backlog)
            peaks = []
            for _ in range(2):  # the second start finds parked records and a floor
                tandem.start_idle()
                time.sleep(2 * pause)
                tandem.running()
                peaks.append(cpu.peak_mb(tandem.process.pid))
                tandem.stop()
            tandem.sql("vacuum (analyze) tandem.outbox")
    figures = (("idle", idle), ("busy", full_speed), ("backlog", max(peaks)), ("bigtx", big_transaction))
    return [figure(f"memory.{name}_mb", value, "MB") for name, value in figures]
