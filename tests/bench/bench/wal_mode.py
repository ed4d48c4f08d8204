"""Watches of mode `wal`, decoded by our plugin: what they cost the CRM's transactions, how fast their changes come into the outbox, one huge transaction."""
import contextlib
import threading
import time

from bench import connector, cpu, overhead, place
from bench.figures import figure, middle

AWAY = {"sink": {"url": "http://127.0.0.1:1"}}
TOGETHER = 400  # changes of one transaction
CHANGES = f"""
do $$ begin
for at in {{first}}..{{last}} by {TOGETHER} loop
  update opportunity set stage = 'won', amount = amount + 1, updated_at = now() where id between at and least(at + {TOGETHER - 1}, {{last}});
  commit;
end loop; end $$;
"""
NARROW = "create table opportunity (id bigint primary key, name text not null, amount numeric(12,2) not null)"
ONE_TRANSACTION = "insert into opportunity select n, 'Opportunity number ' || n, n % 90000 + 0.25 from generate_series(1, {rows}) as n"


def losses(folder, arguments, database):
    """pgbench with its accounts not watched, watched by triggers and from the log; no connector runs."""
    rounds, seconds, scale = (1, 3, 2) if arguments.quick else (6, 4, overhead.SCALE)
    database.make_pgbench("loss_none", scale)
    with (overhead.captured(folder, arguments, database, "loss_trigger", AWAY["sink"]),
          overhead.captured(folder, arguments, database, "loss_wal", AWAY["sink"], mode="wal")):
        database.sql("checkpoint")
        taken = [there_and_back(database, ("loss_none", "loss_wal", "loss_trigger"), seconds) for _ in range(rounds)]
        drop_slots(database)
    plain, *watched = ([round_[i] for round_ in taken] for i in range(3))
    # Neighbours in time are compared, so that what the machine does beside it hits both.
    return [figure(f"plugin.{name}_loss", middle([1 - tps / base for tps, base in zip(of_kind, plain)]), "of the TPS", "TPS of no capture", middle(plain))
            for name, of_kind in zip(("wal", "trigger"), watched)]


def there_and_back(database, kinds, seconds):
    """Mean TPS of each: A B C C B A, so that nobody always comes behind the one that leaves the most to be written."""
    def runs(names):
        return [database.pgbench(name, "-c", 8, "-j", 2, "-T", seconds) for name in names]

    there, back = runs(kinds), runs(reversed(kinds))
    return [(a + b) / 2 for a, b in zip(there, reversed(back))]


def rate(folder, arguments, database):
    """Changes that wait in the slot, from the connector's start until the outbox has them all. Their target is paused."""
    rows, rounds = (20_000, 1) if arguments.quick else (150_000, 3)
    database.sql("create database wal_rate", database="postgres")
    taken = []
    with connector.prepared(folder, arguments, database, AWAY, database="wal_rate", mode="wal") as tandem:
        settle_down(tandem)
        for round_ in range(rounds):
            first, last = round_ * rows + 1, (round_ + 1) * rows
            tandem.sql("truncate tandem.outbox")
            tandem.make_rows(first, last)
            tandem.sql(CHANGES.format(first=first, last=last))
            tandem.sql("vacuum (analyze) tandem.outbox")
            tandem.sql("vacuum (analyze) tandem.captured")
            tandem.sql("checkpoint")
            taken.append(capture(tandem, 2 * rows))
            tandem.stop()
        drop_slots(database)
    figures = ("plugin.wal_rate", "changes/s"), ("plugin.wal_connector_us", "µs/change"), ("plugin.wal_postgresql_us", "µs/change")
    return [figure(name, middle([round_[i] for round_ in taken]), unit) for i, (name, unit) in enumerate(figures)]


def settle_down(tandem):
    """The watch is captured from here on, and nothing is sent."""
    tandem.sql("select tandem.pause('sink')")
    tandem.start_idle()
    place.wait_for(lambda: tandem.number("select count(*) from tandem.stream_watch where state = 'current'") == 1, "the watch is current")
    tandem.stop()


def capture(tandem, changes):
    """Changes a second, CPU of the connector and of the server for each."""
    end = tandem.sql("select pg_current_wal_lsn()")
    server_cpu = cpu.of_server(tandem.server.process.pid)
    begin = time.monotonic()
    tandem.start()
    wait_through(tandem, end, seconds=60 + changes / 1_000)
    seconds = time.monotonic() - begin
    server_cpu = cpu.of_server(tandem.server.process.pid) - server_cpu
    if tandem.count("true") != changes:
        raise RuntimeError(f"{tandem.count('true')} records came of {changes} changes")
    return changes / seconds, cpu.of_process(tandem.process.pid) * 1e6 / changes, server_cpu * 1e6 / changes


def wait_through(tandem, end, seconds):
    place.wait_for(lambda: tandem.running() and tandem.number(f"select count(*) from tandem.stream where through >= '{end}'"), "everything is captured",
                   seconds=seconds, pause=0.05)


def one_transaction(folder, arguments, database):
    """The most that the connector and the walsender hold while one huge transaction is captured."""
    rows = arguments.transaction or (100_000 if arguments.quick else 1_000_000)
    database.sql("create database bigtx", database="postgres")
    with connector.prepared(folder, arguments, database, AWAY, table=NARROW, database="bigtx", mode="wal") as tandem:
        settle_down(tandem)
        tandem.start_idle()
        with sampled(tandem, database) as peaks:
            tandem.sql(ONE_TRANSACTION.format(rows=rows))
            wait_through(tandem, tandem.sql("select pg_current_wal_lsn()"), seconds=600 + rows / 1_000)
        if tandem.count("true") != rows:
            raise RuntimeError(f"{tandem.count('true')} records came of {rows} rows")
        tandem.stop()
        drop_slots(database)
    return [figure("plugin.bigtx_rows", rows, "rows")] + [figure(f"plugin.bigtx_{name}_mb", peak, "MB") for name, peak in peaks.items()]


@contextlib.contextmanager
def sampled(tandem, database):
    """The largest memory that was private to each process while the block ran, filled in at its end."""
    reads = "from pg_replication_slots where slot_type = 'logical' and not temporary"
    place.wait_for(lambda: database.sql(f"select count(active_pid) {reads}") == "1", "the connector reads its slot")
    walsender = int(database.sql(f"select active_pid {reads}"))
    peaks = {"connector": 0, "walsender": 0}
    done = threading.Event()

    def watch():
        while not done.wait(0.05):
            peaks["connector"] = max(peaks["connector"], cpu.private_mb(tandem.process.pid))
            peaks["walsender"] = max(peaks["walsender"], cpu.private_mb(walsender))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        done.set()
        watcher.join()


def drop_slots(database):
    """They would keep the log of whatever is measured next."""
    def gone():
        database.sql("select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active")
        return database.sql("select count(*) from pg_replication_slots") == "0"

    place.wait_for(gone, "the slots are dropped")
