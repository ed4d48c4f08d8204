"""our output plugin: the walsender's CPU for each change against pgoutput's on the same WAL, alternating; watches of mode `wal` that it decodes"""
import shutil

from bench import cpu, place, server, wal_mode
from bench.connector import PENDING, RECORDS
from bench.figures import alternate, figure, middle

WATCHED, COLUMNS = 6, 30
TOGETHER = 400  # changes of one transaction
FIRST_COLUMNS = "id, " + ", ".join(f"c{n}" for n in range(2, WATCHED + 1))
WIDE = f"""
create table wide (id bigint primary key, {", ".join(f"c{n} {('text', 'integer', 'numeric(12,2)', 'timestamptz')[n % 4]}" for n in range(2, COLUMNS + 1))});
create publication whole for table wide;
"""
VALUES = ", ".join(("'value of column ' || n", "n", "n + 0.25", "timestamptz '2026-01-01 00:00+00' + n * interval '1 second'")[n % 4]
                   for n in range(2, COLUMNS + 1))
WIDE_ROWS = f"insert into wide select n, {VALUES} from generate_series({{first}}::bigint, {{last}}::bigint) as n;"
IN_TRANSACTIONS = "do $$ begin for at in 1..{rows} by {together} loop {statement} commit; end loop; end $$"

# What the connector asks for (connector/capture/capture_thread.cpp).
OUTBOX = {"protocol_version": "1", "table": "tandem.outbox (counter, target) insert", "message_prefix": "tandem", "boundaries": "off"}


def measure(arguments):
    rows, rounds = (40_000, 1) if arguments.quick else (200_000, 5)
    with place.folder() as folder, server.running(folder) as database:
        install(arguments, database)
        place.must([database.programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.url(), "-f", place.SOURCE / "sql" / "install.sql"])
        database.sql(WIDE)
        column_lists = int(database.sql("show server_version_num")) >= 150000
        if column_lists:
            database.sql(f"create publication narrow for table wide ({FIRST_COLUMNS})")
        measured = compare(database, rows, rounds, "plugin.outbox", RECORDS.replace("{settled}", PENDING), OUTBOX, [("plugin.outbox_ratio", "tandem")])
        publications = [("plugin.columns_ratio", "narrow" if column_lists else "whole"), ("plugin.columns_whole_ratio", "whole")]
        ours = {"protocol_version": "1", "table": f"public.wide ({FIRST_COLUMNS})"}
        measured += compare(database, rows // 2, rounds, "plugin.columns", WIDE_ROWS, ours, publications)
    for part in (wal_mode.losses, wal_mode.rate, wal_mode.one_transaction):
        with place.folder() as folder, server.running(folder) as database:
            install(arguments, database)
            measured += part(folder, arguments, database)
    return measured


def install(arguments, database):
    """Our plugin for this server alone, from its own folder."""
    library = arguments.build / "output_plugin" / "tandem.so"
    if not library.exists():
        raise RuntimeError(f"{library} does not exist: ./dev bench builds it")
    shutil.copy(library, database.folder / "tandem.so")
    (database.folder / "tandem.so").chmod(0o644)
    settings = [f"alter system set dynamic_library_path = '{database.folder}:$libdir'", "alter system set autovacuum = off"]
    if database.sql("select count(*) from pg_settings where name = 'output_plugin_libraries'") == "1":
        settings.append("alter system set output_plugin_libraries = pgoutput, test_decoding, tandem")
    for setting in [*settings, "select pg_reload_conf()"]:
        database.sql(setting)
    place.wait_for(lambda: str(database.folder) in database.sql("show dynamic_library_path"), "the settings are read")


def compare(database, rows, rounds, name, statement, ours, publications):
    """Writes the rows, then decodes them over and over: µs of CPU a change with ours, and its ratio to pgoutput over each publication."""
    database.sql("select pg_create_logical_replication_slot('source', 'pgoutput')")
    loop = statement.replace("{first}", "at").replace("{last}", f"least(at + {TOGETHER - 1}, {rows})")
    database.sql(IN_TRANSACTIONS.format(rows=rows, together=TOGETHER, statement=loop))
    end = database.sql("select pg_current_wal_lsn()")
    database.sql(f"create table after_{name.partition('.')[2]} ()")  # something behind the end, so that it is passed

    def take(plugin, options):
        database.sql(f"select pg_copy_logical_replication_slot('source', 'take', false, '{plugin}')")
        told = [part for option, value in options.items() for part in ("-o", f"{option}={value}")]
        before = cpu.of_server(database.process.pid)
        place.must([database.programs / "pg_recvlogical", "-d", database.url(), "-S", "take", "--start", "-f", "/dev/null", "-E", end, "--no-loop", *told])
        used = cpu.of_server(database.process.pid) - before
        database.sql("select pg_drop_replication_slot('take')")
        return used / rows * 1e6

    def over(publication):
        return lambda: take("pgoutput", {"proto_version": "1", "publication_names": publication, "messages": "true"})

    own, *others = alternate(rounds, lambda: take("tandem", ours), *(over(publication) for _, publication in publications))
    database.sql("select pg_drop_replication_slot('source')")
    measured = [figure(f"{name}_cpu_us", middle(own), "µs", f"pgoutput, publication {publications[0][1]}", middle(others[0]))]
    for (ratio, publication), other in zip(publications, others):
        measured.append(figure(ratio, middle([a / b for a, b in zip(own, other)]), "×", f"pgoutput, publication {publication}", 1))
    return measured
