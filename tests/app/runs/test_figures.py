"""Figures of runs that were kept before a list showed them."""

from dataclasses import replace

import pytest

from app.runs.figures import MOST_AT_ONCE, fill_figures
from metrics.runs import RunLog
from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.app.runs.test_compared import ABOUT
from tests.evaluation.labelled import make_scored

SCORES = [
    make_scored(1),
    make_scored(2, correct=False, answer="Darwin"),
    make_scored(3, correct=False, abstained=True, answer=""),
    make_scored(4),
]


@pytest.fixture
def log(tmp_path):
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        yield store.runs


def keep(log: RunLog, run_id: str, status: str = "finished", **figures: float) -> None:
    log.start(run_id, {**ABOUT, **({"figures": figures} if figures else {})})
    log.keep(run_id, [(each.question_id, each.trace_id, each.to_dict()) for each in SCORES])
    log.set_status(run_id, status)


def test_what_an_older_run_lacks_is_worked_out_of_its_answers_and_kept(log: RunLog):
    keep(log, "aaaa1111", correct=0.5, low=0.1, high=0.9)
    (run,) = fill_figures(log, log.newest())
    assert [run.about["figures"][name] for name in ("correct", "wrong", "abstained")] == [0.5, 0.25, 0.25]
    assert log.find("aaaa1111").about["figures"] == run.about["figures"]
    assert run.version == log.find("aaaa1111").version


def test_a_run_that_goes_on_or_has_no_answer_is_left_alone(log: RunLog):
    keep(log, "aaaa1111", status="running")
    log.start("bbbb2222", ABOUT)
    assert fill_figures(log, log.newest()) == log.newest()


def test_many_are_worked_out_over_several_readings(log: RunLog):
    for number in range(MOST_AT_ONCE + 1):
        keep(log, f"aaaa111{number}")
    assert sum("figures" in run.about for run in fill_figures(log, log.newest())) == MOST_AT_ONCE
    assert all("figures" in run.about for run in fill_figures(log, log.newest()))


def test_figures_that_cannot_be_kept_are_shown_all_the_same(log: RunLog, monkeypatch: pytest.MonkeyPatch):
    keep(log, "aaaa1111")

    def full(*_: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(log, "note", full)
    (run,) = fill_figures(log, log.newest())
    assert run.about["figures"]["wrong"] == 0.25


@pytest.mark.slow
def test_an_answer_that_cannot_be_read_leaves_its_run_as_it_is(log: RunLog):
    keep(log, "aaaa1111")
    log.keep("aaaa1111", [("q9", "t9", {"correct": True})])
    (run,) = log.newest()
    assert fill_figures(log, [run]) == [replace(run)]
