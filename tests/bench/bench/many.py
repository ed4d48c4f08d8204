"""50 targets, one of them away and one slow: the rate at which the other 48 are drained; against the same without the two"""
import contextlib
import sys
import time

from bench import connector, place, server, sink
from bench.figures import alternate, figure, middle

TARGETS = 50
SLOW_SECONDS = 1


def measure(arguments):
    rows, rounds = (500, 1) if arguments.quick else (4000, 3)
    slow_port = place.free_port()
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other, slow_sink(slow_port):
        database.sql("create database healthy", database="postgres")
        good = {f"target_{n:02}": {"url": other.url, "concurrency": 16} for n in range(1, TARGETS - 1)}
        bad = {"away": {"url": f"http://127.0.0.1:{place.free_port()}"}, "slow": {"url": f"http://127.0.0.1:{slow_port}", "concurrency": 16}}
        with connector.prepared(folder, arguments, database, good | bad) as all_of_them, \
                connector.prepared(folder, arguments, database, good, database="healthy") as healthy:
            def take(tandem):
                tandem.backlog(rows)
                begin = time.monotonic()
                tandem.start()
                # The slow one's are among those that the connector has counted, so the table has the last word; to ask it costs much.
                place.wait_for(lambda: tandem.settled() >= rows * len(good) and not tandem.pending(good), "the 48 are drained", seconds=60 + rows / 10, pause=0.1)
                seconds = time.monotonic() - begin
                tandem.stop()
                return rows * len(good) / seconds
            with_the_two, without = alternate(rounds, lambda: take(all_of_them), lambda: take(healthy))
    return [
        figure("many.ratio", middle(with_the_two) / middle(without), "of the rate"),
        figure("many.rate", middle(with_the_two), "records/s", "without the two", middle(without)),
    ]


@contextlib.contextmanager
def slow_sink(port):
    process = place.start([sys.executable, place.SOURCE / "tests" / "bench" / "slow_sink.py", port, SLOW_SECONDS])
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
