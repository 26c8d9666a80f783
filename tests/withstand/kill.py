"""`python -m tests.withstand.kill`: kill −9 at random moments, and databases that fail; whether all that was acknowledged is there again.

Leaves with 1 if anything was lost or could not be gone on with. `--seed` repeats a series as far as a machine repeats itself.
"""

import argparse
import logging
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.metrics.postgres_cluster import PostgresCluster, find_binaries
from tests.withstand.disks import NotMounted
from tests.withstand.outages import OUTAGES
from tests.withstand.served import kill_server
from tests.withstand.works import WORKS, Tell, Work, look_for

KILLS = 200
"""Unless `--kills` says otherwise."""

ENDLESS_S = 0.4
"""How long a work without end goes on at most."""

SERVER = "server"
"""What a whole dashboard is called in the table."""

SERVERS = 4
"""Of 200 kills those of a whole dashboard, each of which takes as long as its start."""

SERVED_S = 2.0
"""How long it is sent to at most."""

LONGEST_S = 300.0
"""A check that takes longer has failed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The status to leave with. arguments: in place of the command line's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", nargs="+", default=[], help="what is killed, and outages, whose names hold one of these words"
    )
    given = parser.parse_args(arguments)

    def is_meant(name: str) -> bool:
        return not given.only or any(word in name for word in given.only)

    logging.disable(logging.CRITICAL)
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    chance = random.Random(given.seed)
    failed = untried = 0
    with PostgresCluster(find_binaries()) as cluster:
        sys.stdout.write(f"{'killed':<22}{'database':<12}{'kills':>6}{'midway':>8}{'lost':>6}\n")
        for work, share in [each for each in WORKS if is_meant(each[0].name)]:
            for database in ("sqlite", "postgresql") if work.any_database else ("sqlite",):
                kills = max(1, round(given.kills * share / 200 / (2 if work.any_database else 1)))
                failed += _kill_often(work, database, kills, cluster, chance)
        if is_meant(SERVER):
            failed += _kill_servers(max(1, round(given.kills * SERVERS / 200)), cluster, chance)
        for outage in [each for each in OUTAGES if is_meant(each.name)]:
            try:
                said = outage.run(cluster)
            except NotMounted:
                untried += 1
                sys.stdout.write(f"{outage.name:<40}not tried: this user may mount no disk\n")
                continue
            except Exception as error:  # noqa: BLE001 - whatever went wrong belongs into the table
                said = f"NOT HELD: {type(error).__name__}: {error}".replace("\n", " ")[:300]
            failed += not said.startswith("held")
            sys.stdout.write(f"{outage.name:<40}{said}\n")
            sys.stdout.flush()
    left = f", {untried} not tried" if untried else ""
    sys.stdout.write(f"\n{failed or 'none'} did not hold{left}\n")
    return 1 if failed else 0


def _kill_often(work: Work, database: str, kills: int, cluster: PostgresCluster, chance: random.Random) -> int:
    """Kill a work so many times, print a row, and return how often something was lost."""
    longest_s = ENDLESS_S
    if not work.endless:
        with _place(database, cluster) as (url, folder):
            work.prepare(url, folder)
            started = time.monotonic()
            _in_child(lambda tell: work.work(url, folder, tell))
            longest_s = time.monotonic() - started
    seen: Counter[str] = Counter()
    complaints = []
    for _ in range(kills):
        with _place(database, cluster) as (url, folder):
            complaint, ended = _kill_once(work, url, folder, chance.uniform(0.0, longest_s))
            seen["midway"] += not ended
            if complaint:
                complaints.append(complaint)
    return _tell(work.name, database, kills, seen["midway"], complaints)


def _kill_servers(kills: int, cluster: PostgresCluster, chance: random.Random) -> int:
    """The same of a whole dashboard, half of them over each database."""
    failed = 0
    for database, count in (("sqlite", kills - kills // 2), ("postgresql", kills // 2)):
        complaints = []
        for _ in range(count):
            with _place(database, cluster) as (url, folder):
                told = kill_server(url, folder, chance.uniform(0.2, SERVED_S))
                said, _ = _in_child(lambda tell: tell(f"checked {look_for(url, told)}"))  # noqa: B023 - it has run by then
                complaints.append(said[-1].removeprefix("checked").strip() if said else "the check did not end")
        failed += _tell(SERVER, database, count, count, [each for each in complaints if each])
    return failed


def _tell(name: str, database: str, kills: int, midway: int, complaints: list[str]) -> int:
    """Print a row; how many complaints it has."""
    sys.stdout.write(f"{name:<22}{database:<12}{kills:>6}{midway:>8}{len(complaints):>6}\n")
    sys.stdout.writelines(f"    NOT HELD {each}\n" for each in complaints[:5])
    sys.stdout.flush()
    return len(complaints)


def _kill_once(work: Work, url: str, folder: Path, after_s: float) -> tuple[str, bool]:
    """What was lost, and whether the work had ended by then."""
    _in_child(lambda tell: work.prepare(url, folder))
    told, ended = _in_child(lambda tell: work.work(url, folder, tell), after_s)
    said, _ = _in_child(lambda tell: tell(f"checked {work.check(url, folder, told)}"))
    complaint = said[-1].removeprefix("checked").strip() if said else "the check did not end"
    return complaint or ("it ended by itself" if ended and work.endless else ""), ended


@contextmanager
def _place(database: str, cluster: PostgresCluster) -> Iterator[tuple[str, Path]]:
    """The URL of an empty store, and a folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if database == "sqlite":
            yield f"sqlite:///{folder / 'traces.sqlite'}", folder
        else:
            with cluster.database() as url:
                yield url, folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()


def _in_child(work: Callable[[Tell], object], kill_after_s: float | None = None) -> tuple[list[str], bool]:
    """Run in a process of its own, perhaps killed: the lines that it told whole, and whether it ended by itself."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work_and_leave(work, writing)
    os.close(writing)
    until = time.monotonic() + (LONGEST_S if kill_after_s is None else kill_after_s)
    told, ended = b"", False
    while (left_s := until - time.monotonic()) > 0 and not ended:
        if select.select([reading], [], [], left_s)[0]:
            part = os.read(reading, 65_536)
            told, ended = told + part, not part
    if not ended:
        os.kill(child, signal.SIGKILL)
        while part := os.read(reading, 65_536):
            told += part
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if ended and status:
        raise RuntimeError("The work failed by itself; what it raised is above.")
    return told.decode().split("\n")[:-1], ended


def _work_and_leave(work: Callable[[Tell], object], writing: int) -> None:
    """What the child does; it never returns."""
    status = 0
    try:
        work(lambda line: os.write(writing, f"{line}\n".encode()) and None)
    except BaseException:  # noqa: BLE001 - nothing may reach what stands above the fork
        traceback.print_exc()
        status = 1
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
