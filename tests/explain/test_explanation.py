"""An explanation from a trace and a scorer: what it says, what it keeps when it is stopped, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from explain.explanation import explain_trace, read_chunks, scored_answer
from explain.lattice import LOWEST_NATS, Lattice, scoring_order
from pipeline.errors import BadResponse, InputError, Throttled
from pipeline.types import AnswerScores, Chunk, Generation, Token, Trace

ANSWER = "In Rome."


def chunk(number):
    return Chunk(f"c{number}", f"d{number}", f"Title {number}", f"Text {number}.", 0.9, number + 1)


def trace_of(chunks=3, answer=ANSWER, **changes):
    found = tuple(chunk(i) for i in range(chunks))
    used = tuple(each.chunk_id for each in found)
    generation = Generation(answer, (Token(answer, -0.1),) if answer else (), 0, "stop", used_chunk_ids=used)
    generation = replace(generation, **changes)
    return Trace("0" * 32, "Where is Ada?", "fake", 1.0, 1.0, found, generation, ())


class Planted:
    """A scorer of two tokens whose first depends on chunks by a rule. Counts its calls; fails after `calls_left`."""

    def __init__(self, rule, *, at_once=8, calls_left=100):
        self.rule, self.sets_at_once, self.calls_left, self.scored = rule, at_once, calls_left, []

    def score_answer(self, question, chunk_sets, answer):
        if self.calls_left == 0:
            raise Throttled("Too many calls. Wait a minute.")
        self.calls_left -= 1
        sets = [frozenset(each.chunk_id for each in chunks) for chunks in chunk_sets]
        self.scored += sets
        return AnswerScores(("In", " Rome."), tuple((self.rule(subset), -0.25) for subset in sets))


def single(subset):
    return -0.5 if "c1" in subset else -8.5


def last(explanations):
    return list(explanations)[-1]


def test_the_planted_chunk_gets_all_the_credit():
    found = last(explain_trace(trace_of(), Planted(single)))
    assert found.reliance_nats == pytest.approx(8)
    assert found.shapley_nats == pytest.approx([0, 8, 0])
    assert found.token_reliance_nats == pytest.approx([8, 0])
    assert found.order[0] == 1
    assert "stands on chunk 2, “Title 1”: 100 %" in found.sentence
    assert found.datamodeling_score == pytest.approx(1)
    assert found.drops_nats == ((1, 8.0, pytest.approx(8 / 3)),)


def test_redundant_chunks_are_said_to_do_each_others_work():
    found = last(explain_trace(trace_of(), Planted(lambda subset: -0.5 if subset & {"c0", "c2"} else -8.5)))
    assert found.leave_one_out_nats == pytest.approx([0, 0, 0])
    assert found.shapley_nats == pytest.approx([4, 0, 4])
    assert "any one of them would do" in found.sentence


def test_chunks_that_work_only_together_are_said_to():
    found = last(explain_trace(trace_of(), Planted(lambda subset: -0.5 if {"c0", "c2"} <= subset else -8.5)))
    assert "needs them together" in found.sentence


def test_chunks_that_each_add_their_own_are_said_to():
    found = last(explain_trace(trace_of(), Planted(lambda subset: -9.0 + 4 * ("c0" in subset) + 4 * ("c2" in subset))))
    assert found.sentence == "The answer stands on chunk 1, “Title 0”, and on chunk 3; each adds its own part."


def test_a_chunk_whose_work_others_undo_is_not_said_to_have_done_a_part_of_it():
    found = last(explain_trace(trace_of(), Planted(lambda subset: -9.0 + 4 * ("c0" in subset) - 2 * ("c2" in subset))))
    assert "Other chunks made it less probable." in found.sentence


def test_chunks_are_named_by_their_rank_even_where_some_were_not_read():
    trace = trace_of(chunks=3, used_chunk_ids=("c1", "c2"))
    found = last(explain_trace(trace, Planted(lambda subset: -0.5 if "c2" in subset else -8.5)))
    assert found.sentence.startswith("The answer stands on chunk 3, “Title 2”")


def test_an_answer_from_memory_is_not_attributable():
    found = last(explain_trace(trace_of(), Planted(lambda subset: -0.5 - 0.01 * len(subset))))
    assert not found.attributable
    assert found.sentence.startswith("Not attributable")


def test_an_abstention_says_which_chunk_came_closest_to_an_answer():
    trace = trace_of(answer="No answer.", abstained=True)
    found = last(explain_trace(trace, Planted(lambda subset: -2.0 if "c1" in subset else -0.5)))
    assert "abstained in spite of the chunks" in found.sentence
    assert "Chunk 2" in found.sentence
    assert found.order[0] == 1
    assert found.drops_nats[0] == (1, pytest.approx(-1.5), pytest.approx(-0.5))


def test_every_subset_is_scored_once_the_most_telling_first():
    scorer = Planted(single, at_once=1)
    steps = list(explain_trace(trace_of(), scorer))
    assert len(scorer.scored) == len(set(scorer.scored)) == 8
    assert scorer.scored[:2] == [frozenset(), {"c0", "c1", "c2"}]
    assert [step.complete for step in steps] == [False] * 7 + [True]
    assert sorted(scoring_order(5)) == list(range(32))


def test_what_was_scored_is_kept_when_it_is_stopped_and_gone_on_with():
    steps = explain_trace(trace_of(), Planted(single, at_once=2))
    stopped = next(steps)
    steps.close()
    assert stopped.reliance_nats == pytest.approx(8)
    assert "known once all subsets" in stopped.sentence
    again = Planted(single, at_once=2)
    whole = last(explain_trace(trace_of(), again, known=Lattice.from_dict(stopped.lattice.to_dict())))
    assert whole.complete
    assert len(again.scored) == 6
    assert last(explain_trace(trace_of(), Planted(single, calls_left=0), known=whole.lattice)).complete


def test_a_scorer_that_fails_midway_leaves_what_it_scored_and_its_reason():
    found = last(explain_trace(trace_of(), Planted(single, at_once=3, calls_left=1)))
    assert not found.complete
    assert found.lattice.scored.sum() == 3
    assert found.problem == "Too many calls. Wait a minute."
    assert found.to_dict()["chunks"][0]["shapley_nats"] is None


def test_a_scorer_that_fails_at_once_says_so():
    with pytest.raises(Throttled):
        last(explain_trace(trace_of(), Planted(single, calls_left=0)))


def test_impossible_tokens_are_held_at_a_floor():
    found = last(explain_trace(trace_of(), Planted(lambda subset: -0.5 if "c1" in subset else -np.inf)))
    assert found.reliance_nats == pytest.approx(-0.5 - LOWEST_NATS)
    assert np.isfinite(found.shapley_nats).all()


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(BadResponse, match="not numbers"):
        last(explain_trace(trace_of(), Planted(lambda subset: np.nan)))


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (trace_of(chunks=0), "no chunks"),
        (trace_of(chunks=6), "5 at most"),
        (replace(trace_of(), generation=None), "no answer"),
        (trace_of(answer=" "), "no answer"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_what_to_do(trace, said):
    with pytest.raises(InputError, match=said):
        last(explain_trace(trace, Planted(single)))


def test_only_chunks_that_the_generator_read_are_credited():
    trace = trace_of(chunks=3, used_chunk_ids=("c0", "c1"))
    assert [each.chunk_id for each in read_chunks(trace)] == ["c0", "c1"]
    assert [each.chunk_id for each in read_chunks(trace_of(chunks=2, used_chunk_ids=()))] == ["c0", "c1"]


def test_identical_chunks_share_the_credit():
    trace = trace_of(chunks=2)
    found = last(explain_trace(trace, Planted(lambda subset: -0.5 if subset else -8.5)))
    assert found.shapley_nats == pytest.approx([4, 4])


def test_one_chunk_is_credited_with_all():
    found = last(explain_trace(trace_of(chunks=1), Planted(lambda subset: -0.5 if subset else -8.5)))
    assert found.shapley_nats == pytest.approx([8])
    assert found.drops_nats == ((1, 8.0, 8.0),)


def test_a_generated_answer_is_scored_as_its_tokens_and_an_abstention_as_what_it_says():
    assert scored_answer(trace_of(answer="In Rome.")) == "In Rome."
    assert scored_answer(trace_of(answer="No answer.", tokens=())) == "No answer."
