"""How an answer stands on its chunks, sentence by sentence, in words: by the words they share and by what is lost without them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.explaining.words import probable
from app.kit.numbers import percent
from app.kit.plain import one_line, printable
from app.kit.wording import listed
from explain.explained import Explained, read_chunks, scored_answer
from explain.explanation import Explanation
from explain.grounding import Grounding, SentenceGrounding, ground, sentence_drops, split_answer
from explain.spans import token_spans
from pipeline.types import Chunk, Trace

NO_CLAIM = "The generator abstained, so there is no claim to hold against the chunks."


@dataclass(frozen=True, slots=True)
class SentenceMark:
    """How a sentence of the answer is shown."""

    text: str
    """The sentence."""
    unsupported: tuple[tuple[int, int], ...]
    """Character ranges in it that no chunk holds."""
    supported: bool
    """Whether one chunk supports it."""
    words: str
    """By which chunk and how far, in words."""


@dataclass(frozen=True, slots=True)
class Grounded:
    """The whole answer."""

    headline: str
    """How many sentences are supported."""
    sentences: tuple[SentenceMark, ...]
    """In order; empty for an abstention."""
    citations: str | None
    """Citation precision and recall, in a sentence; None for an answer that cites nothing."""


def grounded(found: Explained) -> Grounded:
    """Hold the answer against the chunks that it read."""
    if found.abstained:
        return Grounded(NO_CLAIM, (), None)
    sentences = split_answer(found.answer)
    spans = token_spans(found.answer, found.tokens)
    drops = None
    if isinstance(found, Explanation) and found.complete and spans is not None:
        drops = sentence_drops(sentences, spans, found.token_leave_one_out_nats)
    return _told(found.chunks, ground(sentences, found.chunks, drops))


def grounded_trace(trace: Trace) -> Grounded:
    """Hold a trace's answer against the chunks that it read, by their texts alone: no backend is asked.

    Raises InputError for a trace without an answer, or without the text of any chunk.
    """
    found = ground_trace(trace)
    return Grounded(NO_CLAIM, (), None) if found is None else _told(read_chunks(trace), found)


def ground_trace(trace: Trace) -> Grounding | None:
    """The same as figures; None for an abstention. Raises InputError likewise."""
    answer, chunks = scored_answer(trace), read_chunks(trace)
    if trace.generation is not None and trace.generation.abstained:
        return None
    return ground(split_answer(answer), chunks, None)


def _told(chunks: Sequence[Chunk], result: Grounding) -> Grounded:
    marks = tuple(_mark(chunks, each) for each in result.sentences)
    return Grounded(_headline(marks), marks, _citations(result))


def _headline(marks: tuple[SentenceMark, ...]) -> str:
    held = sum(mark.supported for mark in marks)
    if len(marks) == 1:
        return "One chunk supports the answer." if held else "No single chunk supports the answer."
    return f"{held} of {len(marks)} sentences are supported by a single chunk."


def _mark(chunks: Sequence[Chunk], each: SentenceGrounding) -> SentenceMark:
    start = each.sentence.start
    missing = tuple((begin - start, end - start) for begin, end in each.unsupported)
    return SentenceMark(each.sentence.text, missing, each.supported, _words(chunks, each))


def _words(chunks: Sequence[Chunk], each: SentenceGrounding) -> str:
    if not each.words or each.best is None:
        return "Nothing in it can be checked."
    best = each.by_chunk[each.best]
    said = f"Chunk {chunks[each.best].rank} holds {percent(best.recall)} of its words"
    if best.missing:
        said += f", but not {listed([f'“{word}”' for word in best.missing])}"
    if best.drop_nats is not None:
        said += f"; without that chunk it is {probable(-best.drop_nats)}"
    if not each.supported and each.together.supported:
        said += "; several chunks together support it"
    return f"{said}."


def _citations(result: Grounding) -> str | None:
    scores = result.citations
    if scores is None:
        return None
    return (
        f"Citations: recall {scores.recall:.2f}, the share of sentences that what they cite supports; precision {scores.precision:.2f}, "
        f"the share of the {scores.citations} citations that are needed (ALCE)."
    )


def grounding_text(shown: Grounded) -> str:
    """How an answer stands on its chunks, for a terminal."""
    lines = ["Do the chunks say it?", f"  {shown.headline}"]
    for mark in shown.sentences:
        lines += [f"  {'+' if mark.supported else '-'} {one_line(mark.text)}", f"      {mark.words}"]
    if shown.sentences:
        lines.append("  A matter of words: a chunk that says the opposite in the same words counts as support.")
    return printable("\n".join([*lines, *([f"  {shown.citations}"] if shown.citations else [])]))


def grounding_to_dict(shown: Grounded) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(shown)
