"""`make soak`, `python -m tests.soak`: visitors on all pages of a dashboard over a large store; questions, uploads and a run beside.

Leaves with 1 if memory grew by more than it may, or anything went wrong; Ctrl-C ends it early and prints what there is. Linux only.
A day at a lower rate is the same with other numbers: `make soak HOURS=24 RATE=0.5`.
"""

import argparse
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.bench_traces import seed_trees
from metrics.store import TraceStore
from tests.browser.install import find_browser
from tests.served_dashboard import SERVE, start
from tests.soak import within
from tests.soak.people import Crowd
from tests.soak.table import Soaked, holds, lines
from tests.soak.walks import Known
from tests.soak.watching import Watch, bad_lines

WARM_SHARE, WARM_MOST_S = 0.25, 900.0
"""How much of the time is warm-up, and how much at most: caches fill, and tabs that close are forgotten as fast as others come."""

SAMPLES = 720
"""Looks at the server in all; at least a second lies between two."""

TELL_S = 60.0
"""Between two lines about how it goes."""

LOOKED = "from tests.soak.within import main; main()"
"""Runs the dashboard in place of SERVE where it is to tell what its memory holds."""


def main() -> int:
    """The status to leave with."""
    options = read_options()
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # what breaks is counted
    whole_s = options.hours * 3600 or options.minutes * 60
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        store = folder / "store.sqlite"
        rows = lay_out(store, options.store, options.traces)
        data = folder / "data"
        data.mkdir(mode=0o700)
        environ = {"RAGLASS_DATABASE_URL": f"sqlite:///{store}"}
        if options.look:
            environ[within.FILE] = str(options.look.absolute())
        process, served = start(data, program=LOOKED if options.look else SERVE, **environ)
        try:
            crowd = Crowd(served.url, Known(rows, lambda: run_ids(store)), options.rate, options.seed)
            watch = Watch(process.pid, max(whole_s / SAMPLES, 1.0), crowd.tabs)
            tell(introduce(options, rows, whole_s))
            began_s = time.monotonic()
            warm_at_s = began_s + min(whole_s * WARM_SHARE, WARM_MOST_S)
            watch.start()
            crowd.begin(options.sessions - options.browsers, options.browsers, find_browser())
            pass_time(crowd, watch, warm_at_s, began_s + whole_s)
            soaked = Soaked(watch.samples, warm_at_s, crowd.tally, bad_lines(served.log), watch.gone, options.sessions)
        finally:
            end(process)
            if options.log:
                shutil.copyfile(served.log, options.log)
    tell("\n".join(lines(soaked)))
    return 0 if holds(soaked) else 1


def read_options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50, help="tabs that are open at once, browsers' among them")
    parser.add_argument("--browsers", type=int, default=3, help="how many of them are windows of a real browser")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--hours", type=float, default=0.0, help="in place of minutes")
    parser.add_argument("--rate", type=float, default=3.0, help="what a visitor does in a minute")
    parser.add_argument("--traces", type=int, default=1_000_000, help="of a store that is made")
    parser.add_argument("--store", type=Path, help="a SQLite store to copy; made here where there is none")
    parser.add_argument("--folder", type=Path, help="where the copy is put; the usual temporary folder by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="a file to keep what the server wrote to its log")
    parser.add_argument("--look", type=Path, help="a file for what the server's memory holds; see tests/soak/within.py")
    options = parser.parse_args()
    options.browsers = min(options.browsers if find_browser() else 0, options.sessions)
    return options


def introduce(options: argparse.Namespace, rows: int, whole_s: float) -> str:
    """What is done, in words."""
    load = os.getloadavg()[0]
    return (
        f"{options.sessions} sessions for {whole_s / 60:g} minutes over {rows:,} traces, {options.rate:g} deed(s) a minute each; "
        f"seed {options.seed}.\n"
        f"{options.sessions - options.browsers} of them speak Streamlit's protocol over a WebSocket and draw nothing; "
        f"{options.browsers} are windows of a Chromium.\n"
        f"All of it runs on this machine: {os.cpu_count()} processors, load {load:.1f} before it began, niceness {os.nice(0)}. "
        "Times are those that visitors waited under this load."
    )


def lay_out(store: Path, given: Path | None, traces: int) -> int:
    """Put a store where it may be changed; how many traces it has. given: one to copy, or where to keep the one that is made."""
    made = given or store
    if not made.exists():
        began = time.monotonic()
        with TraceStore.open(f"sqlite:///{made.absolute()}") as opened:
            seed_trees(opened, traces, until=time.time())
        tell(f"made a store of {traces:,} traces in {time.monotonic() - began:.0f} s")
    if given is not None:
        with (
            closing(sqlite3.connect(f"file:{given.absolute()}?{reading(given)}", uri=True)) as source,
            closing(sqlite3.connect(store)) as copy,
        ):
            source.backup(copy)
    with TraceStore.open(
        f"sqlite:///{store}"
    ) as opened:  # brought to the newest schema here, not while a start is waited for
        return opened.count()


def reading(store: Path) -> str:
    """How to open a store so that nothing beside it changes either; one whose newest traces lie in its log must have that read."""
    log = store.with_name(f"{store.name}-wal")
    return "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"


def run_ids(store: Path) -> list[str]:
    """Some of the runs that are stored."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as opened:
        return [run_id for (run_id,) in opened.execute("SELECT run_id FROM runs LIMIT 50")]


def pass_time(crowd: Crowd, watch: Watch, warm_at_s: float, until_s: float) -> None:
    """Wait until it is over, or Ctrl-C, or the server is gone; then let everybody go."""
    told_s, warmed = time.monotonic(), False
    try:
        while (now := time.monotonic()) < until_s and not watch.gone:
            if not warmed and now >= warm_at_s:
                crowd.tally.forget_times()
                warmed = True
                if not crowd.looked_round:
                    tell("not everything was seen once in the warm-up: what is loaded later looks like growth")
            if now >= told_s + TELL_S and watch.samples:
                told_s, last = now, watch.samples[-1]
                tell(
                    f"{(until_s - now) / 60:6.1f} minutes left: {last.own_mb:.0f} MB, {last.threads} threads, {last.files} files, "
                    f"{last.tabs} sessions, {crowd.tally.problems.total()} error(s){'' if warmed else '; warming up'}"
                )
            time.sleep(0.5)
    except KeyboardInterrupt:
        tell("stopped; what there is:")
    crowd.end()
    watch.stop()


def end(process: "subprocess.Popen[bytes]") -> None:
    """Have the server end, at once on a second Ctrl-C."""
    process.terminate()
    try:
        process.wait(120)
    finally:
        process.kill()
        process.wait()


def tell(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
