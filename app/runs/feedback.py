"""Traces that people have given feedback on, as a dataset: what they praised is right, and so is what they wrote in a note.

A note says what is right after `Right:`, at its beginning or that of a sentence; several answers are separated by `|`, and `Right: none`
says that the documents have no answer. Of a rating down without that it is only known what is wrong, which no answer can be held against.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.kit.numbers import count
from explain.answers import normalise
from metrics.queries import StoredTrace
from pipeline.types import Generation

MARK = "right:"
"""What such notes are searched for by."""

NO_ANSWER = "none"

_NOTED = re.compile(rf"(?:^|[.;!?]\s+){MARK}(?P<told>.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FeedbackDataset:
    """Labelled questions that people have made."""

    rows: tuple[dict[str, object], ...]
    """As a line of JSONL each."""
    problems: tuple[str, ...]
    """Traces that gave no question, and why; what was decided between contradicting ones."""

    def to_jsonl(self) -> str:
        """The file's text."""
        return "".join(f"{json.dumps(row)}\n" for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the feedback on one trace says."""

    trace_id: str
    question: str
    answers: tuple[str, ...] | None
    """Right answers; empty if the documents have none; None where it only says that the answer is wrong."""
    rejected: str | None
    """The answer that is wrong, where nothing better is told."""


def read_feedback(stored: Iterable[StoredTrace]) -> FeedbackDataset:
    """Questions with what was said to be right of each; of the same question more than once, what was said last, and all that agrees.

    stored: traces with feedback, in any order.
    """
    problems: list[str] = []
    by_question: dict[str, list[_Told]] = {}
    for each in sorted(stored, key=lambda each: each.annotated_at or 0.0, reverse=True):
        told = _read(each)
        if isinstance(told, str):
            problems.append(told)
        else:
            by_question.setdefault(normalise(told.question) or told.question, []).append(told)
    rows = [row for all_told in by_question.values() if (row := _row(all_told, problems)) is not None]
    return FeedbackDataset(tuple(rows), tuple(problems))


def _read(stored: StoredTrace) -> _Told | str:
    trace = stored.trace
    noted = _noted(stored.note)
    generation = trace.generation
    if not trace.question.strip():
        return f"trace {trace.trace_id}: it does not say what was asked"
    if noted is not None:
        return _Told(trace.trace_id, trace.question, noted, None)
    if trace.error is not None or generation is None or not (generation.answer.strip() or generation.abstained):
        failed = "it failed" if trace.error is not None else "it has no answer"
        return f"trace {trace.trace_id}: {failed}, and its note does not say what is right"
    if stored.rating > 0:
        return _Told(trace.trace_id, trace.question, _praised(generation), None)
    if stored.rating < 0:
        return _Told(trace.trace_id, trace.question, None, generation.answer)
    return f"trace {trace.trace_id}: its feedback does not say what is right; write “Right: …” in the note"


def _praised(generation: Generation) -> tuple[str, ...]:
    return () if generation.abstained else (generation.answer,)


def _noted(note: str) -> tuple[str, ...] | None:
    """The right answers by a note; None where it names none."""
    found = _NOTED.search(note.strip())
    told = "" if found is None else found["told"].strip()
    if told.rstrip(".").lower() == NO_ANSWER:
        return ()
    return tuple(part.strip() for part in told.split("|") if normalise(part)) or None


def _row(told: Sequence[_Told], problems: list[str]) -> dict[str, object] | None:
    """The question as its newest word has it; None where nobody said what is right."""
    newest = next((each for each in told if each.answers is not None), None)
    if newest is None or newest.answers is None:
        problems.append(
            f"trace {told[0].trace_id}: a rating down says what is wrong, not what is right; write “Right: …” in the note"
        )
        return None
    answers = list(newest.answers)
    for each in told:
        if each.answers is not None and bool(each.answers) != bool(answers):
            problems.append(
                f"trace {each.trace_id}: it disagrees with the later feedback on trace {newest.trace_id}, which counts"
            )
        elif each.answers:
            answers += each.answers
        elif each.rejected is not None and normalise(each.rejected) in map(normalise, newest.answers):
            problems.append(
                f"trace {each.trace_id}: its answer is rejected there and praised on trace {newest.trace_id}"
            )
    return {"id": newest.trace_id, "question": newest.question, "answers": list(dict.fromkeys(answers))}


def feedback_words(found: FeedbackDataset) -> str:
    """What came of it, in a sentence."""
    left = f"; {count(len(found.problems), 'remark')} on what was left out or decided" if found.problems else ""
    return f"{count(len(found.rows), 'labelled question')} from feedback{left}."
