"""Grounding, confidence and the inside of a model, in words."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from app.explaining.grounded import NO_CLAIM, grounded
from app.explaining.inside import completeness_words, inside_heads, inside_rows
from app.explaining.sureness import drawn_rows, entropy_words, sample_rows, sureness_rows
from explain.explanation import Explanation
from explain.lattice import Lattice
from pipeline.types import Chunk, Confidence, Generation, Introspection, Sample, Token, Trace

CHUNKS = (
    Chunk("c1", "d1", "Ada", "Ada Lovelace was born in London in 1815.", 0.9, 1),
    Chunk("c2", "d2", "Analytical engine", "Babbage drew the engine.", 0.8, 2),
)
ANSWER = "Ada was born in London in 1816. Babbage drew the engine [2]."


def explained(answer=ANSWER, **changes):
    tokens = (Token("Ada was born in London in 1816.", -0.5), Token(" Babbage drew the engine [2].", -1.5))
    generation = replace(Generation(answer, tokens, 0, "stop", Confidence(0.4, "token_probability")), **changes)
    trace = Trace("0" * 32, "Who?", "fake", 1.0, 1.0, CHUNKS, generation, ())
    rows = np.array([[-9, -9], [-1, -9], [-9, -2], [-1, -2]], float)
    return Explanation(trace, answer, CHUNKS, Lattice(("c1", "c2"), tuple(t.text for t in tokens), rows))


def test_each_sentence_is_held_against_the_chunks_by_words_and_by_what_is_lost_without_them():
    found = grounded(explained())
    assert found.headline == "1 of 2 sentences are supported by a single chunk."
    wrong, right = found.sentences
    assert not wrong.supported
    [(start, end)] = wrong.unsupported
    assert wrong.text[start:end] == "1816"
    assert (
        "Chunk 1 holds 75 % of its words, but not “1816”; without that chunk it is 2,980 times less probable."
        in wrong.words
    )
    assert right.supported
    assert right.words == "Chunk 2 holds 100 % of its words; without that chunk it is 1,100 times less probable."
    assert found.citations.startswith("Citations: recall 0.50")


def test_an_abstention_claims_nothing_and_a_half_scored_answer_is_held_by_words_alone():
    assert grounded(explained(abstained=True)).headline == NO_CLAIM
    half = explained()
    rows = half.lattice.logprobs_nats.copy()
    rows[1] = np.nan
    found = grounded(replace(half, lattice=Lattice(("c1", "c2"), half.tokens, rows)))
    assert "nats" not in found.sentences[0].words


def test_the_answers_own_probabilities_are_summed_up():
    rows = {row.name: row for row in sureness_rows(explained().trace)}
    assert rows["Whole answer"].value == "−2.00 nats"
    assert rows["Per sentence"].value == "−1.00 nats"
    assert "Babbage drew the engine" in rows["Least likely sentence"].meaning
    assert "not a probability that the answer is right" in rows["The backend says"].meaning
    assert [row.name for row in sureness_rows(explained(tokens=()).trace)] == ["The backend says"]
    assert sureness_rows(replace(explained().trace, generation=None)) == []


def test_tokens_of_unknown_probability_are_not_summed_up():
    assert [row.name for row in sureness_rows(explained(tokens=(Token("a", -1.0), Token("b", None))).trace)] == [
        "The backend says"
    ]


def test_token_between_which_and_others_the_generator_wavered_most_is_named():
    tokens = (Token("sure", -1.0, 0.1), Token(" torn", -0.5, 1.25))
    rows = {row.name: row for row in sureness_rows(explained(tokens=tokens).trace)}
    assert rows["Most undecided token"].value == "1.25 nats"
    assert "sure" in rows["Least likely token"].meaning
    assert "torn" in rows["Most undecided token"].meaning


def test_drawn_answers_are_counted_by_what_they_say():
    samples = [Sample("in Rome", -1.0), Sample("Rome", -2.0), Sample("Oslo", -3.0), Sample("in Rome", -1.0)]
    rows = {row.name: row for row in sample_rows(samples)}
    assert rows["Self-consistency"].value == "75 %"
    assert "“in Rome”" in rows["Self-consistency"].meaning
    assert "2 different things" in rows["Semantic entropy"].meaning
    assert f"{log(4):.2f}" in rows["Semantic entropy"].meaning
    assert sample_rows(samples[:1]) == []


def test_answers_that_say_the_same_stand_once_with_how_often_they_were_drawn():
    samples = [Sample("Oslo", -3.0), Sample("in Rome", -1.0), Sample("in  Rome", -2.0)]
    assert drawn_rows(samples) == [("in Rome", "2", "−1.00"), ("Oslo", "1", "−3.00")]


def seen(**changes):
    found = Introspection(explained().tokens, "cross", ((0.5, 0.1), (0.3, 0.1)), ((2.0, 0.0), (-1.0, 0.5)), (0.1, 1.25))
    return replace(found, **changes)


def test_the_inside_stands_beside_what_was_measured_each_column_with_what_it_is_evidence_of():
    assert inside_heads(seen())[2:] == ["Attention: diagnostic, not evidence", "Gradient × input: local sensitivity"]
    first, second = inside_rows(explained(), seen())
    assert first == ["1. Ada", "+8.00 nats", "40.0 %", "+1.00 nats"]
    assert second == ["2. Analytical engine", "+7.00 nats", "10.0 %", "+0.500 nats"]
    assert completeness_words(seen()) is None


@pytest.mark.parametrize(("gap", "words"), [(0.01, "within 1.00 %"), (0.31, "not to be believed")])
def test_gradients_that_do_not_add_up_are_called_out(gap, words):
    whole = seen(integrated=(3.0, 0.5), completeness_gap=gap)
    assert words in completeness_words(whole)
    assert inside_rows(explained(), whole)[0][-1] == "+3.00 nats"
    assert len(inside_heads(whole)) == 5


def test_the_least_settled_tokens_are_named():
    assert "1.25" in entropy_words(explained(), seen())
