"""Results of stability that are kept, and what is said of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.stability.kept import KeptStability
from app.stability.perturbed import StabilityPlan, StabilityStep
from app.stability.perturbed_words import (
    NONE_KEPT,
    ahead_words,
    chosen_variants,
    headline,
    heat_rows,
    kept_text,
    sides_words,
)
from evaluation.agreement import Agreement
from evaluation.datasets import LabelledQuestion
from evaluation.stability import QuestionStability, Variant, summarise_stability
from metrics.store import TraceStore
from pipeline.errors import InputError, StoreError
from tests.factories import make_trace

PLAN = StabilityPlan("builtin", "fake", 5, 60.0, kinds=("typo", "chunk dropped"))


def variant(kind="typo", changed=False, right=True):
    agreement = Agreement(0.8, 0.7, 0.9, None) if kind == "typo" else None
    return Variant(kind, "Whoo?", agreement, "Wegener", False, right, 0.0 if changed else 1.0, False, 0.0)


RESULTS = [
    QuestionStability(LabelledQuestion("q1", "Who?", ("Wegener",), "a", "PERSON"), "Wegener", True, (variant(),)),
    QuestionStability(
        LabelledQuestion("q2", "When? “ü”", ("1912", "in 1912"), "b", "DATE"),
        "1912",
        True,
        (variant("typo", True, False), variant("chunk dropped", True), variant("chunk dropped")),
        {"distractor added": "There is none."},
    ),
]
STEP = StabilityStep("builtin", 650, 2, 12, 3.5, RESULTS)


@pytest.fixture
def kept(tmp_path: Path) -> KeptStability:
    return KeptStability(tmp_path)


def test_a_result_is_read_as_it_was_kept(kept: KeptStability) -> None:
    assert (kept.listed(), kept_text(kept.listed())) == ([], NONE_KEPT)
    told = kept.keep(PLAN, STEP)
    assert kept.find(told.kept_id) == (PLAN, replace(STEP, left_s=0.0))
    assert (told.variants, told.same, told.asked) == (4, 2, 2)


def test_more_of_a_result_takes_the_place_of_what_was_kept(kept: KeptStability) -> None:
    told = kept.keep(PLAN, replace(STEP, results=RESULTS[:1]))
    before = kept.version(told.kept_id)
    kept.keep(PLAN, STEP, told.kept_id)
    assert [(each.kept_id, each.asked) for each in kept.listed()] == [(told.kept_id, 2)]
    assert kept.version(told.kept_id) > before > kept.version("ffffffff") == 0


def test_results_are_listed_the_newest_first_until_they_are_removed(kept: KeptStability) -> None:
    first, second = kept.keep(PLAN, STEP), kept.keep(PLAN, replace(STEP, total=9))
    assert kept.listed() == [second, first]
    assert "50 % the same  2 of 9 questions of builtin, fake, 5 chunks" in kept_text(kept.listed()).splitlines()[0]
    kept.remove(second.kept_id)
    assert kept.listed() == [first]
    with pytest.raises(InputError, match="raglass stability list"):
        kept.remove(second.kept_id)


@pytest.mark.parametrize("name", ["../../etc", "ffffffff", "", "x" * 200])
def test_what_is_no_result_is_said_with_where_to_look(kept: KeptStability, name: str) -> None:
    with pytest.raises(InputError, match="raglass stability list"):
        kept.find(name)


def test_a_damaged_result_is_left_out_of_the_list_and_said_to_be_damaged(kept: KeptStability, tmp_path: Path) -> None:
    told = kept.keep(PLAN, STEP)
    (tmp_path / "stability" / f"{told.kept_id}.jsonl").write_text("{", "utf-8")
    assert kept.listed() == []
    with pytest.raises(StoreError, match="cannot be read"):
        kept.find(told.kept_id)


def test_the_headline_says_how_many_answers_stayed_and_what_moved_them() -> None:
    assert headline(RESULTS, summarise_stability(RESULTS)) == (
        "2 of 4 answers stayed the same (50 %). Moved most by: typo (50 % changed) and chunk dropped (50 % changed)."
    )
    assert headline(RESULTS[:1], summarise_stability(RESULTS[:1])) == "All 1 answers stayed the same."
    assert headline([], []) == "No variant was answered."
    assert sides_words(RESULTS) == "Of the 2 that changed, 1 are no longer right, and 0 are right that were not."
    assert sides_words(RESULTS[:1]) == ""


def test_the_headline_counts_what_moved_answers_as_often_as_the_last_that_it_names() -> None:
    kinds = ("typo", "chunk dropped", "chunk order", "synonym", "stop words")
    moved = [replace(RESULTS[1], variants=tuple(variant(kind, True) for kind in kinds))]
    assert headline(moved, summarise_stability(moved)).endswith("(100 % changed) and 2 more alike.")


def test_the_headline_names_the_same_figures_as_the_chart() -> None:
    uneven = [replace(RESULTS[0], variants=(variant(),)), replace(RESULTS[1], variants=(variant("typo", True),) * 3)]
    cells = summarise_stability(uneven)
    _, types, values = heat_rows(cells, "answer changed")
    assert (types[0], values[0][0]) == ("all", 0.5)  # a question with more variants than another counts no more than it
    assert "typo (50 % changed)" in headline(uneven, cells)


def test_what_is_ahead_is_counted_and_timed_before_it_is_begun(tmp_path: Path) -> None:
    store = TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}")
    plan = replace(PLAN, limit=10, variants=3)
    assert ahead_words(store, plan).startswith(
        "10 questions as they stand, and in 2 ways × 3 variants: at most 70 answers. How long 70 answers will take is not known"
    )
    store.put(make_trace(backend="fake", duration_ms=2_000.0))
    assert "About 2 min for 70 answers, by the newest 1 trace of fake." in ahead_words(store, plan)
    store.close()


def test_a_cell_holds_the_variants_of_its_kind_and_type_those_that_changed_first() -> None:
    dropped = chosen_variants(RESULTS, "chunk dropped", "DATE", changed=False)
    assert [each.variant.changed for each in dropped] == [True, False]
    assert len(chosen_variants(RESULTS, None, "all", changed=True)) == 2
    assert chosen_variants(RESULTS, "typo", "PERSON", changed=True) == []
