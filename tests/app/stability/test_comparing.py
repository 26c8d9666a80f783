"""Comparisons of drift in the background: told step by step, stopped at the next one, and what came of them."""

import threading
from collections.abc import Generator

import numpy as np
import pytest

from app.stability.comparing import Comparisons, compare_on
from app.stability.drift import TooFew
from app.stability.steps import BATCH, embed_in_batches, finish
from pipeline.errors import InputError

WAIT_S = 30


def counting(total: int, closed: list[bool]) -> Generator[tuple[int, int], None, str]:
    try:
        for done in range(1, total + 1):
            yield done, total
        return "found"
    finally:
        closed.append(True)


def test_every_step_is_told_and_the_last_has_what_was_found() -> None:
    told = list(compare_on(counting(2, []), threading.Event()))
    assert [(step.done, step.total, step.found) for step in told] == [(1, 2, None), (2, 2, None), (2, 2, "found")]
    assert len({step.run_id for step in told}) == 1


def test_what_is_stopped_ends_at_the_next_step_and_finds_nothing() -> None:
    stop, closed = threading.Event(), []
    steps = compare_on(counting(9, closed), stop)
    assert next(steps).done == 1
    stop.set()
    assert list(steps) == []
    assert closed == [True]


def test_too_few_questions_are_told_at_the_end_and_are_no_failure() -> None:
    def steps() -> Generator[tuple[int, int], None, str]:
        yield 1, 2
        raise TooFew("Ask more.")

    *_, last = compare_on(steps(), threading.Event())
    assert (last.found, last.lacking) == (None, "Ask more.")


def test_one_of_each_kind_goes_on_at_a_time_and_closing_ends_both() -> None:
    comparisons = Comparisons()

    def waiting(stop: threading.Event) -> Generator[object, None, None]:
        stop.wait(WAIT_S)
        yield from ()

    comparisons.questions.start(waiting)
    comparisons.indexes.start(waiting)
    with pytest.raises(InputError, match="A comparison is going on"):
        comparisons.questions.start(waiting)
    comparisons.close(WAIT_S)
    assert not any(jobs.job is not None and jobs.job.running for jobs in (comparisons.questions, comparisons.indexes))


def test_texts_are_embedded_in_order_and_told_batch_by_batch() -> None:
    told: list[tuple[int, int]] = []
    texts = [str(number) for number in range(BATCH + 1)]
    steps = embed_in_batches(
        texts, lambda some: np.array([[float(each)] for each in some], np.float32), before=3, whole=40
    )
    vectors = finish(steps, lambda done, total: told.append((done, total)))
    assert vectors.tolist() == [[float(number)] for number in range(BATCH + 1)]
    assert told == [(3 + BATCH, 40), (3 + BATCH + 1, 40)]
