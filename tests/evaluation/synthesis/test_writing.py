"""The work of writing: turns, repetitions, what was decided before."""

from collections import Counter
from dataclasses import dataclass

import pytest

from corpus import QuestionType
from evaluation.synthesis.checking import Verdict
from evaluation.synthesis.drafts import Draft
from evaluation.synthesis.writing import REPEATED, Decision, Tally, write_questions
from pipeline.types import Chunk
from tests.factories import make_chunk


@dataclass(frozen=True, slots=True)
class Planned:
    """A target that writes what it is told."""

    chunk: Chunk
    type: QuestionType
    key: str
    question: str

    def write(self) -> Draft | str:
        return Draft(self.question, ("an answer",), self.type, "a test") if self.question else "nothing to say"


def targets(documents: int, kinds: tuple[QuestionType, ...], each: int) -> list[Planned]:
    return [
        Planned(make_chunk(document_id=f"d{d}"), kind, f"{d}-{kind}-{n}", f"Ask d{d} {kind} about n{n} once?")
        for d in range(documents)
        for kind in kinds
        for n in range(each)
    ]


def run(
    work: list[Planned], count: int, known: dict[str, Decision] | None = None, seed: int = 0
) -> tuple[list[Decision], Tally]:
    """Every decision that was new, and the tally."""
    tally = Tally(count)
    return list(write_questions(work, tally, seed, lambda draft, chunk: Verdict("", 0.9), known or {})), tally


def test_types_and_documents_take_turns() -> None:
    work = [*targets(5, ("DATE", "PERSON"), 4), *targets(1, ("REASON",), 2)]
    _, tally = run(work, 14)
    rows = [each.row for each in tally.kept if each.row is not None]
    assert Counter(row.type for row in rows) == {"DATE": 6, "PERSON": 6, "REASON": 2}
    assert max(Counter(row.article for row in rows).values()) <= 4


def test_the_same_seed_gives_the_same_questions_and_another_one_others() -> None:
    work = targets(5, ("DATE", "PERSON"), 4)
    first, again, other = (run(order, 8, seed=seed)[1].kept for order, seed in ((work, 1), (work[::-1], 1), (work, 2)))
    assert first == again
    assert first != other


def test_work_that_was_stopped_ends_as_if_it_had_not_been() -> None:
    work = targets(5, ("DATE", "PERSON"), 4)
    told, whole = run(work, 12)
    known = {each.key: each for each in told[:5]}
    rest, resumed = run(work, 12, known)
    assert resumed.kept == whole.kept
    assert [each.key for each in rest] == [each.key for each in told[5:]]


def test_nearly_the_same_question_is_kept_once_also_after_a_stop() -> None:
    twins = [Planned(make_chunk(), "DATE", key, "When was the old mill built?") for key in "ab"]
    told, tally = run(twins, 2)
    assert tally.rejected == {REPEATED: 1}
    _, resumed = run(twins, 2, {told[0].key: told[0]})
    assert resumed.rejected == {REPEATED: 1}


def test_what_is_rejected_is_counted_by_reason_and_never_a_row() -> None:
    work = [Planned(make_chunk(), "DATE", "a", ""), Planned(make_chunk(), "DATE", "b", "When was it made, the mill?")]
    tally = Tally(5)
    assert (
        len(list(write_questions(work, tally, 0, lambda *_: Verdict("the reader finds no answer in the chunk"), {})))
        == 2
    )
    assert tally.kept == []
    assert tally.rejected == {"nothing to say": 1, "the reader finds no answer in the chunk": 1}


@pytest.mark.parametrize("hard", [True, False])
def test_what_is_kept_says_whence_it_came(hard: bool) -> None:
    work = [Planned(make_chunk(document_id="d1"), "DATE", "k", "When was the mill built?")]
    [decision] = write_questions(work, Tally(1), 0, lambda draft, chunk: Verdict("", 0.9, hard=hard), {})
    assert decision.row is not None
    assert (decision.row.synthetic, decision.row.hard, decision.row.article, decision.row.answerable) == (
        True,
        hard,
        "d1",
        True,
    )
