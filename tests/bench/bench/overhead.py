"""TPC-B-like pgbench with its accounts watched, 8 clients, no connector: TPS and server CPU lost to capture; against no capture and a naive trigger"""
import contextlib

from bench import connector, cpu, place, server
from bench.figures import alternate, figure, middle

SCALE = 20
NAIVE = """
set role crm;
create table public.naive (counter bigint generated always as identity primary key, object_id text, operation text, body jsonb, created_at timestamptz default now());
create function public.naive() returns trigger language plpgsql as $$
begin
  insert into public.naive (object_id, operation, body) values (new.aid::text, lower(tg_op), to_jsonb(new));
  return null;
end $$;
create trigger naive after insert or update on pgbench_accounts for each row execute function public.naive();
"""
ONE_ROW = "\\set aid random(1, 100000 * :scale)\nupdate pgbench_accounts set abalance = abalance + 1 where aid = :aid;\n"
MANY_ROWS = "\\set aid random(1, 100000 * :scale - 1000)\nupdate pgbench_accounts set abalance = abalance + 1 where aid between :aid and :aid + 999;\n"


@contextlib.contextmanager
def captured(folder, arguments, database, name, target, route=None, mode="trigger"):
    """A database of pgbench whose accounts are watched."""
    database.make_pgbench(name, 2 if arguments.quick else SCALE)
    with connector.prepared(folder, arguments, database, {"sink": target}, table=None, database=name, watched="public.pgbench_accounts", route=route, mode=mode) as tandem:
        yield tandem


@contextlib.contextmanager
def every_kind(folder, arguments, database):
    """A database for each way to capture; their names."""
    with contextlib.ExitStack() as stack:
        for kind, body in (("image", {}), ("latest", {"body": "latest"})):
            stack.enter_context(captured(folder, arguments, database, kind, {"url": "http://127.0.0.1:1"}, body))
        for kind in ("plain", "naive"):
            database.make_pgbench(kind, 2 if arguments.quick else SCALE)
        database.sql(NAIVE, database="naive")
        yield ("plain", "image", "latest", "naive")


def measure(arguments):
    with place.folder() as folder, server.running(folder) as database, every_kind(folder, arguments, database) as kinds:
        scripts = {"one_row": ONE_ROW, "thousand_rows": MANY_ROWS}
        for name, script in scripts.items():
            (folder / name).write_text(script)

        def run(kind, options, seconds):
            before = cpu.of_server(database.process.pid)
            tps = database.pgbench(kind, "-c", 8, "-j", 2, "-T", seconds, *options)
            return tps, (cpu.of_server(database.process.pid) - before) * 1e6 / (tps * seconds)

        def compare(rounds, seconds, *options):
            database.sql("checkpoint")
            return dict(zip(kinds, alternate(rounds, *((lambda kind=kind: run(kind, options, seconds)) for kind in kinds))))

        measured = []
        for workload, options in (("", ()), ("one_row_", ("-f", folder / "one_row")), ("thousand_rows_", ("-f", folder / "thousand_rows"))):
            if arguments.quick:
                rounds, seconds = 1, 3
            else:
                rounds, seconds = (5, 5) if not workload else (2, 4)
            taken = compare(rounds, seconds, *options)
            plain_tps, plain_cpu = (middle([run[i] for run in taken["plain"]]) for i in (0, 1))
            for kind in kinds[1:]:
                tps, cost = (middle([run[i] for run in taken[kind]]) for i in (0, 1))
                # Neighbours in time are compared, so that what the machine does beside it hits both.
                loss = middle([1 - run[0] / plain[0] for run, plain in zip(taken[kind], taken["plain"])])
                measured.append(figure(f"overhead.{workload}{kind}_loss", loss, "of the TPS"))
                measured.append(figure(f"overhead.{workload}{kind}_tps", tps, "transactions/s", "no capture", plain_tps))
                measured.append(figure(f"overhead.{workload}{kind}_cpu_us", cost, "µs/transaction", "no capture", plain_cpu))
    return measured
