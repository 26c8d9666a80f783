"""Asking every question of a dataset once."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from evaluation.datasets import LabelledQuestion
from evaluation.runner import MOST_FAILURES, MOST_WORKERS, RunProgress, run_questions
from evaluation.scoring import Scored
from pipeline.errors import StoreError, Unavailable
from pipeline.types import Trace
from tests.evaluation.labelled import make_question, make_scored
from tests.factories import make_failed_trace, make_generation, make_trace


class Recorder:
    """Answers every question, and counts what is asked, what is in flight and what is kept."""

    def __init__(self, *, wait_s: float = 0.0, fail: Sequence[str] = (), wrong: Sequence[str] = ()) -> None:
        self.asked: Counter[str] = Counter()
        self.kept: list[Scored] = []
        self.most_in_flight = 0
        self._wait_s, self._fail, self._wrong = wait_s, fail, wrong
        self._in_flight = 0
        self._lock = threading.Lock()

    def ask(self, text: str) -> Trace:
        with self._lock:
            self.asked[text] += 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        time.sleep(self._wait_s)
        with self._lock:
            self._in_flight -= 1
        if text in self._fail:
            return make_failed_trace(question=text)
        answer = "Charles Darwin" if text in self._wrong else "Alfred Wegener"
        return make_trace(question=text, generation=make_generation(answer))

    def ask_all(self, texts: Sequence[str]) -> list[Trace]:
        return [self.ask(text) for text in texts]

    def run(self, questions: Sequence[LabelledQuestion], **options: Any) -> list[RunProgress]:
        return list(run_questions(questions, self.ask_all, self.kept.extend, **options))

    @property
    def kept_ids(self) -> list[str]:
        return sorted(scored.question_id for scored in self.kept)


def questions(count: int) -> list[LabelledQuestion]:
    return [make_question(number) for number in range(count)]


def texts(count: int) -> list[str]:
    return [question.text for question in questions(count)]


def ids(count: int) -> list[str]:
    return sorted(question.question_id for question in questions(count))


@pytest.mark.parametrize("workers", [0, 1, 4, 100])
@pytest.mark.slow
def test_every_question_is_asked_once_and_no_more_at_once_than_allowed(workers: int) -> None:
    recorder = Recorder(wait_s=0.005)
    steps = recorder.run(questions(40), workers=workers)
    assert recorder.asked == Counter(texts(40))
    assert recorder.kept_ids == ids(40)
    assert [step.done for step in steps] == list(range(41))
    assert recorder.most_in_flight <= min(max(workers, 1), MOST_WORKERS)


def test_so_many_questions_are_in_flight_as_there_are_workers() -> None:
    recorder, all_there = Recorder(), threading.Barrier(4)

    def ask(texts: Sequence[str]) -> list[Trace]:
        all_there.wait(timeout=10)  # breaks, and ends the run, unless four are asked at once
        return recorder.ask_all(texts)

    assert list(run_questions(questions(12), ask, recorder.kept.extend, workers=4))[-1].done == 12


def test_one_worker_asks_in_the_order_of_the_dataset() -> None:
    recorder = Recorder()
    recorder.run(questions(12))
    assert list(recorder.asked) == texts(12)


def test_progress_counts_right_and_failed_answers_of_earlier_sittings_too() -> None:
    first, second, third, *_ = texts(5)
    recorder = Recorder(fail=[second], wrong=[third])
    done = [make_scored(3), make_scored(4, correct=False)]
    steps = recorder.run(questions(5), done=done)
    assert [(step.done, step.total, step.correct, step.failed) for step in steps] == [
        (2, 5, 1, 0),
        (3, 5, 2, 0),
        (4, 5, 2, 1),
        (5, 5, 2, 1),
    ]
    assert set(recorder.asked) == {first, second, third}
    assert steps[0].left_s is None
    assert all(step.left_s is not None and step.left_s >= 0 for step in steps[1:])
    assert steps[-1].left_s == 0


def test_nothing_is_asked_where_all_is_done() -> None:
    recorder = Recorder()
    steps = recorder.run(questions(2), done=[make_scored(0), make_scored(1)])
    assert [(step.done, step.total) for step in steps] == [(2, 2)]
    assert not recorder.asked


def test_stop_hands_out_no_more_and_keeps_what_is_in_flight() -> None:
    recorder, stop = Recorder(wait_s=0.01), threading.Event()
    for step in run_questions(questions(40), recorder.ask_all, recorder.kept.extend, workers=4, stop=stop):
        if step.done == 5:
            stop.set()
    assert 5 < len(recorder.kept) < 40
    assert step.done == len(recorder.kept) == recorder.asked.total()
    again = Recorder()
    again.run(questions(40), done=recorder.kept)
    assert recorder.asked + again.asked == Counter(texts(40))


def test_stop_before_the_first_question_asks_nothing() -> None:
    recorder, stop = Recorder(), threading.Event()
    stop.set()
    assert [step.done for step in recorder.run(questions(3), stop=stop)] == [0]
    assert not recorder.asked


@pytest.mark.parametrize("workers", [1, 4])
def test_closing_keeps_what_is_in_flight(workers: int) -> None:
    recorder = Recorder(wait_s=0.01)
    with closing(run_questions(questions(40), recorder.ask_all, recorder.kept.extend, workers=workers)) as steps:
        while next(steps).done < 5:
            pass
    assert recorder.asked.total() == len(recorder.kept) < 40
    assert recorder.kept_ids == sorted(set(recorder.kept_ids))


@pytest.mark.parametrize("workers", [1, 4])
def test_what_asking_raises_ends_the_run_and_the_rest_in_flight_is_kept(workers: int) -> None:
    recorder = Recorder(wait_s=0.01)

    def ask(asked: Sequence[str]) -> list[Trace]:
        traces = recorder.ask_all(asked)
        if texts(40)[6] in asked:
            raise StoreError("The disk is full.")
        return traces

    with pytest.raises(StoreError, match="The disk is full"):
        list(run_questions(questions(40), ask, recorder.kept.extend, workers=workers))
    assert len(recorder.kept) == recorder.asked.total() - 1 < 40
    assert "q6" not in recorder.kept_ids


def test_what_keeping_raises_ends_the_run() -> None:
    recorder = Recorder()

    def keep(scores: Sequence[Scored]) -> None:
        if len(recorder.kept) == 3:
            raise StoreError("The disk is full.")
        recorder.kept.extend(scores)

    with pytest.raises(StoreError, match="The disk is full"):
        list(run_questions(questions(10), recorder.ask_all, keep))
    assert recorder.kept_ids == ids(3)


def test_so_many_failures_in_a_row_end_the_run_with_the_reason() -> None:
    recorder = Recorder(fail=texts(20)[2:])
    with pytest.raises(Unavailable, match=rf"{MOST_FAILURES} questions in a row failed.*deadline passed"):
        recorder.run(questions(20))
    assert recorder.kept_ids == ids(2 + MOST_FAILURES)


def test_failures_with_an_answer_in_between_do_not_end_the_run() -> None:
    all_texts = texts(4 * MOST_FAILURES)
    recorder = Recorder(fail=[text for place, text in enumerate(all_texts) if place % MOST_FAILURES])
    steps = recorder.run(questions(4 * MOST_FAILURES))
    assert steps[-1].failed == 4 * (MOST_FAILURES - 1)


def test_failures_of_an_earlier_sitting_do_not_count_towards_the_row() -> None:
    recorder = Recorder(fail=texts(8)[7:])
    done = [make_scored(number, failed=True, correct=False) for number in range(7)]
    assert recorder.run(questions(8), done=done)[-1].failed == 8


@pytest.mark.parametrize(("batch", "handed_out"), [(1, 40 * [1]), (16, [16, 16, 8]), (100, [40])])
def test_a_batch_is_handed_out_at_once_and_kept_at_once(batch: int, handed_out: list[int]) -> None:
    recorder, asked, kept = Recorder(), [], []

    def ask(texts: Sequence[str]) -> list[Trace]:
        asked.append(len(texts))
        return recorder.ask_all(texts)

    steps = list(run_questions(questions(40), ask, kept.append, batch=batch))
    assert asked == handed_out == [len(scores) for scores in kept]
    assert [each.question_id for scores in kept for each in scores] == [each.question_id for each in questions(40)]
    assert [step.done for step in steps] == [0, *np.cumsum(handed_out)]


def test_a_batch_that_is_in_flight_when_a_run_is_closed_is_kept_whole() -> None:
    recorder = Recorder(wait_s=0.002)
    with closing(run_questions(questions(40), recorder.ask_all, recorder.kept.extend, batch=8, workers=2)) as steps:
        while next(steps).done < 8:
            pass
    assert recorder.asked.total() == len(recorder.kept) < 40
    assert len(recorder.kept) % 8 == 0


@pytest.mark.slow
def test_time_that_a_caller_keeps_the_run_waiting_is_not_its_pace() -> None:
    """A pause of half a second a question would estimate the last nine at 4.5 s; asking takes a millisecond each."""
    recorder = Recorder(wait_s=0.001)
    steps = run_questions(questions(10), recorder.ask_all, recorder.kept.extend)
    next(steps)
    time.sleep(0.5)
    left_s = next(steps).left_s
    assert left_s is not None
    assert left_s < 0.5 * 9
    steps.close()


def test_failures_in_a_row_are_counted_over_batches() -> None:
    recorder = Recorder(fail=texts(MOST_FAILURES + 1)[1:])
    with pytest.raises(Unavailable, match="in a row failed"):
        recorder.run(questions(40), batch=3)
    assert len(recorder.kept) == 6
