"""Lengths, types, shared words and windows, against figures worked out by hand and by scipy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from evaluation.lab.profile import (
    BINS,
    count_shares,
    find_extremes,
    measure_fit,
    measure_lengths,
    measure_overlap,
    wilson_interval,
)
from pipeline.types import Chunk
from tests.evaluation.labelled import make_question


def make_chunk(document: str, text: str, number: int = 1) -> Chunk:
    return Chunk(f"{document}-{number}", document, document, text, 0.0, 1)


@pytest.mark.parametrize("longest", [1, 7, 19, 20, 300])
def test_lengths_are_numpys_and_every_text_stands_in_a_bar(longest: int) -> None:
    sizes = [*range(1, longest + 1), 10 * longest]
    found = measure_lengths("chunk", [" ".join(["word"] * size) for size in sizes])
    assert found is not None
    assert (found.texts, found.least, found.most) == (len(sizes), 1, 10 * longest)
    assert (found.median, found.mean, found.p95) == (np.median(sizes), np.mean(sizes), np.percentile(sizes, 95))
    assert sum(found.counts) == len(sizes)
    assert len(found.counts) <= BINS
    assert found.counts[0] == sum(size < found.width for size in sizes)


def test_no_text_has_no_length() -> None:
    assert measure_lengths("answer", []) is None


@pytest.mark.slow
def test_words_of_a_script_without_spaces_are_counted() -> None:
    found = measure_lengths("question", ["大陸はゆっくりと移動する"])
    assert found is not None
    assert found.most > 3


@pytest.mark.parametrize(("many", "longest", "shortest"), [(1, 1, 0), (2, 1, 1), (5, 3, 2), (20, 3, 3)])
def test_a_text_is_the_longest_or_the_shortest_and_never_both(many: int, longest: int, shortest: int) -> None:
    texts = [(f"t{size}", " ".join(["word"] * size)) for size in range(1, many + 1)]
    found = find_extremes("chunk", texts)
    assert [each.words for each in found if each.which == "longest"] == list(range(many, many - longest, -1))
    assert [each.words for each in found if each.which == "shortest"] == list(range(1, shortest + 1))
    assert len({each.text_id for each in found}) == len(found)


def test_types_are_counted_with_their_answerable_share_and_summed_up_in_groups() -> None:
    questions = [
        make_question(1, type="DATE", answers=("in 1912", "1912")),
        make_question(2, type="DATE", answers=()),
        make_question(3, type="PERSON"),
        make_question(4, type="REASON"),
        make_question(5, type=""),
        make_question(6, type="OWN"),
    ]
    types, groups = count_shares(questions)
    assert {each.name: (each.questions, each.answerable, each.group) for each in types} == {
        "DATE": (2, 1, "named things"),
        "PERSON": (1, 1, "named things"),
        "REASON": (1, 1, "reasons and opinions"),
        "untyped": (1, 1, ""),
        "OWN": (1, 1, ""),
    }
    assert types[0].answer_words == 2
    assert {each.name: each.questions for each in groups} == {"named things": 3, "reasons and opinions": 1}


def test_overlap_is_the_share_of_content_stems_in_the_best_gold_chunk() -> None:
    chunks = [
        make_chunk("drift", "Alfred Wegener drew maps.", 1),
        make_chunk("drift", "Continental drifting was proposed by Alfred Wegener.", 2),
        make_chunk("drift", "Who proposed continental drift in 1912 is known.", 3),
        make_chunk("heart", "The heart pumps blood."),
    ]
    question = make_question(1, text="Who proposed continental drift in 1912?", article="drift")
    whole, person = measure_overlap([question], chunks)
    assert whole.gold.value == pytest.approx(3 / 4)  # propose, continental and drift, not 1912, of the second chunk
    assert whole.other.value == 0.0
    assert (whole.name, person.name, person.gold.value) == ("all", "PERSON", whole.gold.value)


def test_questions_without_a_known_chunk_count_for_no_overlap() -> None:
    chunks = [make_chunk("drift", "Alfred Wegener.")]
    lost = [
        make_question(1, article="another"),
        make_question(2, article="drift", answers=("Marie Tharp",)),
        make_question(3, article="drift", answers=()),
        make_question(4, article="drift", text="Who was it?"),
    ]
    assert measure_overlap(lost, chunks) == []
    [whole, _] = measure_overlap([make_question(5, article="drift")], chunks)
    assert whole.other.value is None


def test_what_is_longer_than_the_window_does_not_fit() -> None:
    found = measure_fit("model", "chunk", 512, [100, 511, 512, 513, 2000], counted=True, drawn=False)
    assert found is not None
    assert (found.beyond, found.low, found.high, found.median, found.most) == (0.4, 0.4, 0.4, 512, 2000)
    assert measure_fit("model", "chunk", 512, [], counted=True, drawn=False) is None


@pytest.mark.parametrize(("hits", "trials"), [(0, 500), (3, 500), (250, 500), (500, 500), (1, 1)])
def test_interval_of_a_drawn_share_is_scipys_wilson(hits: int, trials: int) -> None:
    expected = binomtest(hits, trials).proportion_ci(method="wilson")
    assert wilson_interval(hits, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)
