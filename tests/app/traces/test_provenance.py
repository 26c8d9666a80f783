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


def test_cost_by_the_token_stands_with_the_month_of_its_prices_or_is_said_to_be_unknown():
    written = replace(make_trace().generation, prompt="p", prompt_tokens=1000, completion_tokens=100)
    known = make_trace(generation=written, settings={"generator": "openai:gpt-4o-mini"})
    # 1,000 tokens at $0.15 a million and 100 at $0.60.
    assert "about $0.00021 by list prices of 2025-06" in provenance(known)
    unknown = make_trace(generation=written, settings={"generator": "openai:tiny@rack:8000"})
    assert "no price is known for “tiny@rack:8000”" in provenance(unknown)
    assert "cost" not in provenance(make_trace())
