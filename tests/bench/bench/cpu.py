"""CPU seconds that a process, or PostgreSQL with everything that it started, has used."""
import os

TICK = os.sysconf("SC_CLK_TCK")


def _times(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    utime, stime, children_utime, children_stime = (int(fields[i]) for i in (11, 12, 13, 14))
    return utime + stime, children_utime + children_stime


def of_process(pid):
    return _times(pid)[0] / TICK


def of_server(pid):
    """The postmaster, its living children, and those that it has waited for."""
    own, ended = _times(pid)
    total = own + ended
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as children:
        for child in children.read().split():
            try:
                total += _times(child)[0]
            except OSError:  # it ended meanwhile and will be among those waited for
                continue
    return total / TICK


def resident_mb(pid):
    return _memory_mb(pid, "VmRSS:")


def private_mb(pid):
    """Resident and nobody else's: without the pages of shared buffers that a server process has touched."""
    return _memory_mb(pid, "RssAnon:")


def peak_mb(pid):
    """The most that was resident since the process started."""
    return _memory_mb(pid, "VmHWM:")


def _memory_mb(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no resident memory")


def wait(process):
    """Waits for the end of a Popen: its status and the CPU seconds that it has used."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime
