"""the target is away while changes go on at 2,000/s, then back: attempts spent, order kept, rate at which what waited is drained"""
import time

from bench import connector, cpu, place, server, sink
from bench.figures import figure

RATE = 2000
OBJECTS = 20_000


def measure(arguments):
    seconds = 5 if arguments.quick else 60
    with place.folder() as folder, server.running(folder) as database, sink.running(folder, log_calls=True) as other:
        with connector.prepared(folder, arguments, database, {"sink": {"url": other.url}}, route={"coalesce": False}) as tandem:
            tandem.make_rows(1, OBJECTS)
            tandem.drain(OBJECTS)
            other.stop()
            changes(tandem, seconds)
            waiting = tandem.pending()
            other.start()
            back, settled = time.monotonic(), tandem.settled()
            place.wait_for(lambda: tandem.settled() > settled, "the connector sees that the target is back", seconds=90)
            first = time.monotonic()
            place.wait_for(lambda: tandem.settled() - settled >= waiting, "what has waited is drained", seconds=60 + waiting / 300)
            seconds = time.monotonic() - first
            spent = tandem.number("select sum(attempts - 1) from tandem.outbox")
            peak = cpu.peak_mb(tandem.process.pid)
            tandem.stop()
            other.stop()
            disorder = out_of_order(tandem, other.calls())
            other.start()
            usual = tandem.drain_backlog(waiting)
    return [
        figure("outage.attempts_spent", spent, "attempts"),
        figure("outage.drain_rate", waiting / seconds, "records/s", "the same number from the table, after a start", usual.rate),
        figure("outage.drain_s", seconds, "s"),
        figure("outage.noticed_after_s", first - back, "s"),
        figure("outage.waiting", waiting, "records"),
        figure("outage.out_of_order", disorder, "records"),
        figure("outage.peak_mb", peak, "MB"),
    ]


def changes(tandem, seconds):
    """Updates of objects in turn, committed in steps of 100 at a steady rate."""
    begin = time.monotonic()
    for step in range(seconds * RATE // 100):
        first = step * 100 % OBJECTS
        tandem.sql(f"update opportunity set amount = amount + 1, updated_at = now() where id between {first + 1} and {first + 100}")
        time.sleep(max(0.0, begin + (step + 1) * 100 / RATE - time.monotonic()))


def out_of_order(tandem, calls):
    """Requests that came after one for a newer record of their object; a missing record counts, too."""
    records = dict(line.split("|")[0:1] + [line.split("|")[1:]] for line in tandem.sql("select record_id, object_id, counter from tandem.outbox").splitlines())
    newest, wrong, seen = {}, 0, set()
    for call in calls:
        if call not in records:
            continue
        object_id, counter = records[call][0], int(records[call][1])
        wrong += counter < newest.get(object_id, 0)
        newest[object_id] = max(counter, newest.get(object_id, 0))
        seen.add(call)
    return wrong + len(records) - len(seen)
