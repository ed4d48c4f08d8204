"""tandem between a private PostgreSQL and sinks: one watched table, a route for each target, upsert by external id, nothing optional."""
import contextlib
import dataclasses
import json
import re
import subprocess
import time
import urllib.request

from bench import cpu, place

CONCURRENCY = 64
UPSERT = {"upsert": {"method": "POST", "path": "/opportunity/{object_id}"}}

# A body of about 450 bytes as jsonb prints it.
TABLE = """
create table opportunity (
  id bigint primary key, name text not null, stage text not null, amount numeric(12,2) not null, currency text not null,
  account_id bigint not null, owner_id bigint not null, probability smallint not null, expected_close date not null,
  next_step text, description text, created_at timestamptz not null default now(), updated_at timestamptz not null default now());
"""
# In transactions of 400 rows, as a busy CRM commits them in the end: one huge one would be the decoder's special case.
ROWS = """
do $$ begin
for at in {first}..{last} by 400 loop
  insert into opportunity (id, name, stage, amount, currency, account_id, owner_id, probability, expected_close, next_step, description)
  select n, 'Opportunity number ' || n, (array['open','qualified','proposal','won','lost'])[1 + n % 5], 1000 + n % 90000 + 0.25, 'EUR',
    n % 5000, n % 50, n % 100, date '2026-01-01' + (n % 365)::int, 'call the buyer again next week',
    'Renewal of the maintenance contract, with an option for two more sites in the coming year'
  from generate_series(at::bigint, least(at + 399, {last})) as n;
  commit;
end loop; end $$;
"""
# Rows of the outbox as capture writes them, without the CRM's own rows: for the benchmarks that need millions.
RECORDS = """
insert into tandem.outbox (object_id, request_type, operation, target, body, request_state, outcome, attempts, answer_status, date_time_received, date_time_update)
select n::text, 'sink', 'create', 'sink', jsonb_build_object('id', n, 'name', 'Opportunity number ' || n, 'stage', 'proposal', 'amount', 1000 + n % 90000 + 0.25,
  'currency', 'EUR', 'account_id', n % 5000, 'owner_id', n % 50, 'probability', n % 100, 'expected_close', date '2026-01-01' + (n % 365)::int,
  'next_step', 'call the buyer again next week', 'description', 'Renewal of the maintenance contract, with an option for two more sites in the coming year',
  'created_at', now(), 'updated_at', now()), {settled}
from generate_series({first}::bigint, {last}::bigint) as n;
"""
PENDING = "1, null, 0, null, null, null"
SETTLED = "3, 'delivered', 1, 200, now() - interval '60 days', now() - interval '60 days'"


@dataclasses.dataclass
class Drained:
    """What a drain took, each record's share where not named otherwise."""
    rate: float
    seconds: float
    connector_us: float
    postgresql_us: float
    wal_bytes: float
    dead_rows: float
    peak_mb: float


class Connector:
    """The connector's files and process. `install` makes the schema; `start` runs it."""

    def __init__(self, folder, arguments, server, targets, *, database="crm", route=None, watched="public.opportunity", mode="trigger"):
        self.binary = arguments.build / "tandem"
        if not self.binary.exists():
            raise RuntimeError(f"{self.binary} does not exist: ./dev build")
        self.server = server
        self.database = database
        self.http_port = place.free_port()
        self.log = folder / f"{database}.log"
        self.file = folder / f"{database}.yaml"
        self.process = None
        given = {key: int(value) if value.isdigit() else value for key, value in (pair.split("=", 1) for pair in arguments.target)}
        url = server.url(database=database)
        self.configuration = {
            "connector": "bench", "database": {"url": url, "admin_url": url}, "http": {"listen": f"127.0.0.1:{self.http_port}"},
            "log": {"format": "json", "level": "info"},
            "targets": {name: {"type": "rest", "concurrency": CONCURRENCY, "requests": UPSERT} | settings | given for name, settings in targets.items()},
            "watches": {"watched": {"table": watched, "mode": mode, "routes": [
                {"target": name, "request_type": name, "operations": ["create", "update"]} | (route or {}) for name in targets]}},
        }
        self.configure()

    def configure(self, **sections):
        self.file.write_text(json.dumps(self.configuration | sections, indent=1))  # JSON is YAML

    def sql(self, statements):
        return self.server.sql(statements, database=self.database)

    def number(self, statement):
        return float(self.sql(statement) or 0)

    def install(self, table=TABLE):
        if table:
            self.sql(table)
        for verb in ("migrate", "apply"):
            place.must([self.binary, verb, "--config", self.file])

    def make_rows(self, first, last):
        """Commits watched rows, each of which becomes a record of the outbox for each route."""
        self.sql(ROWS.format(first=first, last=last))

    def make_records(self, count, settled=PENDING, step=250_000):
        for first in range(1, count + 1, step):
            self.sql(RECORDS.format(first=first, last=min(first + step - 1, count), settled=settled))

    def backlog(self, rows, keep=False):
        """Leaves the records of so many rows pending, on disk and vacuumed, in an outbox without others unless they are to be kept."""
        self.sql("truncate opportunity" if keep else "truncate opportunity, tandem.outbox")
        self.make_rows(1, rows)
        self.sql("vacuum (analyze) tandem.outbox")
        self.sql("checkpoint")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = place.start([self.binary, "run", "--config", self.file], stdout=log, stderr=log)

    def start_idle(self):
        """Starts, and waits until it has begun to work and has nothing to do."""
        self.start()
        place.wait_for(self.ready, "the connector runs")

    def ready(self):
        self.running()
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=5) as page:
                return page.status == 200
        return False

    def running(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"tandem ended with {self.process.returncode}:\n{self.log.read_text(errors='replace')[-2000:]}")
        return True

    def settled(self):
        """Records that this process has settled durably, by its own count: asking SQL would cost as much as many records."""
        self.running()
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=5) as page:
                return sum(map(int, re.findall(r'^tandem_settled_total\{target="[^"]+",outcome="delivered"\} (\d+)', page.read().decode(), re.MULTILINE)))
        return 0

    def pending(self, targets=None):
        return self.count("request_state in (1, 2)", targets)

    def count(self, condition, targets=None):
        chosen = "" if targets is None else " and target in (" + ", ".join(f"'{t}'" for t in targets) + ")"
        return int(self.number(f"select count(*) from tandem.outbox where {condition}{chosen}"))

    def undelivered(self):
        return self.count("outcome is distinct from 'delivered'")

    def floor(self):
        return self.number("select coalesce(min(counter), 0) from tandem.settled_through")

    def drain(self, records):
        """From the connector's start until so many records are settled; checked in the table afterwards."""
        lsn = self.sql("select pg_current_wal_lsn()")
        server_cpu = cpu.of_server(self.server.process.pid)
        begin = time.monotonic()
        self.start()
        place.wait_for(lambda: self.settled() >= records, "the backlog is drained", seconds=60 + records / 300, pause=0.02)
        seconds = time.monotonic() - begin
        server_cpu = cpu.of_server(self.server.process.pid) - server_cpu
        connector_cpu = cpu.of_process(self.process.pid)
        wal = self.number(f"select pg_wal_lsn_diff(pg_current_wal_lsn(), '{lsn}')")
        peak = cpu.peak_mb(self.process.pid)
        dead = self.number("select pg_stat_get_tuples_updated('tandem.outbox'::regclass) + pg_stat_get_tuples_deleted('tandem.outbox'::regclass)")
        if self.undelivered():
            raise RuntimeError(f"{self.undelivered()} records were not delivered")
        return Drained(records / seconds, seconds, connector_cpu * 1e6 / records, server_cpu * 1e6 / records, wal / records, dead / records, peak)

    def drain_backlog(self, records, keep=False):
        """One round: a fresh backlog, drained by a fresh connector."""
        self.backlog(records, keep)
        self.sql("select pg_stat_reset()")
        try:
            return self.drain(records)
        finally:
            self.stop()

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def sample_body(self):
        """One body as it goes out, for the limit's own requests."""
        return json.dumps(json.loads(self.sql("select body from tandem.outbox order by counter limit 1")))


@contextlib.contextmanager
def prepared(folder, arguments, server, targets, table=TABLE, **rest):
    connector = Connector(folder, arguments, server, targets, **rest)
    connector.install(table)
    try:
        yield connector
    finally:
        connector.stop()
