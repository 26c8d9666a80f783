"""What comes of comparing two traces: which answer is better, by what, or that there is no difference; and the words that differ."""

from dataclasses import dataclass

from app.comparing.comparison import Comparison, compare
from app.comparing.side_by_side import SIDES, Side
from app.kit.difference import MARKED, telling
from app.kit.numbers import count, milliseconds, percent
from app.kit.plain import one_line, shortened
from explain.gold import Gold
from pipeline.types import Trace

RIGHT_CHARS = 120
"""Characters of the right answer that are shown."""

Spans = tuple[tuple[int, int], ...]
"""Character ranges."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the page begins with."""

    headline: str
    """Which is better, or that neither is."""
    better: Side | None
    """The better side; None where none is, or nobody can say."""
    reasons: tuple[str, ...]
    """What this rests on, and what else is different, a sentence each."""
    marks: tuple[Spans, Spans]
    """In each answer, the words that the other does not have; none where nearly all words differ."""
    note: str
    """What is marked, or why nothing is; empty where the answers are the same, or one is missing."""


def judge(first: Trace, second: Trace, gold: Gold | None = None, found: Comparison | None = None) -> Verdict:
    """Judge two traces. gold: what is right, where somebody said; it is held against both only where they were asked the same.

    found: their comparison, if it is at hand.
    """
    found = found or compare(first, second)
    gold = gold if first.question == second.question else None
    headline, better = _better(first, second, found, gold)
    marks, note = _marks(found)
    said = [_right_words(gold), _confidence_words(first, second), _chunk_words(found), _time_words(first, second)]
    return Verdict(headline, better, tuple(filter(None, said)), marks, note)


def _better(first: Trace, second: Trace, found: Comparison, gold: Gold | None) -> tuple[str, Side | None]:
    if None in found.answers:
        have = [side for side, answer in zip(SIDES, found.answers, strict=True) if answer is not None]
        return found.outcome, have[0] if have else None
    if gold is not None:
        return _by_gold(first, second, gold)
    if found.answers[0] == found.answers[1]:
        return "No difference: the answers are the same", None
    quiet = [_abstained(trace) for trace in (first, second)]
    if all(quiet):
        return "No difference: neither gives an answer", None
    if any(quiet):
        return f"Only the {SIDES[quiet[0]]} gives an answer", SIDES[quiet[0]]
    return "The answers differ; nobody said which is right", None


def _by_gold(first: Trace, second: Trace, gold: Gold) -> tuple[str, Side | None]:
    right = [_is_right(trace, gold) for trace in (first, second)]
    if all(right):
        return "No difference: both answers are right", None
    if not any(right):
        return "Neither answer is right", None
    better, worse = SIDES[right[1]], SIDES[right[0]]
    return f"The {better} is better: its answer is right, the {worse}'s is not", better


def _is_right(trace: Trace, gold: Gold) -> bool:
    generation = trace.generation
    return generation is not None and gold.agrees(generation.answer, generation.abstained)


def _abstained(trace: Trace) -> bool:
    return trace.generation is not None and trace.generation.abstained


def _right_words(gold: Gold | None) -> str:
    if gold is None:
        return ""
    if gold.unanswerable:
        return "Right is to give no answer: the documents have none."
    return f"Right is: {shortened(one_line(' or '.join(gold.answers)), RIGHT_CHARS)}."


def _confidence_words(first: Trace, second: Trace) -> str:
    """How sure each was, where both say it in the same way."""
    one, other = (None if trace.generation is None else trace.generation.confidence for trace in (first, second))
    if one is None or other is None or one.kind != other.kind or _abstained(first) != _abstained(second):
        return ""
    name = "Confidence" if one.kind == "calibrated" else "Mean token probability"
    shown = percent(one.value), percent(other.value)
    return (
        f"{name}: {shown[0]} on both sides."
        if shown[0] == shown[1]
        else f"{name}: {shown[0]} first, {shown[1]} second."
    )


def _chunk_words(found: Comparison) -> str:
    if not found.matches:
        return "No chunk was retrieved."
    shared = f"{len(found.shared)} of {count(len(found.matches), 'chunk')} {'was' if len(found.matches) == 1 else 'were'} retrieved by both"
    moves = [abs(match.moved) for match in found.matches if match.moved]
    if not moves:
        return f"{shared}{', at the same ranks' if found.shared else ''}."
    return f"{shared}; {len(moves)} of them at another rank, {count(max(moves), 'place')} at most."


def _time_words(first: Trace, second: Trace) -> str:
    faster, slower = sorted((first, second), key=lambda trace: trace.duration_ms)
    times = milliseconds(faster.duration_ms), milliseconds(slower.duration_ms)
    if times[0] == times[1]:
        return f"Time: {times[0]} on both sides."
    side = SIDES[faster is second]
    return f"The {side} was faster: {times[0]} against {times[1]}, measured once."


def _marks(found: Comparison) -> tuple[tuple[Spans, Spans], str]:
    one, other = found.answers
    if one is None or other is None or one == other:
        return ((), ()), ""
    words = telling(one, other)
    if words is None:
        return ((), ()), "The answers share few words, so that none is marked."
    return (words.first, words.second), MARKED
