"""a drain with millions of settled records in the outbox, and while retention removes them; against an outbox without any"""
from bench import connector, place, server, sink
from bench.figures import alternate, figure, middle

KEEPS = {"done": "3650d", "failed": "3650d"}


def measure(arguments):
    old, records, rounds = (200_000, 20_000, 1) if arguments.quick else (10_000_000, 300_000, 3)
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        database.sql("create database aged", database="postgres")
        targets = {"sink": {"url": other.url}}
        with connector.prepared(folder, arguments, database, targets) as young, connector.prepared(folder, arguments, database, targets, database="aged") as aged:
            aged.make_records(old, connector.SETTLED)
            aged.sql("vacuum (analyze) tandem.outbox")
            aged.configure(retention=KEEPS)
            aged.start_idle()
            place.wait_for(lambda: aged.floor() >= old, "the floor has passed the settled records", seconds=60 + old / 20_000)
            aged.stop()
            removed = []

            def purging():
                aged.configure(retention={"done": "24h"})
                before = aged.number("select min(counter) from tandem.outbox")
                rate = aged.drain_backlog(records, keep=True).rate
                removed.append((aged.number("select min(counter) from tandem.outbox") - before) * rate / records)
                aged.configure(retention=KEEPS)
                return rate
            rates = alternate(rounds, lambda: young.drain_backlog(records).rate, lambda: aged.drain_backlog(records, keep=True).rate, purging)
    without, kept, purged = (middle(rate) for rate in rates)
    name = f"no settled records (with {old:,})"
    return [
        figure("aged.ratio", kept / without, "of the rate"),
        figure("aged.rate", kept, "records/s", name, without),
        figure("aged.purging_ratio", purged / without, "of the rate"),
        figure("aged.purging_rate", purged, "records/s", name, without),
        figure("aged.removed_rate", middle(removed), "records/s"),
    ]
