"""from the commit of a change to its request on the wire, at 1,000/s and at 80 % of the drain rate; against the commit's way to a replication socket"""
import json

from bench import connector, place, server, sink
from bench.figures import figure

RATE = 1000
TOGETHER = 50  # changes of one transaction under load: single ones would measure the CRM's commits


def measure(arguments):
    seconds, records = (5, 20_000) if arguments.quick else (20, 150_000)
    probe = arguments.build / "tests" / "bench" / "latency_probe"
    if not probe.exists():
        raise RuntimeError(f"{probe} does not exist: ./dev build")
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        sink_port = place.free_port()
        database.sql("create database drained", database="postgres")
        with connector.prepared(folder, arguments, database, {"sink": {"url": other.url}}, database="drained") as tandem:
            loaded_rate = 0.8 * tandem.drain_backlog(records).rate
        with connector.prepared(folder, arguments, database, {"sink": {"url": f"http://127.0.0.1:{sink_port}"}}) as tandem:
            def run(rate, *options):
                output = place.must([probe, "--database", database.url(), "--rate", rate, "--seconds", seconds, *options])
                return json.loads(output.splitlines()[-1])
            stream = run(RATE, "--stream")
            stream_loaded = run(loaded_rate, "--stream", "--together", TOGETHER)
            tandem.sql("truncate tandem.outbox")
            tandem.start_idle()
            wire = run(RATE, "--sink", sink_port)
            loaded = run(loaded_rate, "--sink", sink_port, "--together", TOGETHER)
            place.wait_for(lambda: tandem.running() and tandem.pending() == 0, "everything settles")
    name = "commit to replication socket"
    return [
        figure("latency.p50_ms", wire["p50_ms"], "ms", name, stream["p50_ms"]),
        figure("latency.p99_ms", wire["p99_ms"], "ms", name, stream["p99_ms"]),
        figure("latency.longest_ms", wire["longest_ms"], "ms", name, stream["longest_ms"]),
        figure("latency.loaded_p50_ms", loaded["p50_ms"], "ms", name, stream_loaded["p50_ms"]),
        figure("latency.loaded_p99_ms", loaded["p99_ms"], "ms", name, stream_loaded["p99_ms"]),
        figure("latency.loaded_rate", loaded["per_second"], "changes/s", "80 % of the drain rate", loaded_rate),
    ]
