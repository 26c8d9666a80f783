"""The store, in SQLite and in PostgreSQL: what becomes of a question whose trace cannot be stored, or not yet."""

import resource
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from sqlalchemy import make_url

from app.asking.questions import Asked
from backends.fake import ScriptedBackend
from metrics.store import TraceStore
from tests.metrics.newer_version import as_if_migrated
from tests.metrics.postgres_cluster import PostgresCluster, full_disk
from tests.withstand.gate import Fault, Gate, gated
from tests.withstand.parts import GRACE_S, Asker, Outcome, Place, judge

BUSY_S = 0.5
"""How long the store waits for a lock, so that what is tried takes no longer."""

HELD_S = 0.2
"""How long another process holds the lock where that is only slow."""


class StorePart:
    """What both have in common: a question is answered in any case, and says why its trace is not stored."""

    name: str
    cannot: ClassVar[Mapping[Fault, str]]
    stored: tuple[Fault, ...]
    """Faults that the store gets over within its patience."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def report(self, fault: Fault, broken: tuple[Asked, float], after: Asked, asker: Asker) -> Outcome:
        """What is to be said of a question that was asked while the store was wrong, and of the next one."""
        asked, took_s = broken
        stored = fault in self.stored
        return judge(
            {
                "not answered": asked.trace.error is not None or asked.trace.generation is None,
                f"took {took_s:.1f} s": took_s > asker.deadline_s + GRACE_S,
                "no reason given": not stored and not (asked.not_stored or "").startswith("The trace store"),
                "trace not stored": stored and not asker.is_kept(asked),
                "next question failed": not asker.is_kept(after),
            },
            f"{'stored' if stored else 'answered, and says why not stored'}, {took_s:.1f} s",
        )


class SqlitePart(StorePart):
    """A store in a file."""

    name = "store (SQLite)"
    stored = ("slow",)
    cannot: ClassVar[Mapping[Fault, str]] = {
        "slow body": "a file has neither head nor body",
        "reset": "a file has no connection",
        "late": "a lock is got in time or not at all",
    }

    def try_fault(self, fault: Fault) -> Outcome:
        """Ask while the file is wrong, and again once it is well."""
        file = self._place.folder / f"{fault.replace(' ', '-')}.sqlite"
        with ExitStack() as undo:
            opened = [_open(undo, f"sqlite:///{file}")]
            asker = Asker(ScriptedBackend(), lambda: opened[-1], self._place.deadline_s, lambda _: None)
            asker.ask()
            if fault in ("slow", "hang"):
                with _locked(file, HELD_S if fault == "slow" else None):
                    broken = asker.ask()
            elif fault == "too large":
                with _full_disk():
                    broken = asker.ask()
            else:
                opened[-1].close()
                broken = self._ask_opening(fault, file, undo)
                opened.append(_open(undo, f"sqlite:///{file}"))
            after, _ = asker.ask()
            return self.report(fault, broken, after, asker)

    def _ask_opening(self, fault: Fault, file: Path, undo: ExitStack) -> tuple[Asked, float]:
        """Ask where the file is found wrong at the start: not to be written, no store at all, or of a newer Raglass."""
        url, whole = f"sqlite:///{file}", file.read_bytes()
        if fault == "refuse":
            url = f"sqlite:///file:{file}?mode=ro&uri=true"
        elif fault == "garbage":
            file.write_bytes(b"\x00\xff" * 5_000)
        else:
            with closing(sqlite3.connect(file)) as other, other:
                other.execute("UPDATE alembic_version SET version_num = 'v999'")
        broken = Asker(ScriptedBackend(), lambda: _open(undo, url), self._place.deadline_s, lambda _: None).ask()
        for left in file.parent.glob(f"{file.name}-*"):
            left.unlink()
        file.write_bytes(whole)
        return broken


class PostgresPart(StorePart):
    """A store on a server, behind a gate."""

    name = "store (PostgreSQL)"
    stored = ()
    cannot: ClassVar[Mapping[Fault, str]] = {
        "slow body": "its replies have no head",
    }

    def __init__(self, place: Place, cluster: PostgresCluster) -> None:
        super().__init__(place)
        self._gate: Gate = place.undo.enter_context(gated(cluster.port, late_s=place.late_s, raw=True))
        self._url = place.undo.enter_context(cluster.database())
        through = make_url(self._url).set(port=self._gate.port).render_as_string(hide_password=False)
        store = TraceStore.open(through, busy_timeout_s=BUSY_S)
        place.undo.callback(store.close)
        self._asker = Asker(ScriptedBackend(), lambda: store, place.deadline_s, lambda _: None)

    def try_fault(self, fault: Fault) -> Outcome:
        """Ask while the server is wrong, and again once it is well."""
        self._asker.ask()
        with self._going_wrong(fault):
            broken = self._asker.ask()
        after, _ = self._asker.ask()
        return self.report(fault, broken, after, self._asker)

    def _going_wrong(self, fault: Fault) -> AbstractContextManager[None]:
        """The server itself answers what is no store of ours, or that its disk is full; else what lies before it goes wrong."""
        if fault == "wrong shape":
            return as_if_migrated(self._url)
        return full_disk(self._url) if fault == "too large" else self._gate.breaking(fault)


@contextmanager
def _locked(file: Path, seconds: float | None) -> Iterator[None]:
    """Another program holds the file: so long, or until the block ends."""
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        other = sqlite3.connect(file, isolation_level=None)
        while not held.is_set():
            with suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
                held.set()
        enough.wait(seconds)
        other.execute("ROLLBACK")
        other.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        yield
    finally:
        enough.set()
        holder.join()


@contextmanager
def _full_disk() -> Iterator[None]:
    """No file of this process can grow: what a disk does that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _open(undo: ExitStack, url: str) -> TraceStore:
    return undo.enter_context(TraceStore.open(url, busy_timeout_s=BUSY_S))
