"""Pages and commands, run over whatever store the environment names: their times, SQLite's steps, and the statements that they send."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from benchmarks.bench_pages import ROOT, SCRIPT_TIMEOUT_S
from benchmarks.query_plans import Record, Statement, find_scans, recording, shorten
from benchmarks.seeding import RARE

FIRSTS, AGAINS = 3, 3
"""How often each is taken; the median counts."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as somebody opens it."""

    page: str
    """Its script."""
    address: Mapping[str, str] = field(default_factory=dict)
    """The query part of its address; `{trace}`, `{session}` and `{run}` stand for stored ones."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """What the session remembers: a tab that is open, say."""


PAGES: Mapping[str, Page] = {
    "overview, a day": Page("overview"),
    "overview, 7 days": Page("overview", {"past": "week"}),
    "ask": Page("ask"),
    "ask, a trace": Page("ask", {"trace": "{trace}"}),
    "traces": Page("traces"),
    "traces, slowest": Page("traces", {"sort": "slowest"}),
    "traces, of 7 days": Page("traces", {"since": "week"}),
    "traces, search": Page("traces", {"search": RARE}),
    "traces, tag and service": Page("traces", {"services": "help", "tags": "beta"}),
    "traces, by quality": Page("traces", {"expression": "quality.grounded < 0.2"}),
    "traces, one": Page("traces", {"trace": "{trace}"}),
    "traces, two": Page("traces", {"trace": "{trace}", "with": "{other}"}),
    "sessions": Page("traces", {"list": "sessions"}),
    "sessions, one": Page("traces", {"session": "{session}"}),
    "explain": Page("explain"),
    "compare": Page("compare"),
    "corpus": Page("corpus"),
    "corpus, consulted": Page("corpus", state={"view": "Consulted"}),
    "corpus, map": Page("corpus", state={"view": "Embedding map"}),
    "live, 1 hour": Page("live"),
    "live, 7 days": Page("live", {"window": "7 days"}),
    "live, 7 days, everyone": Page("live", {"window": "7 days", "asked_by": "everyone"}),
    "live, 7 days, application": Page("live", {"window": "7 days", "answered_by": "application/shop"}),
    "runs": Page("runs"),
    "runs, leaderboard": Page("runs", {"view": "board"}),
    "runs, one": Page("runs", {"run": "{run}"}),
    "runs, two": Page("runs", {"run": "{run}", "with": "{before}"}),
    "datasets": Page("runs", {"list": "datasets"}),
    "lab": Page("lab"),
    "stability": Page("stability"),
    "status": Page("status"),
}
"""Every page, and of those that read most each of their views."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a page or a command took."""

    wall_s: tuple[float, ...]
    """The first time, and for a page again with nothing changed."""
    cpu_s: tuple[float, ...]
    """The same of processor time: of this process, and of PostgreSQL's."""
    steps: int = 0
    """SQLite's steps of the first time."""
    sent: int = 0
    """Statements of the first time."""


@contextmanager
def said_once() -> Iterator[None]:
    """AppTest looks through every installed package for components before each run, which is nine tenths of its time: once will do."""
    from streamlit import logger

    logger.set_log_level("ERROR")  # it warns of each run that no browser is there
    before = manifest_scanner.scan_component_manifests
    manifest_scanner.scan_component_manifests = cache(before)
    try:
        yield
    finally:
        manifest_scanner.scan_component_manifests = before


@dataclass(slots=True)
class Sent:
    """Statements that were sent, each with the pages and commands that sent it."""

    by_sql: dict[str, tuple[Statement, list[str]]] = field(default_factory=dict)
    """By text."""

    def add(self, name: str, record: Record) -> None:
        """Those of a page or a command."""
        for sql, statement in record.statements.items():
            self.by_sql.setdefault(sql, (statement, []))[1].append(name)


def measure_pages(pages: Mapping[str, Page], only: Sequence[str], sent: Sent | None = None) -> dict[str, Taken]:
    """Times of each page; what it sends is added to `sent`."""
    found: dict[str, Taken] = {}
    with opened() as names:
        server = find_server()
        for name, page in _chosen(pages, only).items():
            filled = _filled(page, names)
            forget_read()
            with recording(_store()._database.engine) as record:  # imports and connections are not the page's time
                open_page(filled)
            if sent is not None:
                sent.add(name, record)
            firsts, test = [], None
            for _ in range(FIRSTS):
                forget_read()
                test, *took = timed(lambda filled=filled: open_page(filled), server)
                firsts.append(took)
            assert test is not None
            agains = [timed(test.run, server)[1:] for _ in range(AGAINS)]
            walls, cpus = zip(_median(firsts), _median(agains), strict=True)
            found[name] = _say(name, Taken(walls, cpus, record.steps, record.sent))
    return found


def _say(name: str, taken: Taken) -> Taken:
    print(f"  {name}: {', '.join(f'{each:.3f}' for each in taken.cpu_s)} s", file=sys.stderr, flush=True)
    return taken


def measure_commands(
    commands: Mapping[str, Sequence[str]], only: Sequence[str], folder: Path, sent: Sent | None = None
) -> dict[str, Taken]:
    """Times of each command within a process that has imported all; what it sends is added to `sent`."""
    with opened() as names:
        server = find_server()
    found: dict[str, Taken] = {}
    for name, words in _chosen(commands, only).items():
        filled = [word.format(**names, folder=folder) for word in words]
        _forget_services()
        with recording(_store()._database.engine) as record:
            run_command(filled)
        _forget_services()
        _, wall_s, cpu_s = timed(lambda filled=filled: run_command(filled), server)
        found[name] = _say(name, Taken((wall_s,), (cpu_s,), record.steps, record.sent))
        if sent is not None:
            sent.add(name, record)
    _forget_services()
    return found


def read_plans(sent: Sent) -> dict[str, Any]:
    """What reads a growing table from one end, of the statements that were sent."""
    scans: dict[str, dict[str, Any]] = {}
    with opened(), _store()._database.engine.connect() as connection:
        for sql, (statement, by) in sent.by_sql.items():
            for scan in find_scans(connection, statement):
                row = scans.setdefault(f"{scan} {shorten(sql)}", {"what": str(scan), "sql": shorten(sql), "by": []})
                row["by"] = list(dict.fromkeys([*row["by"], *by]))
    return {"statements": len(sent.by_sql), "scans": sorted(scans.values(), key=lambda row: row["what"])}


@contextmanager
def as_asked_last(url: str) -> Iterator[None]:
    """It is a minute after the newest trace was asked while the block runs, so that a store that is kept does not age."""
    from metrics.queries import TraceQuery
    from metrics.store import TraceStore

    with TraceStore.open(url) as store:
        newest = store.page(TraceQuery(), limit=1).rows
    before = time.time
    late_s = before() - newest[0].asked_at - 60 if newest else 0.0
    time.time = lambda: before() - late_s
    try:
        yield
    finally:
        time.time = before


@contextmanager
def opened() -> Iterator[dict[str, str]]:
    """New services over the store of the environment, and the ids that stand in addresses."""
    from app import services

    services.services.cache_clear()
    store = _store()
    from metrics.queries import TraceQuery

    rows = store.page(TraceQuery(), limit=2).rows
    ids = [row.trace_id for row in rows] or ["", ""]
    runs = [run.run_id for run in store.runs.newest(2)] or ["", ""]
    session = next((row.session for row in rows if row.session), "")
    try:
        yield {
            "trace": ids[0], "other": ids[-1], "run": runs[0], "before": runs[-1], "session": session,
        }  # fmt: skip
    finally:
        services.services().close()
        services.services.cache_clear()


def _store() -> Any:
    from app import services

    return services.services().store


def _chosen(known: Mapping[str, Any], only: Sequence[str]) -> dict[str, Any]:
    return {name: each for name, each in known.items() if not only or any(word in name for word in only)}


def _filled(page: Page, names: Mapping[str, str]) -> Page:
    return Page(page.page, {name: value.format(**names) for name, value in page.address.items()}, page.state)


def forget_read() -> None:
    """Forget what pages keep of what they read."""
    import streamlit as st

    from app import services

    st.cache_data.clear()
    st.cache_resource.clear()
    services.services()._parts.pop("live", None)


def open_page(page: Page) -> AppTest:
    """A new session on a page, run once."""
    test = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=SCRIPT_TIMEOUT_S)
    test = test.switch_page(f"../pages/{page.page}.py")
    for name, value in page.address.items():
        test.query_params[name] = value
    for name, value in page.state.items():
        test.session_state[name] = value
    test.run()
    problems = [each.value for each in (*test.exception, *test.error)]
    assert not problems, problems
    return test


def run_command(words: Sequence[str]) -> None:
    """A command in this process; what it prints is thrown away. Raises RuntimeError with what it complained of where it failed."""
    from app.shell.main import main

    complaints = StringIO()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(complaints):
        try:
            main.main(list(words), standalone_mode=False)
        except SystemExit as left:
            if left.code:
                raise RuntimeError(f"{' '.join(words)} left with {left.code}: {complaints.getvalue()}") from left


def _forget_services() -> None:
    from app import services

    services.services.cache_clear()


def timed(action: Callable[[], Any], server: int = 0) -> tuple[Any, float, float]:
    """What it gave, its wall time, and the processor time of this process and of a database server, in seconds."""
    wall, cpu = time.perf_counter(), time.process_time() + server_s(server)
    found = action()
    return found, time.perf_counter() - wall, time.process_time() + server_s(server) - cpu


def find_server() -> int:
    """The process of the PostgreSQL server that the store is in, if it is on this machine; 0 for SQLite."""
    engine = _store()._database.engine
    if engine.dialect.name == "sqlite":
        return 0
    with engine.connect() as connection:
        backend = Path(f"/proc/{connection.exec_driver_sql('SELECT pg_backend_pid()').scalar_one()}/stat")
    return int(_stat(backend)[1]) if backend.exists() else 0


def server_s(server: int) -> float:
    """Processor seconds of a server's process and of its children, those that ended too; 0.0 of none."""
    if not server:
        return 0.0
    found = [stat for path in Path("/proc").glob("[0-9]*/stat") if (stat := _stat(path)) and int(stat[1]) == server]
    ticks = sum(int(each) for stat in found for each in stat[11:13]) + sum(
        int(each) for each in _stat(Path(f"/proc/{server}/stat"))[11:15]
    )
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    """Most memory of this process at once, megabytes; without that of the one that started it, which `getrusage` counts in."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


def _stat(path: Path) -> list[str]:
    """What stands in a process's `stat` behind its name: state, parent, …; nothing of one that has ended."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _median(taken: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(statistics.median(each) for each in zip(*taken, strict=True))
