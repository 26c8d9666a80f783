"""What people said of traces, as a dataset."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.runs.feedback import feedback_words, read_feedback
from app.services import Services
from evaluation.datasets import load_dataset
from metrics.queries import StoredTrace
from tests.factories import make_failed_trace, make_generation, make_trace
from tests.foreign import ANSWER, QUESTION, make_foreign_trace


def said(question: str, answer: str = "Alfred Wegener", *, at: float = 1.0, **given: Any) -> StoredTrace:
    """Feedback on an answer; `rating` and `note` as given."""
    generation = make_generation(answer, abstained=given.pop("abstained", False))
    trace = make_trace(trace_id=given.pop("trace_id", f"{question}-{at}"), question=question, generation=generation)
    return StoredTrace(trace, given.get("rating", 0), given.get("note", ""), at)


def rows(*stored: StoredTrace) -> list[tuple[object, object]]:
    return [(row["question"], row["answers"]) for row in read_feedback(stored).rows]


def test_a_praised_answer_is_right_and_a_praised_abstention_says_that_there_is_none() -> None:
    assert rows(said("Who?", rating=1), said("How?", rating=1, abstained=True)) == [
        ("Who?", ["Alfred Wegener"]),
        ("How?", []),
    ]


@pytest.mark.parametrize(
    ("note", "answers"),
    [
        ("Right: Arthur Holmes", ["Arthur Holmes"]),
        ("Nonsense. right:  Holmes | Arthur Holmes ", ["Holmes", "Arthur Holmes"]),
        ("Too long\nRIGHT: Holmes", ["Holmes"]),
        ("Right: none", []),
        ("Right: None.", []),
    ],
)
def test_a_note_says_what_is_right_whatever_the_thumb(note: str, answers: list[str]) -> None:
    for rating in (-1, 0, 1):
        assert rows(said("Who?", "Charles Darwin", rating=rating, note=note)) == [("Who?", answers)]


@pytest.mark.parametrize("note", ["", "It is all right: fine", "Right:", "Right: ?!", "bright: yes"])
def test_a_thumb_down_alone_does_not_say_what_is_right(note: str) -> None:
    found = read_feedback([said("Who?", rating=-1, note=note, trace_id="t1")])
    assert found.rows == ()
    assert found.problems == (
        "trace t1: a rating down says what is wrong, not what is right; write “Right: …” in the note",
    )
    assert feedback_words(found) == "0 labelled questions from feedback; 1 remark on what was left out or decided."


def test_a_failed_trace_is_a_question_only_if_its_note_says_what_is_right() -> None:
    failed = make_failed_trace(trace_id="t1", question="Who?")
    assert rows(StoredTrace(failed, -1, "Right: Wegener", 1.0)) == [("Who?", ["Wegener"])]
    found = read_feedback([StoredTrace(failed, 1, "", 1.0)])
    assert (found.rows, found.problems) == ((), ("trace t1: it failed, and its note does not say what is right",))


def test_one_question_has_all_answers_that_were_praised_the_last_one_first() -> None:
    assert rows(said("Who?", "Wegener", rating=1, at=1.0), said("who", "Alfred Wegener", rating=1, at=2.0)) == [
        ("who", ["Alfred Wegener", "Wegener"])
    ]


def test_later_feedback_counts_and_contradictions_are_said() -> None:
    found = read_feedback(
        [
            said("Who?", rating=1, at=1.0, trace_id="praised"),
            said("Who?", note="Right: none", at=2.0, trace_id="denied"),
        ]
    )
    assert [row["answers"] for row in found.rows] == [[]]
    assert found.problems == ("trace praised: it disagrees with the later feedback on trace denied, which counts",)
    both = read_feedback(
        [said("Who?", rating=-1, at=1.0, trace_id="down"), said("Who?", rating=1, at=2.0, trace_id="up")]
    )
    assert [row["answers"] for row in both.rows] == [["Alfred Wegener"]]
    assert both.problems == ("trace down: its answer is rejected there and praised on trace up",)


def test_feedback_without_thumb_or_right_answer_is_said() -> None:
    found = read_feedback([said("Who?", note="Interesting", trace_id="t1")])
    assert found.rows == ()
    assert "trace t1: its feedback does not say what is right" in found.problems[0]


def test_questions_of_the_store_are_written_and_asked(
    run: Callable[..., Result], services: Services, tmp_path: Path
) -> None:
    for question, rating, note in (
        ("Praised?", 1, ""),
        ("Noted?", 0, "Right: Oslo"),
        ("Rejected?", -1, "no"),
        ("Untouched?", None, ""),
    ):
        trace = services.asking.ask(services.asking.question(question)).trace
        if rating is not None:
            services.store.annotate(trace.trace_id, rating, note)
    file = tmp_path / "mine.jsonl"
    done = run("eval", "from-feedback", str(file), services=services)
    assert done.exit_code == 0, done.stderr
    assert "2 labelled questions from feedback; 1 remark" in done.stdout
    assert "a rating down says what is wrong" in done.stderr
    told = {row["question"]: row["answers"] for row in map(json.loads, file.read_text().splitlines())}
    assert told == {"Praised?": ["Sentence 1 of the script."], "Noted?": ["Oslo"]}
    assert len(load_dataset(str(file)).questions) == 2
    again = run("eval", "from-feedback", str(file), services=services)
    assert again.exit_code != 0
    assert "--force" in again.stderr
    assert run("eval", "from-feedback", str(file), "--force", services=services).exit_code == 0
    assert run("eval", "from-feedback", str(tmp_path / "mine.txt"), services=services).exit_code != 0


def test_without_feedback_it_is_said_what_to_do(run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("eval", "from-feedback", str(tmp_path / "mine.jsonl"))
    assert done.exit_code != 0
    assert "note “Right: …”" in done.stderr
    assert not (tmp_path / "mine.jsonl").exists()


def test_what_people_said_of_another_applications_answers_is_a_question_as_any_other() -> None:
    whole, silent = make_foreign_trace(1), make_foreign_trace(2, question="How?", generation=None, error=None)
    unknown = make_foreign_trace(3, question=" ")
    found = read_feedback(
        [StoredTrace(whole, 1, "", 1.0), StoredTrace(silent, 1, "", 1.0), StoredTrace(unknown, 1, "Right: x", 1.0)]
    )
    assert [(row["question"], row["answers"]) for row in found.rows] == [(QUESTION, [ANSWER])]
    assert set(found.problems) == {
        f"trace {silent.trace_id}: it has no answer, and its note does not say what is right",
        f"trace {unknown.trace_id}: it does not say what was asked",
    }
