"""What may be killed at any moment, and what must hold afterwards. Each work runs in a process of its own, which is forked."""

import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import ClassVar, Protocol

import orjson
from sqlalchemy import create_engine, text

from app.config import Settings
from app.documents.indexing import Upload
from app.ingesting.receiving import Parcel, Receiving
from app.runs.evaluations import RunPlan
from app.services import Services
from backends.fake import Script, ScriptedBackend
from metrics import payloads
from metrics.migration import migrate
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.schema import trace_to_version_1
from tests.app.runs.labelled_file import write_questions
from tests.factories import make_trace
from tests.metrics.test_migration import OLD_TRACE, revisions
from tests.otlp.sent import request, span

Tell = Callable[[str], None]
"""Says what was acknowledged: a line that outlives the process."""

STORED = 300
"""Traces of a store that is backed up, restored or migrated."""

QUESTIONS = 12
"""Of a run."""

DOCUMENTS = 6
"""Files that are indexed."""


class Work(Protocol):
    """A work that may be killed."""

    name: ClassVar[str]
    """As the table names it."""
    endless: ClassVar[bool]
    """Whether it goes on until it is killed."""
    any_database: ClassVar[bool]
    """Whether it is tried on PostgreSQL too."""

    def prepare(self, url: str, folder: Path) -> None:
        """Make what it needs, on an empty store."""

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Do it, and tell of what is done."""

    def check(self, url: str, folder: Path, told: list[str]) -> str:
        """What is lost, or cannot be gone on with; empty where all is well."""


class Asking:
    """Three people ask at once."""

    name: ClassVar[str] = "questions"
    endless: ClassVar[bool] = True
    any_database: ClassVar[bool] = True

    def prepare(self, url: str, folder: Path) -> None:
        """A store."""
        TraceStore.open(url).close()

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Ask and ask."""
        services = _services(url, folder)

        def ask() -> None:
            while True:
                asked = services.asking.ask(services.asking.question("Who?"))
                if asked.not_stored is None:
                    tell(asked.trace.trace_id)

        askers = [Thread(target=ask, daemon=True) for _ in range(3)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()

    def check(self, url: str, folder: Path, told: list[str]) -> str:
        """Every trace that was acknowledged is there, and listed."""
        return look_for(url, told)


class Ingesting(Asking):
    """An application sends spans."""

    name: ClassVar[str] = "ingest"

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Take parcel after parcel."""
        with TraceStore.open(url) as store:
            receiving = Receiving(Settings(), lambda: store)
            while True:
                trace_id = uuid.uuid4()
                body = request(span(trace_id=trace_id.bytes)).SerializeToString()
                receiving.take(Parcel(body, "application/x-protobuf", "", "shop", "127.0.0.1"))
                tell(trace_id.hex)


class Running:
    """A run over a dataset."""

    name: ClassVar[str] = "run"
    endless: ClassVar[bool] = False
    any_database: ClassVar[bool] = True

    def prepare(self, url: str, folder: Path) -> None:
        """Questions, and a store."""
        write_questions(folder / "questions.csv", QUESTIONS)
        TraceStore.open(url).close()

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Run, and tell of each answer."""
        services = _services(url, folder, delays_s={"generate": 0.02})
        for step in services.evaluations.run(RunPlan(str(folder / "questions.csv"), "fake", 3, 10.0)):
            tell(f"{step.run_id} {0 if step.progress is None else step.progress.done}")
        services.close()

    def check(self, url: str, folder: Path, told: list[str]) -> str:
        """It goes on, and ends with every question answered once."""
        services = _services(url, folder)
        try:
            runs = services.store.runs.newest()
            if not runs:
                return "the run is gone" if told else ""
            before = services.store.runs.find(runs[0].run_id).answers
            if told and before < int(told[-1].split()[1]):
                return f"{told[-1]} answers were told, {before} are kept"
            for _ in services.evaluations.resume(runs[0].run_id):
                pass
            ended = services.store.runs.find(runs[0].run_id)
            scores = {scored.question_id for scored in services.evaluations.scores(ended.run_id)}
            whole = ended.status == "finished" and len(scores) == ended.answers == QUESTIONS
            return "" if whole else f"{ended.status} with {ended.answers} of {QUESTIONS} answers"
        finally:
            services.close()


class Migrating:
    """A store of the first schema is opened."""

    name: ClassVar[str] = "migration"
    endless: ClassVar[bool] = False
    any_database: ClassVar[bool] = True

    def prepare(self, url: str, folder: Path) -> None:
        """A store of the first schema with traces of that time."""
        engine = create_engine(url)
        with engine.begin() as connection:
            migrate(connection, location="kill", revision=revisions()[0])
            for seq in range(1, STORED + 1):
                made = make_trace(question=f"Question {seq}?", trace_id=f"{seq:032x}")
                told = {"seq": seq, "trace_id": made.trace_id, "question": made.question}
                connection.execute(text(OLD_TRACE), told)
                payload = payloads.deflate(orjson.dumps(trace_to_version_1(made)))
                connection.execute(
                    text("INSERT INTO payloads (seq, payload) VALUES (:seq, :payload)"),
                    {"seq": seq, "payload": payload},
                )
            connection.execute(text("UPDATE state SET folded = :count"), {"count": STORED})
        engine.dispose()

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Open it."""
        TraceStore.open(url).close()

    def check(self, url: str, folder: Path, told: list[str]) -> str:
        """It opens, and has all traces."""
        return look_for(url, [f"{seq:032x}" for seq in range(1, STORED + 1)])


class BackingUp:
    """A backup is written over an earlier one."""

    name: ClassVar[str] = "backup"
    endless: ClassVar[bool] = False
    any_database: ClassVar[bool] = True

    def prepare(self, url: str, folder: Path) -> None:
        """A store with an earlier backup, of all traces but one."""
        with TraceStore.open(url) as store:
            store.put_all([make_trace(trace_id=f"{seq:032x}") for seq in range(1, STORED)])
            store.upkeep.back_up(folder / "backup", "1", force=True)
            store.put(make_trace(trace_id=f"{STORED:032x}"))

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Write it."""
        with TraceStore.open(url) as store:
            store.upkeep.back_up(folder / "backup", "1", force=True)
            tell("written")

    def check(self, url: str, folder: Path, told: list[str]) -> str:
        """The store is whole, and so is the earlier backup or the new one."""
        with TraceStore.open(f"sqlite:///{folder / 'restored.sqlite'}") as restored:
            came = restored.upkeep.restore(folder / "backup", "replace")
        if came not in ((STORED,) if told else (STORED - 1, STORED)):
            return f"the backup holds {came} of {STORED} traces"
        return look_for(url, [f"{seq:032x}" for seq in range(1, STORED + 1)])


class Restoring(BackingUp):
    """A backup is restored over a store that holds something else."""

    name: ClassVar[str] = "restore"

    def prepare(self, url: str, folder: Path) -> None:
        """A backup, and a store with one more trace."""
        super().prepare(url, folder)

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Restore it."""
        with TraceStore.open(url) as store:
            store.upkeep.restore(folder / "backup", "replace")
            tell("restored")

    def check(self, url: str, folder: Path, told: list[str]) -> str:
        """The store is as it was or as the backup is, and the backup can be restored again."""
        with TraceStore.open(url) as store:
            found = store.count()
            if found not in ((STORED - 1,) if told else (STORED - 1, STORED)):
                return f"{found} traces are left"
            store.upkeep.restore(folder / "backup", "replace")
        return look_for(url, [f"{seq:032x}" for seq in range(1, STORED)])


class Indexing:
    """Documents are added."""

    name: ClassVar[str] = "indexing"
    endless: ClassVar[bool] = False
    any_database: ClassVar[bool] = False

    def prepare(self, url: str, folder: Path) -> None:
        """Nothing."""

    def work(self, url: str, folder: Path, tell: Tell) -> None:
        """Index them."""
        services = Services(_settings(url, folder, "local/embedded"))
        corpus = services.backends.corpus("local/embedded", build=False)
        assert corpus is not None
        if services.indexing.start(corpus, _documents()).wait(120).phase == "done":
            tell("done")
        services.close()

    def check(self, url: str, folder: Path, told: list[str]) -> str:
        """It is gone on with, every document is found, and a question is answered from them."""
        services = Services(_settings(url, folder, "local/embedded"))
        try:
            corpus = services.backends.corpus("local/embedded", build=False)
            assert corpus is not None
            if told and corpus.state().stale:
                return "what was told to be indexed is not"
            ended = services.indexing.start(corpus, _documents()).wait(120)
            if ended.phase != "done" or corpus.state().stale:
                return f"indexing again came to {ended.phase}"
            asked = services.asking.ask(services.asking.question("What does volcano 3 erupt?"))
            titles = {chunk.source or chunk.title for chunk in asked.trace.chunks}
            return "" if any("3" in title for title in titles) else f"found only {titles}"
        finally:
            services.close()


WORKS: tuple[tuple[Work, int], ...] = (
    (Asking(), 46),
    (Ingesting(), 40),
    (Running(), 30),
    (Migrating(), 30),
    (BackingUp(), 22),
    (Restoring(), 16),
    (Indexing(), 12),
)
"""Every work, and its share of 200 kills; the server's is the rest."""


def _settings(url: str, folder: Path, backend: str) -> Settings:
    return replace(
        Settings(), data_dir=folder / "data", database_url=url, backend=backend, builtin_corpus=False, threads=1
    )


def _services(url: str, folder: Path, **script: dict[str, float]) -> Services:
    backend = ScriptedBackend(Script(**script))  # type: ignore[arg-type]
    return Services(_settings(url, folder, "fake"), open_backend=lambda name, config: backend)


def _documents() -> list[Upload]:
    lines = " ".join(f"It erupts ash of kind {line}." for line in range(60))
    return [Upload(f"volcano-{number}.txt", f"Volcano {number}. {lines}".encode()) for number in range(DOCUMENTS)]


def look_for(url: str, wanted: list[str]) -> str:
    """What is not there, or not whole, of a store."""
    with TraceStore.open(url) as store:
        gone = [trace_id for trace_id in wanted if store.get(trace_id) is None]
        time.sleep(0.02)
        store.fold()
        listed = store.page(TraceQuery(), limit=1).matched.value
        health = store.health()
    damage = _damage(url)
    if gone or damage or not health.ok or listed < len(set(wanted)):
        return f"{len(gone)} of {len(wanted)} lost, {listed} listed, {damage or health.detail}"
    return ""


def _damage(url: str) -> str:
    """What SQLite's own check finds; empty where all is well, or for a server."""
    if not url.startswith("sqlite"):
        return ""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        said = str(file.execute("PRAGMA integrity_check").fetchone()[0])
    return "" if said == "ok" else said
