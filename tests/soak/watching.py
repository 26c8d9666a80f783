"""What a server's process comes to over time, from `/proc`: memory, threads, open files; and what it writes to its log. Linux only."""

import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

MB = 1_000_000.0

BAD_LINE = re.compile(r"\b(ERROR|CRITICAL)\b|^Traceback |^\w*(Error|Exception)\b")
"""A line of the log that tells of an error."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The process and its children at a moment."""

    at_s: float
    """Of a clock that only goes on."""
    rss_mb: float
    """Memory of the process itself that lies in RAM, in megabytes of 10^6 bytes."""
    pss_mb: float
    """Of the process and its children together, what several processes share counted by its part."""
    own_mb: float
    """The same without what lies in files too: what grows, and what other processes that come and go do not change."""
    threads: int
    """Threads of the process."""
    files: int
    """Files, pipes and sockets that it has open."""
    children: int
    """Processes below it."""
    tabs: int
    """Sessions that visitors had open."""
    busy_s: float = 0.0
    """Seconds of a processor that the process has had since it began."""


def take_sample(pid: int, tabs: int) -> Sample:
    """How the process is now. Raises OSError where it is gone."""
    rollup = read_fields(PROC / str(pid) / "smaps_rollup")
    status = read_fields(PROC / str(pid) / "status")
    children = children_of(pid)
    rollups = [rollup]
    for child in children:
        with suppress(OSError):
            rollups.append(read_fields(PROC / str(child) / "smaps_rollup"))
    return Sample(
        time.monotonic(),
        rollup["Rss"] * 1024 / MB,
        sum(each.get("Pss", 0) for each in rollups) * 1024 / MB,
        sum(each.get("Pss_Anon", 0) for each in rollups) * 1024 / MB,
        status["Threads"],
        len(list((PROC / str(pid) / "fd").iterdir())),
        len(children),
        tabs,
        busy_s(pid),
    )


def busy_s(pid: int) -> float:
    """Seconds of a processor that a process has had."""
    fields = (PROC / str(pid) / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_fields(path: Path) -> dict[str, int]:
    """The lines `Name: 123` or `Name: 123 kB` of a file of `/proc`."""
    found = re.findall(r"^(\w+):\s+(\d+)(?: kB)?$", path.read_text("ascii", "replace"), re.MULTILINE)
    return {name: int(value) for name, value in found}


def children_of(pid: int) -> list[int]:
    """Processes below one, theirs among them."""
    found: list[int] = []
    for task in (PROC / str(pid) / "task").iterdir():
        with suppress(OSError):
            found += [int(each) for each in (task / "children").read_text("ascii").split()]
    return found + [below for each in found for below in _below(each)]


def _below(pid: int) -> list[int]:
    try:
        return children_of(pid)
    except OSError:
        return []


class Watch(threading.Thread):
    """Takes samples until it is stopped."""

    def __init__(self, pid: int, every_s: float, tabs: "TabCount") -> None:
        """tabs: how many sessions are open."""
        super().__init__(name="watch", daemon=True)
        self.samples: list[Sample] = []
        """In order."""
        self.gone = False
        """Whether the process ended meanwhile."""
        self._pid, self._every_s, self._tabs = pid, every_s, tabs
        self._stopped = threading.Event()

    def run(self) -> None:
        """The thread's work."""
        while not self._stopped.wait(self._every_s):
            try:
                self.samples.append(take_sample(self._pid, self._tabs.count))
            except (OSError, KeyError):
                self.gone = not self._stopped.is_set()
                return

    def stop(self) -> None:
        """Take no more of them."""
        self._stopped.set()
        self.join(self._every_s + 10)


class TabCount:
    """How many tabs are open."""

    def __init__(self) -> None:
        self.count = 0
        """Now."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self.count -= 1


def bad_lines(log: Path) -> list[str]:
    """What a log has that tells of an error."""
    return [line for line in log.read_text("utf-8", "replace").splitlines() if BAD_LINE.search(line)]
