"""Processes as the kernel accounts for them (Linux)."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SCHEDULER_CLOCK = 2  # CPUCLOCK_SCHED of linux/posix-timers.h: all threads of a process, in ns

SERVER_CORE = 0
OTHER_CORE = 1


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, its ended threads included; its children not."""
    return time.clock_gettime((~pid << 3) | _SCHEDULER_CLOCK)


def postgres_seconds(postmaster: int) -> float:
    """CPU time of a whole cluster: the postmaster, its children, and those that have ended."""
    total = 0
    for pid in (postmaster, *children(postmaster)):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended; the postmaster has its time by now
        user, system, ended_user, ended_system = (int(each) for each in fields[11:15])
        total += user + system + ended_user + ended_system
    return total / _TICKS


def children(pid: int) -> list[int]:
    """The processes that it started and that still run."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (thread / "children").read_text().split()]
    return found


def find_child(pid: int, word: str) -> int:
    """The child whose command line holds a word. Raises LookupError."""
    for child in children(pid):
        if word.encode() in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            return child
    raise LookupError(f"process {pid} has no child {word}")


def pin(pids: Iterable[int], cores: set[int]) -> None:
    """Keep processes, with every thread they have and will start, on these cores."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def resident_mb(pid: int) -> float:
    """Resident memory in MB of 1,000,000 bytes, shared pages included."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
