"""A PostgreSQL server of this run: durable (fsync on), otherwise sized like a small machine's."""
import contextlib
import glob
import os
import pathlib
import re
import shutil
import signal
import subprocess

from bench import place

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_connections": "60",
    "synchronous_commit": "on",
    "log_checkpoints": "off",
}


def programs():
    asked = os.environ.get("TANDEM_TEST_PG_BIN")
    if asked:
        return pathlib.Path(asked)
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise RuntimeError("no PostgreSQL server below /usr/lib/postgresql")
    return pathlib.Path(found[-1]).parent


class Server:
    def __init__(self, folder):
        self.folder = folder / "postgres"
        self.port = place.free_port()
        self.programs = programs()
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        data = self.folder / "data"
        place.must([self.programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], user="postgres")
        with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for name, value in {**SETTINGS, "port": self.port, "unix_socket_directories": self.folder}.items():
                conf.write(f"{name} = '{value}'\n")
        with open(self.folder / "log", "ab") as log:
            self.process = place.start([self.programs / "postgres", "-D", data], user="postgres", death_signal=signal.SIGQUIT, stdout=log, stderr=log)
        place.wait_for(self._ready, "PostgreSQL answers")
        self.sql("create role crm login", database="postgres")
        self.sql("create database crm", database="postgres")

    def _ready(self):
        with contextlib.suppress(OSError, IndexError):
            return (self.folder / "data" / "postmaster.pid").read_text().splitlines()[7].startswith("ready")
        return False

    def url(self, user="postgres", database="crm"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def sql(self, statements, database="crm"):
        """Runs statements; the output of the last ones, unaligned."""
        return place.must([self.programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database=database), "-c", statements]).strip()

    @contextlib.contextmanager
    def held_snapshot(self, database="crm"):
        """A session that holds a REPEATABLE READ transaction and its snapshot."""
        session = place.start([self.programs / "psql", "-XAtq", "-d", self.url(database=database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        session.stdin.write("begin isolation level repeatable read;\nselect pg_current_snapshot();\n")
        session.stdin.flush()
        session.stdout.readline()
        try:
            yield
        finally:
            session.stdin.close()
            session.wait(10)

    def pgbench(self, database, *options):
        """TPS of a run."""
        output = place.must([self.programs / "pgbench", "-n", *options, self.url("crm", database)])
        return float(re.search(r"tps = ([\d.]+) \(without", output).group(1))

    def make_pgbench(self, database, scale):
        """A database of pgbench. Its role is no superuser, whom PostgreSQL would spare every question about privileges."""
        self.sql(f"create database {database} owner crm", database="postgres")
        self.sql("grant create on schema public to crm", database=database)
        place.must([self.programs / "pgbench", "-i", "-q", "-s", scale, self.url("crm", database)])

    def halt(self):
        """A clean stop, after which only `instructions` works."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def instructions(self, database, statements):
        """Instructions that a single-user server takes from its start to its end, with these statements in between. Nothing else on the machine changes it."""
        counted = place.start(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", self.programs / "postgres", "--single", "-D", self.folder / "data",
                               "-c", "synchronous_commit=off", "-c", "autovacuum=off", database],
                              user="postgres", cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = counted.communicate("\n".join(statements) + "\n", timeout=600)
        return int(re.search(r"Collected : (\d+)", output).group(1))

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


@contextlib.contextmanager
def running(folder):
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()
