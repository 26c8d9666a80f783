"""Whence a trace came and what was not sent of it, in words."""

from app.kit.costs import price_words
from app.kit.numbers import count, milliseconds
from app.kit.wording import listed, when
from metrics.token_costs import cost_of
from pipeline.types import Trace

ORIGINS = {"person": "", "run": "by a run", "load": "by a load", "application": "by another application"}
"""Who asked, as it stands after the time; of a person nothing is said."""


def provenance(trace: Trace) -> str:
    """Who answered, when, in what time, for whom, with how many tokens and which tags; the session is for a link beside it."""
    told = [
        trace.service or trace.backend,
        " ".join(filter(None, ("asked", ORIGINS[trace.origin], when(trace.asked_at)))),
        milliseconds(trace.duration_ms) if trace.origin == "application" else "",
        f"user {trace.user}" if trace.user else "",
        _tokens(trace),
        price_words(cost_of(trace)),
        f"tags: {', '.join(trace.tags)}" if trace.tags else "",
    ]
    return f"{' · '.join(filter(None, told))}."


def _tokens(trace: Trace) -> str:
    generation = trace.generation
    if generation is None:
        return ""
    written = generation.completion_tokens
    told = [
        f"{count(generation.prompt_tokens, 'token')} read" if generation.prompt_tokens else "",
        f"{written:,} written" if written is not None else "",
    ]
    return ", ".join(filter(None, told))


def missing_parts(trace: Trace) -> str:
    """What another application did not send, or has not yet; empty where nothing is missing, and for what was asked here."""
    if trace.origin != "application":
        return ""
    known = {span.span_id for span in trace.spans}
    awaited = {span.parent_id for span in trace.spans if span.parent_id is not None and span.parent_id not in known}
    unsent = [
        "" if trace.question else "question",
        "" if trace.generation is not None and trace.generation.answer else "answer",
        "" if trace.chunks else "documents",
        _texts_unsent(trace),
    ]
    unsent = [each for each in unsent if each]
    sentences = [
        f"Not sent: {listed(unsent)}." if unsent else "",
        f"{count(len(awaited), 'span')} that others stand in {'has' if len(awaited) == 1 else 'have'} not arrived; "
        "what stood inside is shown at the top."
        if awaited
        else "",
    ]
    return " ".join(filter(None, sentences))


def _texts_unsent(trace: Trace) -> str:
    sent = [bool(chunk.text) for chunk in trace.chunks]
    return "" if all(sent) else "text of some documents" if any(sent) else "text of the documents"
