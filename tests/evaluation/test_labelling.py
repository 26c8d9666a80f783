"""Failure labels of a run: each answer explained once, what cannot be is said, and which stage costs how much."""

from dataclasses import replace

import pytest

from app.runs.labels import flows, label_rows, labels_text, losses_words
from backends.fake import Script, ScriptedBackend
from evaluation.datasets import LabelledQuestion
from evaluation.labelling import UNEXPLAINED, choose_unlabelled, count_labels, error_decomposition, label_answer
from evaluation.scoring import Scored, score_trace
from explain.diagnosis import Failure, label_name
from pipeline.errors import Throttled
from tests.factories import make_trace

BACKEND = ScriptedBackend(Script())
TRACE = BACKEND.answer("Who?", top_k=5, deadline_s=10)


def question(*answers: str) -> LabelledQuestion:
    return LabelledQuestion("q1", "Who?", answers, type="PERSON")


def scored(label: str = "", *, correct: bool = True, oracle: bool | None = None, kind: str = "DATE") -> Scored:
    found = score_trace(question("Wegener"), make_trace())
    return replace(found, label=label, correct=correct, right_with_oracle=oracle, type=kind)


def test_a_right_answer_and_a_wrong_one_get_their_labels_and_reliance() -> None:
    right = label_answer(score_trace(question("script"), TRACE), question("script"), TRACE, BACKEND)
    assert (right.label, right.right_with_oracle) == ("correct", True)
    assert right.reliance_nats == pytest.approx(5 * 2.9)
    wrong = label_answer(score_trace(question("Oslo"), TRACE), question("Oslo"), TRACE, BACKEND)
    assert (wrong.label, wrong.right_with_oracle) == (UNEXPLAINED, None)


def test_what_cannot_be_explained_is_labelled_so_and_stops_nothing() -> None:
    given = score_trace(question("script"), TRACE)
    assert label_answer(given, question("script"), None, BACKEND).label == UNEXPLAINED
    assert label_answer(replace(given, failed=True), question("script"), TRACE, BACKEND).label == UNEXPLAINED
    throttled = ScriptedBackend(Script(failures={"score": Throttled("Slow down.")}))
    assert label_answer(given, question("script"), TRACE, throttled).label == UNEXPLAINED


def test_a_sample_is_the_same_every_time_and_what_is_labelled_is_left_out() -> None:
    scores = [replace(scored(), question_id=f"q{n}") for n in range(20)]
    drawn = choose_unlabelled(scores, 5)
    assert choose_unlabelled(scores, 5) == drawn
    assert len(drawn) == 5
    done = [replace(each, label="correct") if each in drawn[:2] else each for each in scores]
    assert [each.question_id for each in choose_unlabelled(done, 5)] == [each.question_id for each in drawn[2:]]
    assert len(choose_unlabelled(done, None)) == 18


def test_losses_add_up_to_what_is_wrong() -> None:
    scores = [
        scored("correct"),
        scored("retrieval miss", correct=False, oracle=True),
        scored("reader failure", correct=False, oracle=False),
        scored("compound", correct=False, oracle=False),
        scored(UNEXPLAINED, correct=False),
        scored(correct=False),
    ]
    retriever, reader = error_decomposition(scores)
    assert (retriever, reader) == (0.25, 0.5)
    assert "retriever loss 25.0 points" in losses_words(scores)
    assert "How far to trust" not in losses_words(scores)
    assert "50 % are right from a right chunk alone too" in losses_words(
        [*scores, scored("correct", oracle=True), scored("correct", oracle=False)]
    )
    assert error_decomposition([scored()]) is None
    assert losses_words([scored()]) == ""


def test_labels_are_counted_by_type_and_told_most_frequent_first() -> None:
    scores = [
        scored("correct"),
        scored("correct", kind=""),
        scored("distraction", correct=False),
        scored(UNEXPLAINED),
        scored(),
    ]
    assert count_labels(scores) == {
        ("", "correct"): 1,
        ("DATE", "correct"): 1,
        ("DATE", "distraction"): 1,
        ("DATE", UNEXPLAINED): 1,
    }
    assert [(flow.type, flow.label) for flow in flows(scores)] == [
        ("DATE", "correct"),
        ("DATE", "distraction"),
        ("DATE", UNEXPLAINED),
        ("untyped", "correct"),
    ]
    assert label_rows(scores)[0][:2] == ["correct", "2"]
    assert "distraction" in labels_text(scores)


def test_every_label_can_be_told() -> None:
    rows = label_rows([scored(failure.value) for failure in Failure])
    assert {row[0] for row in rows} == {label_name(failure.value) for failure in Failure}
    assert label_name("reader failure") == "misread"
