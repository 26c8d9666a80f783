"""Random chunks in place of those that were retrieved."""

from dataclasses import replace

import pytest

from explain.distractors import draw_distractors, score_distractors
from explain.explanation import explain_trace
from tests.explain.test_explanation import Planted, chunk, last, single, trace_of


def explained():
    return last(explain_trace(trace_of(), Planted(single)))


def test_random_chunks_are_dealt_into_sets_as_large_as_the_context():
    pool = [chunk(i) for i in range(10, 40)]
    draws = draw_distractors(explained(), pool)
    assert [[each.chunk_id for each in draw] for draw in draws] == [
        ["c10", "c11", "c12"],
        ["c13", "c14", "c15"],
        ["c16", "c17", "c18"],
    ]


def test_what_was_read_and_what_holds_the_answer_is_passed_over():
    found = explained()
    same_document = replace(chunk(9), document_id="d1")
    holds = replace(chunk(8), text="She lives in Rome.")
    assert draw_distractors(found, [chunk(0), same_document, holds, chunk(7), chunk(6)]) == []
    [draw] = draw_distractors(found, [chunk(0), same_document, holds, chunk(7), chunk(6), chunk(5)])
    assert [each.chunk_id for each in draw] == ["c7", "c6", "c5"]


def test_reliance_on_these_chunks_is_less_than_on_any_where_any_would_help():
    scorer = Planted(lambda subset: -0.5 if "c1" in subset else -4.5 if subset else -8.5)
    found = last(explain_trace(trace_of(), scorer))
    assert found.reliance_on_these_nats is None
    draws = draw_distractors(found, [chunk(i) for i in range(10, 40)])
    found = replace(found, distractor_nats=score_distractors(found, scorer, draws))
    assert found.distractor_nats.shape == (3, 2)
    assert found.reliance_nats == pytest.approx(8)
    assert found.reliance_on_these_nats == pytest.approx(4)
    assert found.token_reliance_on_these_nats == pytest.approx([4, 0])
    assert found.to_dict()["reliance_against_random_chunks_nats"] == pytest.approx(4)
