"""`RunLog`: batch evaluations and their answers, each answer durable as soon as it is kept. Refuses to know what a score means."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from metrics import search
from metrics.database import Database
from metrics.tables import calibrations, run_answers, runs
from pipeline.errors import InputError

Status = Literal["running", "stopped", "finished", "failed"]

LAST = "LAST"
"""In place of an id: the run that was started last."""


Answer = tuple[str, str, Mapping[str, Any]]
"""Question id, trace id and score, JSON-ready."""


TEXTS = ("question", "answer", "problem")
"""Fields of a score that hold what was asked and said, and are masked."""

REVISION = "revision"
"""In `about`: how often answers were kept."""

TITLE, NOTE, TAGS = "title", "note", "tags"
"""In `about`: what people call a run, note of it, and file it under. They are masked."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it is kept."""

    run_id: str
    """Eight hexadecimal digits or more."""
    started_at: float
    """Seconds since the epoch, UTC."""
    status: str
    """`running`, `stopped`, `finished` or `failed`; one whose process was killed stays `running`."""
    about: Mapping[str, Any]
    """Dataset, backend, settings, versions: what would be needed to run it again."""
    answers: int
    """Answers that are kept."""

    @property
    def version(self) -> str:
        """Changes whenever the run or its answers do."""
        return f"{self.about.get(REVISION, 0)} {self.answers} {self.status}"

    @property
    def shown_version(self) -> str:
        """Changes also when people call it otherwise, or say something else of it."""
        return f"{self.version} {[self.about.get(name) for name in (TITLE, NOTE, TAGS)]}"


class RunLog:
    """Runs in a trace store's database. Every error is a StoreError."""

    def __init__(
        self,
        database: Database,
        explained: Callable[[], AbstractContextManager[None]],
        mask: Callable[[str], str] = str,
    ) -> None:
        """mask: what a text goes through before it is kept."""
        self._database, self._explained, self._mask = database, explained, mask

    def start(self, run_id: str, about: Mapping[str, Any]) -> None:
        """Note that a run begins."""
        row = {"run_id": run_id, "started_at": time.time(), "status": "running", "about": _pack(about)}
        with self._explained(), self._database.writing() as connection:
            connection.execute(insert(runs).values(row))

    def set_status(self, run_id: str, status: Status) -> None:
        """Note how a run stands."""
        with self._explained(), self._database.writing() as connection:
            connection.execute(update(runs).where(runs.c.run_id == run_id).values(status=status))

    def note(self, run_id: str, found: Mapping[str, Any]) -> None:
        """Add to what is known of a run: what it came to, say, so that a list of runs need not read their answers."""
        with self._explained(), self._database.writing() as connection:
            _write(connection, run_id, {**_read(connection, run_id), **found, **self._written(found)})

    def _written(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What people wrote among what is noted, masked."""
        texts = {name: self._mask(found[name]) for name in (TITLE, NOTE) if name in found}
        return {**texts, **({TAGS: list(map(self._mask, found[TAGS]))} if TAGS in found else {})}

    def keep(self, run_id: str, answers: Sequence[Answer]) -> None:
        """Keep answers, all or none, each in place of an earlier one to the same question."""
        rows = {
            (key := search.storable(question_id)): {
                "run_id": run_id,
                "question_id": key,
                "trace_id": trace_id,
                "score": _pack(
                    {**score, **{name: self._mask(score[name]) for name in TEXTS if isinstance(score.get(name), str)}}
                ),
            }
            for question_id, trace_id, score in answers
        }
        if not rows:
            return
        with self._explained(), self._database.writing() as connection:
            connection.execute(_FORGET, [{"run": run_id, "question": key} for key in rows])
            connection.execute(insert(run_answers), list(rows.values()))
            about = _read(connection, run_id)
            _write(connection, run_id, {**about, REVISION: about.get(REVISION, 0) + 1})

    def find(self, run_id: str) -> StoredRun:
        """A run by its id, the beginning of its id, or LAST. Raises InputError where none or several match."""
        run_id = search.storable(run_id)
        with self._explained(), self._database.engine.connect() as connection:
            chosen = _select_runs().order_by(runs.c.started_at.desc())
            if run_id != LAST:
                chosen = chosen.where(runs.c.run_id.startswith(run_id, autoescape=True))
            found = connection.execute(chosen.limit(1 if run_id == LAST else 2)).all()
        if len(found) != 1:
            what = "no run" if not found else "more than one run"
            raise InputError(f"There is {what} {run_id[:64]!r}. `raglass eval list` lists them.")
        return _to_run(found[0])

    def newest(self, limit: int = 100) -> list[StoredRun]:
        """The newest runs."""
        with self._explained(), self._database.engine.connect() as connection:
            return [
                _to_run(row)
                for row in connection.execute(_select_runs().order_by(runs.c.started_at.desc()).limit(limit))
            ]

    def scores(self, run_id: str) -> list[dict[str, Any]]:
        """The answers of a run, by question id."""
        chosen = select(run_answers.c.score).where(run_answers.c.run_id == run_id).order_by(run_answers.c.question_id)
        with self._explained(), self._database.engine.connect() as connection:
            return [_unpack(score) for score in connection.scalars(chosen)]

    def score_of(self, trace_id: str) -> dict[str, Any] | None:
        """The score of a trace that a run made; None for any other."""
        chosen = select(run_answers.c.score).where(run_answers.c.trace_id == search.storable(trace_id)).limit(1)
        with self._explained(), self._database.engine.connect() as connection:
            found = connection.scalar(chosen)
        return None if found is None else _unpack(found)

    def run_of(self, trace_id: str) -> str | None:
        """The run that made a trace; None for any other trace."""
        chosen = select(run_answers.c.run_id).where(run_answers.c.trace_id == search.storable(trace_id)).limit(1)
        with self._explained(), self._database.engine.connect() as connection:
            found: str | None = connection.scalar(chosen)
        return found

    def keep_calibration(self, answered_by: str, run_id: str, fitted: Mapping[str, Any]) -> None:
        """Keep a calibration of what answered, in place of an earlier one."""
        with self._explained(), self._database.writing() as connection:
            connection.execute(delete(calibrations).where(calibrations.c.answered_by == answered_by))
            connection.execute(
                insert(calibrations).values(answered_by=answered_by, run_id=run_id, fitted=_pack(fitted))
            )

    def calibration(self, answered_by: str) -> dict[str, Any] | None:
        """The calibration of what answered; None if there is none."""
        with self._explained(), self._database.engine.connect() as connection:
            found = connection.scalar(select(calibrations.c.fitted).where(calibrations.c.answered_by == answered_by))
        return None if found is None else _unpack(found)


_FORGET = delete(run_answers).where(
    run_answers.c.run_id == bindparam("run"), run_answers.c.question_id == bindparam("question")
)


def _read(connection: Connection, run_id: str) -> dict[str, Any]:
    """What is known of a run, held until the transaction ends; nothing of one that does not exist."""
    about = connection.scalar(select(runs.c.about).where(runs.c.run_id == run_id).with_for_update())
    return {} if about is None else _unpack(about)


def _write(connection: Connection, run_id: str, about: Mapping[str, Any]) -> None:
    connection.execute(update(runs).where(runs.c.run_id == run_id).values(about=_pack(about)))


def _select_runs() -> Any:
    counted = select(func.count()).where(run_answers.c.run_id == runs.c.run_id).scalar_subquery()
    return select(runs, counted.label("answers"))


def _to_run(row: Any) -> StoredRun:
    return StoredRun(row.run_id, row.started_at, row.status, _unpack(row.about), row.answers)


def _pack(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data).encode()


def _unpack(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data)
    return found
