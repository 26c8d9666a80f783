"""What comes of comparing two traces: the better side, what that rests on, and the words that differ."""

from dataclasses import replace

import pytest

from app.comparing.verdict import judge
from explain.gold import Gold
from tests.factories import make_chunk, make_failed_trace, make_generation, make_trace

GOLD = Gold(("Alfred Wegener",))
RIGHT = make_trace(generation=make_generation("It was Alfred Wegener, in 1912."))
WRONG = make_trace(generation=make_generation("It was Charles Darwin, in 1912."))
NONE = make_trace(generation=replace(make_generation("Nothing that was found says so."), abstained=True))
FAILED = make_failed_trace(chunks=())


@pytest.mark.parametrize(
    ("first", "second", "gold", "headline", "better"),
    [
        (WRONG, RIGHT, GOLD, "The second is better: its answer is right, the first's is not", "second"),
        (RIGHT, WRONG, GOLD, "The first is better: its answer is right, the second's is not", "first"),
        (RIGHT, RIGHT, GOLD, "No difference: both answers are right", None),
        (WRONG, NONE, GOLD, "Neither answer is right", None),
        (WRONG, NONE, Gold(()), "The second is better: its answer is right, the first's is not", "second"),
        (RIGHT, WRONG, None, "The answers differ; nobody said which is right", None),
        (RIGHT, RIGHT, None, "No difference: the answers are the same", None),
        (RIGHT, NONE, None, "Only the first gives an answer", "first"),
        (NONE, RIGHT, None, "Only the second gives an answer", "second"),
        (FAILED, RIGHT, GOLD, "Only the second has an answer", "second"),
        (RIGHT, FAILED, None, "Only the first has an answer", "first"),
        (FAILED, FAILED, None, "Neither has an answer", None),
    ],
)
def test_verdict_names_the_better_side_or_says_that_there_is_none(first, second, gold, headline, better) -> None:
    found = judge(first, second, gold)
    assert (found.headline, found.better) == (headline, better)


def test_what_is_right_about_one_question_is_not_held_against_another() -> None:
    found = judge(WRONG, replace(RIGHT, question="Who else?"), GOLD)
    assert found.headline == "The answers differ; nobody said which is right"
    assert not any(reason.startswith("Right is") for reason in found.reasons)


def test_reasons_tell_the_right_answer_the_ranks_that_moved_and_the_time() -> None:
    chunks = [
        tuple(make_chunk(chunk_id=name, rank=rank) for rank, name in enumerate(names, start=1))
        for names in ("abc", "cad")
    ]
    first = replace(WRONG, chunks=chunks[0], duration_ms=20.0)
    second = replace(RIGHT, chunks=chunks[1], duration_ms=10.0)
    reasons = judge(first, second, GOLD).reasons
    assert reasons[0] == "Right is: Alfred Wegener."
    assert "2 of 4 chunks were retrieved by both; 2 of them at another rank, 2 places at most." in reasons
    assert reasons[-1] == "The second was faster: 10.0 ms against 20.0 ms, measured once."


def test_words_that_differ_are_marked_in_both_answers() -> None:
    found = judge(WRONG, RIGHT)
    (one,), (other,) = found.marks
    assert WRONG.generation.answer[slice(*one)] == "Charles Darwin,"
    assert RIGHT.generation.answer[slice(*other)] == "Alfred Wegener,"


def test_nothing_is_marked_where_nearly_all_words_differ_or_none_do() -> None:
    other = make_trace(generation=make_generation("Nobody knows."))
    assert judge(RIGHT, other).marks == ((), ())
    assert "few words" in judge(RIGHT, other).note
    assert (judge(RIGHT, RIGHT).marks, judge(RIGHT, RIGHT).note) == (((), ()), "")
