"""Explanations of more sources than can be tried in every combination: what they find, and how they are stopped and gone on with."""

import numpy as np
import pytest

from explain.context_cite import draw_masks, fit_tokens, lasso, logit
from explain.sampled import ABLATED, Ablations, drop_masks, explain_sampled
from explain.sources import keep_sources, split_sources
from pipeline.errors import InputError, Throttled
from tests.explain.test_explanation import Planted, chunk, last, trace_of


def two_of_eight(subset):
    return -0.1 - 4 * ("c6" not in subset) - 2 * ("c2" not in subset)


def test_the_planted_chunks_of_eight_get_the_credit_in_their_order():
    found = last(explain_sampled(trace_of(chunks=8), Planted(two_of_eight, at_once=7), "chunks"))
    assert found.complete
    assert found.order[:2] == (6, 2)
    low, high = found.bounds_nats
    assert (low <= found.source_nats).all()
    assert (found.source_nats <= high).all()
    assert low[6] > 1
    assert abs(found.source_nats[[0, 1, 3, 4, 5, 7]]).max() < 0.2
    assert found.reliance_nats == pytest.approx(6)
    assert found.datamodeling_score > 0.9
    assert found.sentence.startswith("The answer stands most on chunk 7, “Title 6”")
    assert [top for top, _, _ in found.drops_nats] == [1, 3]
    (_, best, chance), (_, three, _) = found.drops_nats
    assert (best, three) == (pytest.approx(4), pytest.approx(6))
    assert best > chance
    assert found.main_chunk_of_token == (6, None)
    assert found.chunk_token_nats[:, 0].argmax() == 6
    assert abs(found.chunk_token_nats[:, 1]).max() < 0.1


def test_no_subset_is_scored_twice_when_it_is_stopped_and_gone_on_with():
    trace, scorer = trace_of(chunks=8), Planted(two_of_eight, at_once=10)
    steps = explain_sampled(trace, scorer, "chunks")
    next(steps)
    stopped = next(steps)
    steps.close()
    assert (stopped.scored[0], stopped.complete, stopped.attributable) == (20, False, True)
    assert np.isnan(stopped.source_nats).all()
    assert "known once all subsets" in stopped.sentence
    assert stopped.to_dict()["sources"][0]["weight_nats"] is None
    known = Ablations.from_dict(stopped.ablations.to_dict())
    again = Planted(two_of_eight, at_once=10)
    whole = last(explain_sampled(trace, again, "chunks", known))
    straight = last(explain_sampled(trace, Planted(two_of_eight), "chunks"))
    assert whole.source_nats == pytest.approx(straight.source_nats)
    assert len(again.scored) == whole.scored[1] - 20
    assert last(explain_sampled(trace, Planted(two_of_eight, calls_left=0), "chunks", whole.ablations)).complete


def test_a_scorer_that_fails_midway_keeps_what_was_scored():
    found = last(explain_sampled(trace_of(chunks=8), Planted(two_of_eight, at_once=10, calls_left=2), "chunks"))
    assert (found.scored[0], found.problem) == (20, "Too many calls. Wait a minute.")
    with pytest.raises(Throttled):
        last(explain_sampled(trace_of(chunks=8), Planted(two_of_eight, calls_left=0), "chunks"))


def test_what_was_scored_of_other_sources_is_not_taken_over():
    eight = last(explain_sampled(trace_of(chunks=8), Planted(two_of_eight), "chunks"))
    again = Planted(two_of_eight)
    assert last(explain_sampled(trace_of(chunks=7), again, "chunks", eight.ablations)).complete
    assert len(again.scored) > ABLATED
    with pytest.raises(InputError, match="Explain the trace again"):
        Ablations.from_dict({"unit": "chunks"})


def sentences(place):
    return [f"First of {place}.", f"Second of {place}.", f"Third of {place}."]


class BySentence(Planted):
    """A scorer whose answer stands on one sentence."""

    def score_answer(self, question, chunk_sets, answer):
        found = super().score_answer(question, chunk_sets, answer)
        holds = [any("Second of 1." in each.text for each in chunks) for chunks in chunk_sets]
        rows = tuple((-0.5 if held else -8.5, -0.25) for held in holds)
        return type(found)(found.tokens, rows)


def with_sentences(count=2):
    trace = trace_of(chunks=count)
    from dataclasses import replace

    return replace(trace, chunks=tuple(replace(chunk(i), text=" ".join(sentences(i))) for i in range(count)))


def test_the_sentence_that_the_answer_stands_on_is_found():
    found = last(explain_sampled(with_sentences(), BySentence(single_rule), "sentences"))
    assert len(found.sources) == 6
    assert found.source_text(found.order[0]) == "Second of 1."
    assert "the sentence “Second of 1.” of chunk 2" in found.sentence
    assert found.chunk_nats.argmax() == 1


def single_rule(subset):
    return -0.5


def test_a_context_with_sentences_missing_keeps_the_rest_in_order_under_another_id():
    chunks = with_sentences().chunks
    sources = split_sources(chunks, "sentences")
    mask = np.array([True, False, True, False, False, False])
    [kept] = keep_sources(chunks, sources, mask)
    assert (kept.chunk_id, kept.text, kept.title) == ("c0#0,2", "First of 0. Third of 0.", "Title 0")
    assert keep_sources(chunks, sources, np.ones(6, bool)) == list(chunks)
    assert keep_sources(chunks, sources, np.zeros(6, bool)) == []
    whole = split_sources(chunks, "chunks")
    assert keep_sources(chunks, whole, np.array([False, True])) == [chunks[1]]


def test_a_single_source_and_far_too_many_are_handled():
    assert last(explain_sampled(trace_of(chunks=1), Planted(lambda s: -0.5 if s else -8.5), "chunks")).complete
    with pytest.raises(InputError, match="201 chunks; between 1 and 200"):
        split_sources([chunk(i) for i in range(201)], "chunks")


def test_fifty_chunks_and_an_answer_that_nothing_changes():
    found = last(explain_sampled(trace_of(chunks=50), Planted(lambda subset: -0.5), "chunks"))
    assert found.complete
    assert not found.attributable
    assert found.datamodeling_score is None
    assert found.sentence.startswith("Not attributable")


def test_best_and_random_sources_are_left_out_in_turn():
    masks = drop_masks([3, 0, 2, 1, 4])
    assert masks.shape == (10, 5)
    assert masks[0].tolist() == [True, True, True, False, True]
    assert masks[5].tolist() == [False, True, False, False, True]
    assert (~masks[:5]).sum(axis=1).tolist() == [1] * 5
    assert (~masks[5:]).sum(axis=1).tolist() == [3] * 5


def test_fits_made_together_are_those_made_one_by_one():
    generator = np.random.default_rng(3)
    masks, logprobs = draw_masks(6, 40, 1), np.minimum(generator.normal(-3, 2, (40, 4)), -0.01)
    together = fit_tokens(masks, logprobs)
    for token in range(4):
        alone, _ = lasso(masks, logit(logprobs[:, token]), 1)
        assert together[:, token] == pytest.approx(alone, abs=1e-8)
