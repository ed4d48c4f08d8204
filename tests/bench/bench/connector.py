"""tandem between a private PostgreSQL and a sink: one watched table, one route, upsert by external id, nothing optional."""
import contextlib
import json
import subprocess

from bench import place

CONFIGURATION = """
connector: bench
database: {{ url: "{url}", admin_url: "{url}" }}
http: {{ listen: "127.0.0.1:{http_port}" }}
log: {{ format: json, level: info }}
targets:
  sink:
    type: rest
    url: {sink}
{settings}
    requests:
      upsert: {{ method: POST, path: "/opportunity/{{object_id}}" }}
watches:
  opportunity:
    table: public.opportunity
    routes:
      - {{ target: sink, request_type: opportunity, operations: [create, update] }}
"""

# A body of about 450 bytes as jsonb prints it.
TABLE = """
create table opportunity (
  id bigint primary key, name text not null, stage text not null, amount numeric(12,2) not null, currency text not null,
  account_id bigint not null, owner_id bigint not null, probability smallint not null, expected_close date not null,
  next_step text, description text, created_at timestamptz not null default now(), updated_at timestamptz not null default now());
"""
ROWS = """
insert into opportunity (id, name, stage, amount, currency, account_id, owner_id, probability, expected_close, next_step, description)
select n, 'Opportunity number ' || n, (array['open','qualified','proposal','won','lost'])[1 + n % 5], 1000 + n % 90000 + 0.25, 'EUR',
  n % 5000, n % 50, n % 100, date '2026-01-01' + (n % 365)::int, 'call the buyer again next week',
  'Renewal of the maintenance contract, with an option for two more sites in the coming year'
from generate_series({first}::bigint, {last}::bigint) as n;
"""


class Connector:
    """The connector's files and process. `install` makes the schema; `start` runs it."""

    def __init__(self, folder, arguments, server, sink_url, settings=None):
        self.binary = arguments.build / "tandem"
        if not self.binary.exists():
            raise RuntimeError(f"{self.binary} does not exist: ./dev build")
        self.folder = folder
        self.server = server
        self.http_port = place.free_port()
        given = dict(settings or {})
        given.update(pair.split("=", 1) for pair in arguments.target)
        lines = "\n".join(f"    {key}: {value}" for key, value in given.items())
        self.file = folder / "tandem.yaml"
        self.file.write_text(CONFIGURATION.format(url=server.url(), http_port=self.http_port, sink=sink_url, settings=lines))
        self.process = None

    def command(self, *words):
        return place.must([self.binary, *words, "--config", self.file])

    def install(self):
        self.server.sql(TABLE)
        self.command("migrate")
        self.command("apply")

    def make_rows(self, first, last):
        """Commits watched rows, each of which becomes one record of the outbox."""
        self.server.sql(ROWS.format(first=first, last=last))

    def start(self):
        with open(self.folder / "tandem.log", "ab") as log:
            self.process = place.start([self.binary, "run", "--config", self.file], stdout=log, stderr=log)

    def log_end(self):
        return (self.folder / "tandem.log").read_text(errors="replace")[-2000:]

    def running(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"tandem ended with {self.process.returncode}:\n{self.log_end()}")
        return True

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def prepared(folder, arguments, server, sink_url, settings=None):
    connector = Connector(folder, arguments, server, sink_url, settings)
    connector.install()
    try:
        yield connector
    finally:
        connector.stop()


def sample_body(server):
    """One body as it goes out, for the limit's own requests."""
    return json.dumps(json.loads(server.sql("select body from tandem.outbox order by counter limit 1")))
