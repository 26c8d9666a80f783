"""Whence a trace came, and what is missing of it."""

from dataclasses import replace

from app.traces.provenance import missing_parts, provenance
from tests.factories import make_trace
from tests.trees import make_foreign_trace


def test_a_trace_from_here_says_who_answered_and_that_nothing_is_missing():
    assert provenance(make_trace()).startswith("local/embedded · asked 2025-09-04 15:33:20 UTC · 412 tokens read")
    assert "asked by a run" in provenance(make_trace(origin="run"))
    assert missing_parts(make_trace(chunks=(), generation=None)) == ""


def test_a_foreign_trace_says_service_user_tokens_and_tags():
    said = provenance(make_foreign_trace())
    for part in ("shop-assistant", "by another application", "user ada", "812 tokens read, 64 written", "tags: beta"):
        assert part in said


def test_what_was_not_sent_and_what_has_not_arrived_is_told():
    trace = make_foreign_trace()
    assert missing_parts(trace) == "Not sent: text of some documents."
    silent = replace(trace, chunks=tuple(replace(chunk, text="") for chunk in trace.chunks))
    assert missing_parts(silent) == "Not sent: text of the documents."
    empty = replace(trace, question="", generation=None, chunks=())
    assert missing_parts(empty) == "Not sent: question, answer and documents."
    cut = replace(trace, chunks=trace.chunks[:1], spans=trace.spans[2:])
    # Of the parents one is the chain, the other the root.
    assert missing_parts(cut).startswith("2 spans that others stand in have not arrived")
