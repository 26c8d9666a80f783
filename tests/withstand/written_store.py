"""What is written into the trace store: each by the call that pages, commands and applications come to."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from app.config import Settings
from app.ingesting.receiving import Parcel, Receiving
from metrics.alerts import StoredAlert, new_id
from metrics.forgetting import Sparing
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.upkeep import Mode
from pipeline.prompts import PromptTemplate
from tests.factories import make_chunk, make_trace
from tests.metrics.test_backup import make_old_backup
from tests.otlp.sent import PROTOBUF, pair, request, span
from tests.withstand.full_disks import Write
from tests.withstand.works import Migrating

LONG = "long words " * 2_000
"""Of what else would fit into a page or two that are there."""

TRACE, OTHER, SENT = (f"{seq:032x}" for seq in (1, 2, 3))
KEEP_S = 86_400.0


def url_of(folder: Path) -> str:
    """The store of a folder."""
    return f"sqlite:///{folder / 'traces.sqlite'}"


def make_store(folder: Path) -> None:
    """A store with a trace, a run, a key and what else can be changed."""
    with TraceStore.open(url_of(folder)) as store:
        store.put(make_trace(trace_id=TRACE))
        store.fold()
        store.runs.start("run", {"dataset": "life"})
        store.keys.create("old", "ingest")
        store.views.save("old", "q=1")


@contextmanager
def opened(folder: Path) -> Iterator[TraceStore]:
    """A store whose log is empty, so that whatever is written needs room, and in which nothing is written on the side."""
    with TraceStore.open(url_of(folder)) as store:
        store._folder.stop()
        store.fold()
        store._database._execute_driver("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
        yield store


def of_store(
    name: str, write: Callable[[TraceStore], object], seen: Callable[[TraceStore], object], **more: Any
) -> Write:
    """A write into the store that `make_store` makes."""
    return Write(name, write, seen, **{"prepare": make_store, "opened": opened, **more})


def _put(store: TraceStore) -> None:
    store.put(make_trace(trace_id=OTHER, chunks=(make_chunk(text=LONG),)))


def _receive(store: TraceStore) -> None:
    receiving = Receiving(Settings(), lambda: store)
    try:
        body = request(span(trace_id=bytes.fromhex(SENT), attributes=[pair("padding", LONG)])).SerializeToString()
        receiving.take(Parcel(body, PROTOBUF, "", "shop", "127.0.0.1"))
    finally:
        receiving.close()


def _known(store: TraceStore) -> set[str]:
    return store.known([TRACE, OTHER, SENT])


def _waiting(folder: Path, add: Callable[[TraceStore], None]) -> None:
    make_store(folder)
    with TraceStore.open(url_of(folder)) as store:
        store._folder.stop()
        add(store)


@contextmanager
def _opened_unfolded(folder: Path) -> Iterator[TraceStore]:
    with TraceStore.open(url_of(folder)) as store:
        store._folder.stop()
        store._database._execute_driver("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
        yield store


def _listed(store: TraceStore) -> int:
    """Rows of the list, without what waits: nothing is folded for it."""
    with store._database.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM traces").scalar_one())


def _alert(store: TraceStore) -> None:
    alert = StoredAlert(new_id(), "slow", "open", time.time(), None, 1.0, {"words": LONG})
    store.alerts.change(lambda *_: [alert])


def _explained(store: TraceStore) -> object:
    return store.explanations(TRACE)


STORE = (
    of_store("a question's trace", _put, _known),
    of_store(
        "several traces at once",
        lambda store: store.put_all([make_trace(trace_id=OTHER), make_trace(trace_id=SENT)]),
        _known,
    ),
    of_store("spans of another application", _receive, _known),
    of_store(
        "a trace folded",
        lambda store: store.fold(),
        _listed,
        prepare=lambda folder: _waiting(folder, _put),
        opened=_opened_unfolded,
    ),
    of_store(
        "spans folded",
        lambda store: store.fold(),
        _listed,
        prepare=lambda folder: _waiting(folder, _receive),
        opened=_opened_unfolded,
    ),
    of_store("feedback", lambda store: store.annotate(TRACE, 1, LONG[:1_000]), lambda store: store.get(TRACE).note),  # type: ignore[union-attr]
    of_store(
        "an explanation kept", lambda store: store.keep_explanation(TRACE, "attribution", {"words": LONG}), _explained
    ),
    of_store("a view saved", lambda store: store.views.save("new", "q=2"), lambda store: len(store.views.all())),
    of_store("a view renamed", lambda store: _rename(store), lambda store: [each.name for each in store.views.all()]),
    of_store(
        "a prompt saved",
        lambda store: store.prompts.save(PromptTemplate("mine", "{question} {chunks} " + LONG[:900])),
        lambda store: len(store.prompts.all()),
    ),
    of_store("a key made", lambda store: _make_key(store), lambda store: len(store.keys.all())),
    of_store(
        "a key revoked", lambda store: store.keys.revoke("old"), lambda store: store.keys.all()[0].revoked_at is None
    ),
    of_store(
        "a change noted",
        lambda store: store.audit.add("Ann", "deleted a trace", TRACE),
        lambda store: len(store.audit.newest()),
    ),
    of_store(
        "an alert's rule",
        lambda store: store.alerts.save_rule("slow", {"words": LONG}),
        lambda store: len(store.alerts.rules()),
    ),
    of_store("an alert", _alert, lambda store: len(store.alerts.open())),
    of_store(
        "a silence",
        lambda store: store.alerts.silence("slow", time.time() + 60, "why"),
        lambda store: len(store.alerts.silences()),
    ),
    of_store(
        "a run begun", lambda store: store.runs.start("new", {"dataset": LONG}), lambda store: len(store.runs.newest())
    ),
    of_store(
        "a run's status",
        lambda store: store.runs.set_status("run", "finished"),
        lambda store: store.runs.find("run").status,
    ),
    of_store(
        "a run's figures",
        lambda store: store.runs.note("run", {"note": LONG}),
        lambda store: store.runs.find("run").about.get("note"),
    ),
    of_store(
        "a run's answers and their scores",
        lambda store: store.runs.keep("run", [(f"q{number}", TRACE, {"answer": LONG}) for number in range(3)]),
        lambda store: len(store.runs.scores("run")),
    ),
    of_store(
        "a calibration",
        lambda store: store.runs.keep_calibration("fake", "run", {"points": LONG}),
        lambda store: store.runs.calibration("fake"),
    ),
    of_store(
        "scores of quality",
        lambda store: store.quality.put("scored", {1: {"confidence": 0.5}}, 1),
        lambda store: store.quality.lag(),
    ),
    of_store(
        "traces deleted",
        lambda store: store.forget(TraceQuery(), sparing=Sparing(runs=False, feedback=False, tags=frozenset())),
        lambda store: store.count(),
        in_parts=True,
    ),
    of_store(
        "traces that are too old deleted",
        lambda store: store.upkeep.forget_beyond(KEEP_S, None, frozenset(), lambda: False),
        lambda store: store.count(),
        in_parts=True,
    ),
)
"""In a store that is open when the disk fills."""


def _rename(store: TraceStore) -> None:
    store.views.rename("old", "renamed")


def _make_key(store: TraceStore) -> None:
    store.keys.create("new", "ingest")


def _make_backup(folder: Path) -> None:
    """A store, a backup of it, and one more trace since."""
    make_store(folder)
    with TraceStore.open(url_of(folder)) as store:
        store.upkeep.back_up(folder / "backup", "1")
        _put(store)


def _backed_up(store: TraceStore) -> int:
    return _count(Path(store._database.location).with_name("backup"))


def _back_up(store: TraceStore) -> None:
    store.upkeep.back_up(Path(store._database.location).with_name("backup"), "1", force=True)


def _restore(mode: Mode) -> Callable[[TraceStore], None]:
    def restore(store: TraceStore) -> None:
        store.upkeep.restore(Path(store._database.location).with_name("backup"), mode)

    return restore


def _make_backup_alone(folder: Path) -> None:
    """A backup, and an empty store."""
    _make_backup(folder)
    for file in folder.glob("traces.sqlite*"):
        file.unlink()
    TraceStore.open(url_of(folder)).close()


def _make_old_backup(folder: Path) -> None:
    """The same of an older version, which is brought up to date beside it first."""
    make_old_backup(folder / "backup")
    TraceStore.open(url_of(folder)).close()


def _make_other_store(folder: Path) -> None:
    """A backup of another store than the one that is there."""
    _make_backup_alone(folder)
    with TraceStore.open(url_of(folder)) as store:
        store.put(make_trace(trace_id=SENT))


def _count(file: Path) -> int:
    """Traces of a store that is not opened; -1 where it is none yet."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as driver, suppress(sqlite3.Error):
        return int(driver.execute("SELECT count(*) FROM traces").fetchone()[0])
    return -1


def _revision(folder: Path) -> str:
    """The schema of a store that is not opened; empty where there is none."""
    if not (folder / "traces.sqlite").exists():
        return ""
    with closing(sqlite3.connect(folder / "traces.sqlite")) as driver, suppress(sqlite3.Error):
        return str(driver.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    return ""


def _open(folder: Path) -> None:
    TraceStore.open(url_of(folder)).close()


def _make_first_store(folder: Path) -> None:
    Migrating().prepare(url_of(folder), folder)


WHOLE = (
    of_store("a backup over an earlier one", _back_up, _backed_up, prepare=_make_backup),
    of_store("a backup restored into an empty store", _restore("empty"), _known, prepare=_make_backup_alone),
    of_store(
        "a backup of an older version restored",
        _restore("empty"),
        lambda store: store.count(),
        prepare=_make_old_backup,
    ),
    of_store("a backup in place of a store", _restore("replace"), _known, prepare=_make_other_store),
    of_store("a backup merged", _restore("merge"), _known, prepare=_make_other_store, in_parts=True),
    Write("a store begun", _open, _revision, needs_room=True),
    Write(
        "a store of the first version brought up to date", _open, _revision, prepare=_make_first_store, needs_room=True
    ),
)
"""All of a store at once."""
