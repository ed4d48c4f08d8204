"""Where things are, and how child processes end with us."""
import contextlib
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[3]
PR_SET_PDEATHSIG = 1


def free_port():
    """A port below the range of outgoing connections, so that a server may come back to it."""
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port not in _taken:
                    _taken.add(port)
                    return port
    raise RuntimeError("no free port between 20000 and 30000")


_taken = set()


def start(arguments, *, user=None, death_signal=signal.SIGKILL, **options):
    """Popen of a program that ends with us, as `user` where we are root."""
    account = pwd.getpwnam(user) if user and os.geteuid() == 0 else None
    libc = ctypes.CDLL(None)

    def prepare():
        if account:
            os.setgroups([account.pw_gid])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        libc.prctl(PR_SET_PDEATHSIG, death_signal)

    return subprocess.Popen([str(a) for a in arguments], preexec_fn=prepare, **options)


def must(arguments, **options):
    """Runs a program to its successful end; its output."""
    done = start(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    output, _ = done.communicate(timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(a) for a in arguments[:4])}… ended with {done.returncode}:\n{output[-3000:]}")
    return output


def wait_for(condition, what, seconds=60, pause=0.02):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s in vain: {what}")
        time.sleep(pause)


@contextlib.contextmanager
def folder():
    """A folder of this run, removed at its end; others may pass through it (the server runs as another user)."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="tandem-bench-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(path, ignore_errors=True)
