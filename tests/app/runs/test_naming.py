"""Names, notes and tags of runs, and the leaderboard that shows them."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.runs.leaderboard import asked_alone, boards, differs_words, newest_pair, run_before
from app.runs.naming import (
    MOST_NAME,
    MOST_TAGS,
    all_tags,
    name_run,
    note_run,
    run_name,
    run_note,
    run_tags,
    tag_run,
    tagged,
)
from app.runs.record import CELL, STUDY
from metrics.runs import StoredRun
from metrics.store import TraceStore
from pipeline.errors import InputError
from tests.app.runs.test_compared import ABOUT

RUN = StoredRun("aaaa1111", 1_757_000_000.0, "finished", {**ABOUT, "figures": {"correct": 0.8}}, 60)


def made(run_id, at=0.0, right=None, **about):
    figures = {} if right is None else {"figures": {"correct": right}}
    return replace(RUN, run_id=run_id, started_at=RUN.started_at + at, about={**ABOUT, **figures, **about})


def test_a_run_is_named_by_what_it_asked_of_what_how_and_when_until_a_person_names_it():
    assert run_name(RUN) == "builtin on local/embedded, 5 chunks, 4 Sep 15:33"
    assert run_name(made("b", rerank=True, prompt="short@1")) == (
        "builtin on local/embedded, 5 chunks, reranked, prompt short@1, 4 Sep 15:33"
    )
    assert run_name(made("c", cell="k=3\n")) == "builtin on local/embedded, k=3, 4 Sep 15:33"
    assert run_name(made("d", title="Mine")) == "Mine"


@pytest.fixture
def log(tmp_path: Path):
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as store:
        store.runs.start("aaaa1111", ABOUT)
        yield store.runs


def test_names_notes_and_tags_are_kept_changed_and_taken_away(log):
    name_run(log, "aaaa", " A better\nindex ")
    note_run(log, "LAST", " Twice the chunks.\nStill quick. ")
    run = tag_run(log, "aaaa1111", ["new", " new ", "", "for <b>Ada</b>"])
    assert (run_name(run), run_note(run)) == ("A better index", "Twice the chunks.\nStill quick.")
    assert run_tags(run) == ("new", "for <b>Ada</b>")
    log.keep("aaaa1111", [("q1", "t1", {"correct": True})])
    kept = log.find("aaaa1111")
    assert (run_name(kept), kept.about["fingerprint"]) == ("A better index", "f00")
    assert run.shown_version != tag_run(log, "aaaa1111", []).shown_version
    assert run_name(name_run(log, "aaaa1111", "")).startswith("builtin on local/embedded")


def test_what_is_too_long_or_too_much_is_refused_with_its_size(log):
    with pytest.raises(InputError, match="81 characters"):
        name_run(log, "LAST", "x" * (MOST_NAME + 1))
    with pytest.raises(InputError, match="2,001 characters"):
        note_run(log, "LAST", "x" * 2_001)
    with pytest.raises(InputError, match="11 tags"):
        tag_run(log, "LAST", map(str, range(MOST_TAGS + 1)))
    with pytest.raises(InputError, match="31 characters"):
        tag_run(log, "LAST", ["x" * 31])
    with pytest.raises(InputError, match="no run"):
        name_run(log, "ffff", "Mine")


def test_runs_are_filtered_by_all_of_some_tags():
    runs = [made("a", tags=["x", "y"]), made("b", tags=["y"]), made("c")]
    assert all_tags(runs) == ["x", "y"]
    assert [run.run_id for run in tagged(runs, ["y"])] == ["a", "b"]
    assert [run.run_id for run in tagged(runs, ["x", "y"])] == ["a"]
    assert len(tagged(runs, [])) == 3


def test_runs_over_the_same_questions_stand_on_one_board_the_best_first():
    runs = [made("a", right=0.5), made("b"), made("c", right=0.9, top_k=3), made("d", right=1.0, fingerprint="other")]
    [board] = boards(runs)
    assert [run.run_id for run in board.runs] == ["c", "a", "b"]
    assert (board.name, board.best.run_id) == ("builtin, 60 questions · 3 runs", "c")
    assert boards([made("a"), made("b")])[0].best is None


def test_what_sets_a_run_apart_from_the_best_is_told_with_both_values():
    assert differs_words(made("a"), made("b", top_k=3, rerank=True)) == "chunks 3, not 5; reranked yes, not no"
    assert differs_words(made("a"), made("b")) == "nothing that is recorded"


def test_the_newest_run_is_held_against_the_one_before_it_over_the_same_questions():
    runs = [made("d", 3, fingerprint="other"), made("c", 2), made("b", 1), made("a", 0)]
    assert [run.run_id for run in newest_pair(runs)] == ["b", "c"]
    assert run_before(runs[3], runs) is None
    assert newest_pair(runs[:1]) is None


def test_cells_of_a_study_stand_behind_the_runs_that_somebody_began():
    cells = [made(name, place, **{STUDY: "s", CELL: name}) for name, place in (("z", 9), ("y", 8))]
    runs = [*cells, made("b", 1), made("a", 0)]
    assert [run.run_id for run in newest_pair(runs)] == ["a", "b"]
    assert [run.run_id for run in asked_alone(runs)] == ["b", "a"]
    assert [run.run_id for run in newest_pair([*cells, made("b", 1)])] == ["y", "z"]
    assert asked_alone(cells) == cells
