"""An explanation in words: what a difference of nats comes to, tokens with their spaces, and which pair stands out."""

import re
from dataclasses import replace

import numpy as np
import pytest

from app.explaining.belief import belief
from app.explaining.printed import explanation_text
from app.explaining.words import (
    Bar,
    bars,
    chunk_marks,
    colour_limit_nats,
    nats,
    pairs_note,
    pairs_title,
    probable,
    reliance_words,
    spoken_tokens,
    telling_sentences,
    token_marks,
    weights_title,
)
from explain.explanation import Explanation
from explain.lattice import Lattice
from explain.sampled import Ablations, SampledExplanation, ablation_masks
from explain.sources import Unit, split_sources
from pipeline.types import Chunk, Generation, Trace

CHUNKS = tuple(Chunk(f"c{n}", "d", f"Title {n}", "Text.", 0.9, n) for n in (1, 2))


def explanation(values: list[float]) -> Explanation:
    """An answer of one token, by the value of no chunk, the first, the second, both."""
    trace = Trace("0" * 32, "Who?", "fake", 1.0, 1.0, CHUNKS, Generation("Ada", (), 0, "stop"), ())
    return Explanation(trace, "Ada", CHUNKS, Lattice(("c1", "c2"), ("Ada",), np.array(values, float)[:, None]))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.log(12.5), "12.5 times as probable"),
        (np.log(0.25), "4.00 times less probable"),
        (13.7, "891,000 times as probable"),  # e^13.7 = 890,911
        (14.0, "more than a million times as probable"),
        (np.log(1e-6), "a million times less probable"),
        (-20.0, "more than a million times less probable"),
        (800.0, "more than a million times as probable"),
    ],
)
def test_nats_are_said_as_a_factor(value: float, words: str) -> None:
    assert probable(value) == words


def test_a_factor_says_what_it_is_compared_with() -> None:
    assert reliance_words(explanation([-1, -1, -1, -1 + np.log(2)])).startswith(
        "With all chunks the answer is 2.00 times as probable as without any:"
    )
    assert reliance_words(explanation([-1, -1, -1, -1 - np.log(2)])).startswith(
        "With all chunks the answer is 2.00 times less probable than without any:"
    )


def test_differences_carry_their_sign() -> None:
    assert (nats(1.5), nats(-0.25), nats(0.0)) == ("+1.50", "−0.250", "0")


def test_tokens_get_the_spaces_that_stand_before_them_in_the_answer() -> None:
    assert spoken_tokens("In  Rome, now.", ["In", "Rome,", "now."]) == ["In", "  Rome,", " now."]
    assert spoken_tokens("Rome", ["Ro", "me"]) == ["Ro", "me"]
    assert spoken_tokens("Rome", ["Paris"]) == ["Paris"]
    assert spoken_tokens("", []) == []


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ([-9, -1, -1, -1], "Chunks 1 and 2 do the same work"),
        ([-9, -9, -9, -1], "Chunks 1 and 2 need each other"),
        ([-9, -5, -5, -1], "No two chunks depend on each other"),
        ([-9, -5, -5, -2], "Chunks 1 and 2 overlap a little"),
        ([-9, -5, -5, 0], "Chunks 1 and 2 help each other a little"),
    ],
)
def test_title_says_how_the_pair_that_stands_out_works(values: list[float], title: str) -> None:
    assert pairs_title(explanation(values)) == title


def test_signs_turn_round_where_the_chunks_made_the_answer_less_probable() -> None:
    either_does = explanation([0, -4, -4, -4.4])
    assert pairs_title(either_does) == "Chunks 1 and 2 do the same work"
    assert "above 0 the two do the same work" in pairs_note(either_does)
    assert "Below 0 the two do the same work" in pairs_note(explanation([-9, -1, -1, -1]))


def test_a_quoting_readers_floor_is_not_sold_as_a_measurement() -> None:
    found = explanation([-13.8, -13.8, -0.1, -0.1])
    generation = replace(found.trace.generation, finish_reason="quoted")
    words = reliance_words(replace(found, trace=replace(found.trace, generation=generation)))
    assert "set to one in a million" in words
    assert "times as probable" not in words


def test_noise_is_not_drawn_in_deep_colours() -> None:
    found = explanation([-9, -5, -5, -1 + 0.05])
    assert abs(found.interactions_nats).max() == pytest.approx(0.05)
    assert colour_limit_nats(found) == pytest.approx(found.reliance_nats / 10)
    assert colour_limit_nats(explanation([-9, -1, -1, -1])) == pytest.approx(8)


def test_chunks_come_best_first_with_both_figures() -> None:
    best, other = chunk_marks(explanation([-9, -8, -3, -2]))
    assert (best.chunk.chunk_id, best.place, other.chunk.chunk_id) == ("c2", 1, "c1")
    assert best.figures == "Shapley +6.00 · left out +6.00 nats"
    assert (best.share, other.share) == (1, pytest.approx(1 / 6))


def test_an_order_that_predicts_all_subsets_is_believed_and_its_first_chunk_is_named() -> None:
    found = belief(explanation([-9, -8, -3, -2]))
    assert found.headline == "Can this be believed? Yes."
    assert found.why.startswith("Taking away chunk 2 changes the answer more than taking away another chunk does, and")
    score, drop, how = found.details
    assert score.startswith("Linear datamodeling score 1.00")
    assert (
        drop
        == "Without chunk 2, which did most, the answer changes by −6.00 nats; without 1 chunk at random, on average, by −3.50."
    )
    assert how.startswith("All 4 subsets")


def test_chunks_of_which_any_one_would_do_are_believed_without_naming_one() -> None:
    found = belief(explanation([-9, -1, -1, -1]))
    assert found.why.startswith("No single chunk makes much of a difference when it is taken away")


@pytest.mark.parametrize(
    ("score", "level"), [(0.8, "yes"), (0.79, "partly"), (0.4, "partly"), (0.39, "no"), (None, "no")]
)
def test_how_far_an_order_is_believed_follows_its_score(monkeypatch, score: float | None, level: str) -> None:
    monkeypatch.setattr(Explanation, "datamodeling_score", property(lambda _: score))
    found = belief(explanation([-9, -8, -3, -2]))
    assert found.level == level
    assert ("do not rely on the order" in found.why) == (level == "partly")


def test_an_order_whose_first_chunk_is_missed_less_than_another_is_not_believed(monkeypatch) -> None:
    monkeypatch.setattr(Explanation, "drops_nats", property(lambda _: ((1, 1.0, 2.0),)))
    found = belief(explanation([-9, -8, -3, -2]))
    assert (found.level, "changes the answer less" in found.why) == ("no", True)


def test_an_answer_that_came_from_the_generator_needs_no_order_to_be_believed() -> None:
    found = belief(explanation([-2, -2, -2, -2]))
    assert (found.level, "no order can be wrong" in found.why) == ("yes", True)


def test_what_a_stand_in_scored_is_believed_partly_at_most_and_not_where_it_would_never_say_it() -> None:
    found = belief(replace(explanation([-9, -8, -3, -2]), stand_in="local/research"))
    assert (found.level, "local/research scored this" in found.why) == ("partly", True)
    assert belief(replace(explanation([-13.82, -13.82, -13.82, -13.82]), stand_in="local/embedded")).level == "no"


def test_explanation_that_was_stopped_credits_no_chunk() -> None:
    found = explanation([-9, float("nan"), -3, -2])
    text = explanation_text(found)
    assert "Not all subsets were scored" in text
    assert "Can this be believed?" not in text
    assert belief(found) is None


def test_token_says_which_chunk_did_most_for_it() -> None:
    [mark] = token_marks(explanation([-9, -8, -3, -2]))
    assert (mark.text, mark.level, mark.chunk) == ("Ada", 1, 1)
    assert mark.words == "+7.00 nats, most of it from chunk 2"
    [mark] = token_marks(explanation([-2, -2, -2, -2]))
    assert (mark.level, mark.chunk, mark.words) == (0, None, "0 nats")


def test_reliance_on_any_text_is_told_from_that_on_these_chunks() -> None:
    found = explanation([-9, -8, -3, -2])
    assert "random chunks" not in reliance_words(found)
    against = replace(found, distractor_nats=np.array([[-4.0], [-6.0]]))
    assert "Against as many random chunks it is +3.00 nats" in reliance_words(against)
    [mark] = token_marks(against)
    assert mark.words == "+7.00 nats (+3.00 against random chunks), most of it from chunk 2"


def sampled(unit: Unit, sign: int = 1) -> SampledExplanation:
    """sign: 1 where the second chunk makes the answer more probable, −1 where less."""
    trace = replace(explanation([0, 0, 0, 0]).trace, chunks=CHUNKS)
    sources = split_sources(CHUNKS, unit)
    masks = ablation_masks(len(sources))
    rows = -9.0 + sign * 7 * masks[:, 1:2].astype(float)
    without = -9.0 + sign * 7
    drops = np.array([[-9.0], [without], [without], [-9.0], [without]])
    return SampledExplanation(
        trace, "Ada", CHUNKS, unit, Ablations(unit, len(sources), ("Ada",), np.concatenate([rows, drops]))
    )


def test_sampled_weights_are_shown_with_their_intervals() -> None:
    found = sampled("chunks")
    assert found.complete
    best, _ = chunk_marks(found)
    assert best.chunk.chunk_id == "c2"
    assert re.fullmatch(r"weight \+\d\.\d\d nats \(\+\d\.\d\d to \+\d\.\d\d\)", best.figures)
    said = explanation_text(found)
    assert "Weight, 90 % interval, chunks" in said
    assert "subsets that they were not fitted on" in " ".join(said.split())
    assert "on average over 4 draws, by" in belief(found).details[1]
    assert [bar.name for bar in bars(found)] == ["2. Title 2", "1. Title 1"]
    assert telling_sentences(found) == []


def test_the_chart_of_weights_says_which_source_did_most() -> None:
    assert weights_title(sampled("chunks")) == "Chunk 2 did most"
    assert weights_title(sampled("sentences")) == "A sentence of chunk 2 did most"
    assert weights_title(explanation([-9, -9, -9, -9])) == "None did much by itself"


def test_an_interval_that_ends_at_0_is_drawn_to_its_end() -> None:
    assert Bar("1. Title", 0.25, 0.0, 0.5).reach_nats == (0.25, 0.25)
    assert Bar("1. Title", -0.25, -0.5, 0.0).reach_nats == (0.25, 0.25)
    assert Bar("1. Title", 0.25).reach_nats == (0.0, 0.0)


def test_a_single_chunk_has_no_order_that_could_be_wrong() -> None:
    alone = Lattice(("c1",), ("Ada",), np.array([[-9.0], [-2.0]]))
    found = belief(replace(explanation([0, 0, 0, 0]), chunks=CHUNKS[:1], lattice=alone))
    assert (found.level, "no order can be wrong" in found.why) == ("yes", True)


def test_sentences_that_did_something_for_certain_are_pointed_out() -> None:
    found = sampled("sentences")
    assert [(each.chunk_id, each.start, each.end) for each in telling_sentences(found)] == [("c2", 0, 5)]
    assert chunk_marks(found)[0].figures.startswith("its sentences +")
    assert "the sentence that did most (of chunk 2)" in belief(found).details[1]
