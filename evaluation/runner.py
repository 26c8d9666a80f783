"""Asks every question of a dataset once, and keeps each answer as it comes, so that a run can be stopped, killed and gone on with.

Owns the order and what is left to do. Refuses to know where answers come from or where they are kept.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from evaluation.datasets import LabelledQuestion
from evaluation.scoring import Scored, score_trace
from pipeline.errors import Unavailable
from pipeline.types import Trace

POLL_S = 0.2
"""How often a stop is noticed while an answer is waited for."""

MOST_WORKERS = 16

MOST_FAILURES = 5
"""Questions that may fail in a row; then the backend is taken to be down."""


Flying = dict[Future[list[Trace]], Sequence[LabelledQuestion]]
"""Batches in flight."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a run is."""

    done: int
    """Questions answered, those of earlier sittings among them."""
    total: int
    """Questions in all."""
    correct: int
    """Right answers among those done."""
    failed: int
    """Failed questions among those done."""
    left_s: float | None
    """Seconds until the end at this sitting's pace; None before the first answer."""


@dataclass(slots=True)
class _Tally:
    total: int
    done: int = 0
    correct: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    answered_now: int = 0
    spent_s: float = 0.0
    resumed: float = field(default_factory=time.monotonic)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While it is somebody else's turn: what that takes, a pause say, is not the pace."""
        self.spent_s += time.monotonic() - self.resumed
        yield
        self.resumed = time.monotonic()

    def add(self, scored: Scored, *, now: bool = True) -> None:
        self.done += 1
        self.answered_now += now
        self.correct += scored.correct
        self.failed += scored.failed
        self.failed_in_a_row = self.failed_in_a_row + 1 if scored.failed and now else 0

    def progress(self) -> RunProgress:
        spent_s = self.spent_s + time.monotonic() - self.resumed
        pace = spent_s / self.answered_now if self.answered_now else None
        left = None if pace is None else pace * (self.total - self.done)
        return RunProgress(self.done, self.total, self.correct, self.failed, left)


def run_questions(
    questions: Sequence[LabelledQuestion],
    ask: Callable[[Sequence[str]], list[Trace]],
    keep: Callable[[Sequence[Scored]], None],
    *,
    done: Sequence[Scored] = (),
    workers: int = 1,
    batch: int = 1,
    stop: threading.Event | None = None,
) -> Generator[RunProgress, None, None]:
    """Ask what is not `done` yet, keep each batch's scores as soon as they are known, and yield the progress: first as it stands, then
    after each batch.

    ask: the traces of a batch's answers, in order, which it stores; what it raises ends the run, and what was kept stays.
    However a run ends, closing it included, what is in flight is waited for and kept. Nothing more is handed out while a caller keeps
    the progress to itself, which pauses the run.
    workers: batches in flight at once, 1 to MOST_WORKERS. stop: set from outside, ends the run once those in flight are answered.
    Raises Unavailable after MOST_FAILURES failed questions in a row.
    """
    tally = _Tally(len(questions))
    for scored in done:
        tally.add(scored, now=False)
    with tally.waiting():
        yield tally.progress()
    batches = _unanswered(questions, done, batch)
    workers = max(1, min(workers, MOST_WORKERS))
    flying: Flying = {}
    with ThreadPoolExecutor(workers, "run") as pool:
        try:
            for scores in _answer(pool, workers, batches, ask, stop or threading.Event(), flying):
                keep(scores)
                for scored in scores:
                    tally.add(scored)
                with tally.waiting():
                    yield tally.progress()
                if tally.failed_in_a_row >= MOST_FAILURES:
                    raise Unavailable(
                        f"{MOST_FAILURES} questions in a row failed; the run stopped. {scores[-1].problem}"
                    )
        finally:
            pool.shutdown(wait=True)
            for future, asked in flying.items():
                if future.exception() is None:
                    keep(_score(asked, future.result()))


def _unanswered(
    questions: Sequence[LabelledQuestion], done: Sequence[Scored], batch: int
) -> list[Sequence[LabelledQuestion]]:
    """The questions that are not done yet, in batches."""
    known = {scored.question_id for scored in done}
    todo = [question for question in questions if question.question_id not in known]
    return [todo[start : start + batch] for start in range(0, len(todo), max(1, batch))]


def _answer(
    pool: ThreadPoolExecutor,
    workers: int,
    batches: Sequence[Sequence[LabelledQuestion]],
    ask: Callable[[Sequence[str]], list[Trace]],
    stopped: threading.Event,
    flying: Flying,
) -> Iterator[list[Scored]]:
    """Scores as they come. Where several are in flight, those that have ended are replaced before they are scored: nobody waits for that.

    No more batches are handed out than can be in flight, so that stopping loses none.
    """
    waiting = iter(batches)
    finished: Sequence[Future[list[Trace]]] = ()

    def hand_out(ended: int) -> None:
        while len(flying) - ended < workers and not stopped.is_set() and (asked := next(waiting, None)) is not None:
            flying[pool.submit(ask, [question.text for question in asked])] = asked

    while True:
        if workers > 1:
            hand_out(len(finished))
        for future in finished:
            yield _score(flying.pop(future), future.result())
        hand_out(0)
        if not flying:
            return
        finished = list(wait(flying, timeout=POLL_S, return_when=FIRST_COMPLETED).done)


def _score(asked: Sequence[LabelledQuestion], traces: Sequence[Trace]) -> list[Scored]:
    return [score_trace(question, trace) for question, trace in zip(asked, traces, strict=True)]
