"""Runs and their answers, in either database."""

import pytest

from metrics.store import TraceStore
from pipeline.errors import InputError

ABOUT = {"dataset": "builtin", "backend": "fake", "questions": 3}


def test_a_run_is_found_by_its_id_by_how_that_begins_and_as_the_last(store: TraceStore) -> None:
    log = store.runs
    for run_id in ("aaaa1111", "aaab2222", "cccc3333"):
        log.start(run_id, ABOUT)
    log.set_status("aaaa1111", "finished")
    assert log.find("aaaa1").status == "finished"
    assert log.find("LAST").run_id == "cccc3333"
    assert log.find("cccc3333").about == ABOUT
    assert [run.run_id for run in log.newest(2)] == ["cccc3333", "aaab2222"]
    for unknown in ("aaa", "dddd", "%"):
        with pytest.raises(InputError, match="raglass eval list"):
            log.find(unknown)


def test_what_a_run_came_to_is_kept_beside_what_it_was(store: TraceStore) -> None:
    log = store.runs
    log.start("aaaa1111", ABOUT)
    log.note("aaaa1111", {"figures": {"correct": 0.5}})
    log.note("aaaa1111", {"figures": {"correct": 0.75}})
    log.note("bbbb", {"figures": {"correct": 1.0}})
    assert log.find("aaaa1111").about == {**ABOUT, "figures": {"correct": 0.75}}
    assert len(log.newest()) == 1


def test_answers_are_kept_once_each_the_last_one_counts(store: TraceStore) -> None:
    log = store.runs
    log.start("aaaa1111", ABOUT)
    log.keep("aaaa1111", [("q2", "t1", {"correct": False}), ("q1", "t2", {"correct": True})])
    log.keep("aaaa1111", [("q2", "t3", {"correct": True, "answer": "\ud83e <b>"})])
    log.keep("bbbb", [("q1", "t4", {"correct": False})])
    log.keep("bbbb", [])
    assert log.scores("aaaa1111") == [{"correct": True}, {"correct": True, "answer": "\ud83e <b>"}]
    assert log.find("aaaa1111").answers == 2
    assert log.score_of("t3") == {"correct": True, "answer": "\ud83e <b>"}
    assert log.score_of("t1") is log.score_of("a\0b") is None


def test_a_runs_version_changes_with_its_answers_and_its_status_and_only_then(store: TraceStore) -> None:
    log = store.runs
    log.start("aaaa1111", ABOUT)
    seen = [log.find("aaaa1111").version]

    def changed() -> bool:
        seen.append(log.find("aaaa1111").version)
        return seen[-1] not in seen[:-1]

    assert not changed()
    log.keep("aaaa1111", [("q1", "t1", {"type": "PERSON"})])
    assert changed()
    log.keep("aaaa1111", [("q1", "t1", {"type": "ENTITY"})])  # as long as what it takes the place of
    assert changed()
    log.set_status("aaaa1111", "finished")
    assert changed()
    log.keep("bbbb", [("q1", "t1", {"type": "PERSON"})])
    assert not changed()


def test_the_last_calibration_of_what_answered_counts(store: TraceStore) -> None:
    log = store.runs
    assert log.calibration("fake") is None
    log.keep_calibration("fake", "aaaa", {"fitted": 1})
    log.keep_calibration("fake", "bbbb", {"fitted": 2})
    log.keep_calibration("other", "bbbb", {"fitted": 3})
    assert log.calibration("fake") == {"fitted": 2}
