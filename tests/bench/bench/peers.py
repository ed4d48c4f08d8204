"""a tuned SKIP LOCKED poller, graphile-worker and pg-boss, each as fast as its manual makes it, over the same records and sink"""
import subprocess
import time

from bench import connector, cpu, place, server, sink
from bench.figures import alternate, figure, middle

SCRIPTS = place.SOURCE / "tests" / "bench" / "peers"
UNDONE = {
    "poller": "select count(*) from tandem.outbox where request_state <> 3",
    "graphile": "select count(*) from graphile_worker.jobs",
    "boss": "select count(*) from pgboss.job where state < 'completed'",
}


def measure(arguments):
    records, rounds = (10_000, 1) if arguments.quick else (150_000, 2)
    with place.folder() as folder, server.running(folder) as database, sink.running(folder) as other:
        with connector.prepared(folder, arguments, database, {"sink": {"url": other.url}}) as tandem:
            takes = [lambda: tandem.drain_backlog(records)]
            takes += [lambda name=name: drain(name, tandem, database, other, records) for name in UNDONE]
            ours, *theirs = alternate(rounds, *takes)
    rate = middle([d.rate for d in ours])
    rates = {name: middle([r for r, _, _ in taken]) for name, taken in zip(UNDONE, theirs)}
    library = max(("graphile", "boss"), key=rates.get)
    measured = [
        figure("peers.poller_ratio", rate / rates["poller"], "of its rate"),
        figure("peers.library_ratio", rate / rates[library], "of its rate"),
    ]
    for name, taken in zip(UNDONE, theirs):
        measured.append(figure(f"peers.{name}_rate", rates[name], "items/s", "tandem", rate))
        measured.append(figure(f"peers.{name}_cpu_us", middle([peer + postgresql for _, peer, postgresql in taken]), "µs/item", "tandem",
                               middle([d.connector_us + d.postgresql_us for d in ours])))
    return measured


def drain(name, tandem, database, other, records):
    """Items a second, CPU of the peer and of PostgreSQL for each."""
    tandem.backlog(records)
    tandem.sql("drop schema if exists graphile_worker, pgboss cascade; drop index if exists tandem.poller_pending")
    command = ["node", SCRIPTS / f"{name}.mjs", database.url(), other.url]
    place.must([*command, "fill"])
    tandem.sql("vacuum (analyze)")
    tandem.sql("checkpoint")
    server_cpu = cpu.of_server(database.process.pid)
    begin = time.monotonic()
    process = place.start([*command, "run", records], stdout=subprocess.DEVNULL)
    status, used = cpu.wait(process)
    seconds = time.monotonic() - begin
    server_cpu = cpu.of_server(database.process.pid) - server_cpu
    left = tandem.number(UNDONE[name])
    if status or left:
        raise RuntimeError(f"{name} ended with {status} and {left:.0f} items undone")
    return records / seconds, used * 1e6 / records, server_cpu * 1e6 / records
