"""What an answer is worth, held against the labels of its question."""

import json

import pytest

from evaluation.scoring import Scored, score_trace
from explain.answers import best_exact_match, best_f1
from pipeline.errors import InputError
from pipeline.types import Generation
from tests.evaluation.labelled import make_question, make_scored
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace

ANSWERABLE = make_question(article="Continental drift")
UNANSWERABLE = make_question(answers=())


def score(answer: str = "", *, answerable: bool = True, **overrides: object) -> Scored:
    abstained = not answer
    generation = make_generation(answer, abstained=abstained, **overrides)
    return score_trace(ANSWERABLE if answerable else UNANSWERABLE, make_trace(generation=generation))


def test_right_answer_within_a_sentence_is_right_though_no_exact_match() -> None:
    found = score("Alfred Wegener proposed it.")
    assert (found.correct, found.exact, found.holds_gold, found.abstained) == (True, False, True, False)
    assert found.f1 == pytest.approx(2 * 2 / (2 + 4))  # 2 tokens of 2 and of 4 in common
    assert (found.answer, found.answer_words) == ("Alfred Wegener proposed it.", 4)
    assert score("alfred wegener!").exact


def test_wrong_answer_is_wrong() -> None:
    found = score("Charles Darwin")
    assert (found.correct, found.exact, found.f1, found.holds_gold, found.abstained) == (
        False,
        False,
        0.0,
        False,
        False,
    )


@pytest.mark.parametrize("answerable", [True, False])
def test_abstention_counts_as_the_empty_answer_of_squad(answerable: bool) -> None:
    found = score(answerable=answerable)
    golds = ANSWERABLE.answers if answerable else ()
    assert found.abstained
    assert found.correct is not answerable
    assert (found.exact, found.f1) == (best_exact_match("", golds), best_f1("", golds)) == (not answerable,) * 2


def test_what_was_said_while_abstaining_does_not_count() -> None:
    generation = make_generation("Alfred Wegener", abstained=True)
    found = score_trace(ANSWERABLE, make_trace(generation=generation))
    assert (found.correct, found.holds_gold, found.f1, found.answer, found.answer_words) == (False, False, 0.0, "", 0)


def test_answer_to_what_has_none_is_wrong() -> None:
    found = score("Alfred Wegener", answerable=False)
    assert (found.correct, found.exact, found.f1, found.gold_rank) == (False, False, 0.0, None)


@pytest.mark.parametrize("question", [ANSWERABLE, UNANSWERABLE])
def test_failed_question_is_never_right_and_says_why(question: object) -> None:
    found = score_trace(question, make_failed_trace())
    assert (found.failed, found.abstained, found.correct, found.exact, found.f1) == (True, True, False, False, 0.0)
    assert found.problem == "The question's deadline passed. Raise the deadline."
    assert found.confidence is None
    assert found.confidence_kind == ""


def test_answer_of_a_stage_that_failed_later_does_not_count() -> None:
    trace = make_failed_trace(generation=make_generation("Alfred Wegener"))
    found = score_trace(ANSWERABLE, trace)
    assert (found.correct, found.holds_gold, found.answer, found.confidence) == (False, False, "", None)


def test_rank_of_the_first_chunk_that_holds_the_answer() -> None:
    texts = ["Dunes move.", "Wegener was a meteorologist.", "Alfred Wegener proposed it.", "Alfred Wegener again."]
    chunks = tuple(make_chunk(chunk_id=f"c{n}", text=text, rank=n) for n, text in enumerate(texts, start=1))
    trace = make_trace(chunks=chunks)
    assert score_trace(ANSWERABLE, trace).gold_rank == 3
    assert score_trace(ANSWERABLE, make_trace(chunks=chunks[2:])).gold_rank == 3
    elsewhere = make_question(article="", answers=("Harry Hess",))
    assert score_trace(elsewhere, trace).gold_rank is None
    assert score_trace(UNANSWERABLE, trace).gold_rank is None


def test_confidence_and_cluster_are_taken_over() -> None:
    found = score("Alfred Wegener")
    assert (found.confidence, found.confidence_kind) == (0.91, "calibrated")
    assert (found.question_id, found.type, found.cluster, found.duration_ms) == (
        "q1",
        "PERSON",
        "Continental drift",
        36,
    )
    none: Generation = make_generation("Alfred Wegener", confidence=None)
    assert score_trace(ANSWERABLE, make_trace(generation=none)).confidence is None
    assert score_trace(make_question(article=""), make_trace()).cluster == "q1"


def test_score_survives_json_and_another_version_is_refused() -> None:
    found = make_scored(gold_rank=None, confidence=None, answer="\ud83e <b>")
    data = found.to_dict()
    assert Scored.from_dict(json.loads(json.dumps(data))) == found
    for damaged in ({**data, "extra": 1}, {name: data[name] for name in data if name != "f1"}):
        with pytest.raises(InputError, match="Run the evaluation again"):
            Scored.from_dict(damaged)
