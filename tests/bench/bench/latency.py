"""from the commit of a change to its request on the wire; against the commit's way to a replication socket"""
import json

from bench import connector, place, server
from bench.figures import figure


def measure(arguments):
    seconds = 5 if arguments.quick else 20
    probe = arguments.build / "tests" / "bench" / "latency_probe"
    if not probe.exists():
        raise RuntimeError(f"{probe} does not exist: ./dev build")
    with place.folder() as folder, server.running(folder) as database:
        sink_port = place.free_port()
        common = [probe, "--database", database.url(), "--rate", arguments.rate, "--seconds", seconds]
        with connector.prepared(folder, arguments, database, f"http://127.0.0.1:{sink_port}", {"concurrency": 16}) as tandem:
            stream = run(common + ["--stream"])
            database.sql("update tandem.outbox set request_state = 3, outcome = 'discarded'")
            tandem.start()
            wire = run(common + ["--sink", sink_port])
            tandem.running()
            place.wait_for(lambda: database.number("select count(*) from tandem.outbox where request_state <> 3") == 0, "everything settles")
    return [
        figure("latency.p50_ms", wire["p50_ms"], "ms", "commit to replication socket", stream["p50_ms"]),
        figure("latency.p99_ms", wire["p99_ms"], "ms", "commit to replication socket", stream["p99_ms"]),
        figure("latency.longest_ms", wire["longest_ms"], "ms", "commit to replication socket", stream["longest_ms"]),
    ]


def run(words):
    return json.loads(place.must(words).splitlines()[-1])
