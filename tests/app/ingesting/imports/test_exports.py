"""What other tools exported, read into spans and put together: question, documents, answer and times are those of the application.

The files of Phoenix were written by Phoenix 20.26 and its client 3.5 from the spans of `make_question`; those of Langfuse follow its
reference.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from app.ingesting.imports.importing import Imported, import_file
from metrics.otlp.assembly import assemble
from metrics.otlp.records import SpanRecord
from pipeline.types import Trace
from tests.otlp.making import TRACE_ID, ZERO_NS

EXPORTS = Path(__file__).parent / "exports"


class Kept:
    """A store that keeps spans as they are given."""

    def __init__(self) -> None:
        self.records: list[SpanRecord] = []

    def put_spans(self, records: Sequence[SpanRecord]) -> None:
        self.records += records

    def known(self, trace_ids: Collection[str]) -> set[str]:
        return {record.trace_id for record in self.records}.intersection(trace_ids)


def read(name: str, **how: str) -> tuple[Trace, Imported]:
    kept = Kept()
    found = import_file(EXPORTS / name, kept, **how)
    assert {record.trace_id for record in kept.records} == {kept.records[0].trace_id}
    return assemble(kept.records), found


@pytest.mark.parametrize("name", ["phoenix.parquet", "phoenix.jsonl", "phoenix.json"])
def test_phoenix_gives_back_what_was_sent_to_it(name: str) -> None:
    trace, found = read(name, service="shop")
    assert (found.spans, found.rejected, found.formats.keys()) == (5, 0, {"phoenix"})
    assert (trace.trace_id, trace.question, trace.service) == (TRACE_ID, "Why?", "shop")
    assert trace.generation is not None
    assert (trace.generation.answer, trace.generation.prompt_tokens, trace.generation.completion_tokens) == (
        "Because.",
        12,
        2,
    )
    assert [(chunk.chunk_id, chunk.text) for chunk in trace.chunks] == [("c", "Text c."), ("a", "Text a.")]
    assert [chunk.chunk_id for chunk in trace.retrieved] == ["a", "b", "c"]
    assert [chunk.score for chunk in trace.retrieved] == pytest.approx([0.9, 0.8, 0.7])
    assert trace.asked_at * 1e9 == ZERO_NS
    assert (trace.duration_ms, [span.stage for span in trace.spans]) == (
        100.0,
        ["", "retrieve", "embed", "rerank", "generate"],
    )


@pytest.mark.parametrize("name", ["phoenix.parquet", "phoenix.jsonl", "phoenix.json"])
def test_what_phoenix_keeps_as_objects_is_json_text_again_and_nothing_is_made_up(name: str) -> None:
    kept = Kept()
    import_file(EXPORTS / name, kept)
    spans = {record.name: record for record in kept.records}
    assert spans["span 2"].attributes["metadata"] == '{"team":"search"}'
    assert spans["span 2"].attributes["retrieval.documents.0.document.metadata"] == '{"page":3}'
    assert "metadata" not in spans["span 3"].attributes
    assert "retrieval.documents.1.document.metadata" not in spans["span 2"].attributes
    assert (spans["span 4"].status, spans["span 4"].status_message) == ("error", "bad")
    assert [(event.name, event.attributes["exception.type"]) for event in spans["span 4"].events] == [
        ("exception", "ValueError")
    ]
    assert spans["span 4"].events[0].at_ns - spans["span 4"].start_ns == 1_000


def test_downloaded_trace_of_langfuse_is_a_tree_under_a_span_of_its_own() -> None:
    trace, found = read("langfuse_trace.json", service="shop")
    assert (found.spans, found.rejected, found.formats) == (4, 0, {"langfuse": 1})
    assert (trace.question, trace.session, trace.user, trace.tags) == ("Why?", "talk 7", "ada", ("beta", "search"))
    assert (trace.metadata["team"], trace.metadata["release"], trace.duration_ms) == ("search", "1.4", 100.0)
    assert [(chunk.chunk_id, chunk.text, chunk.score, chunk.title) for chunk in trace.chunks] == [
        ("a", "Text a.", None, "A"),
        ("b", "Text b.", None, ""),
    ]
    assert trace.generation is not None
    assert (trace.generation.answer, trace.generation.prompt_tokens) == ("Because.", 12)
    assert trace.generation.prompt is not None
    assert "Text a. Text b." in trace.generation.prompt
    assert trace.settings["generator"] == "gpt-4o"
    tree = trace.tree
    assert [(span.name, tree.depth(span), span.status) for span in tree] == [
        ("rag", 0, "unset"),
        ("search", 1, "unset"),
        ("cache miss", 2, "error"),
        ("ask", 1, "unset"),
    ]


@pytest.mark.parametrize("name", ["langfuse_observations.jsonl", "langfuse_observations.csv"])
def test_observations_that_were_sent_over_opentelemetry_keep_their_ids_and_their_root(name: str) -> None:
    trace, found = read(name)
    assert (found.spans, found.rejected) == (2, 0)
    assert (trace.trace_id, trace.backend) == (TRACE_ID, "otlp/langfuse")
    assert [(span.span_id, span.parent_id) for span in trace.spans] == [
        ("00000000000000a1", None),
        ("00000000000000a2", "00000000000000a1"),
    ]
    assert (trace.question, trace.user, trace.tags, trace.duration_ms) == ("Why?", "ada", ("beta",), 100.0)
    assert trace.generation is not None
    assert (trace.generation.answer, trace.generation.prompt_tokens) == ("Because.", 12)


def test_ids_that_are_no_numbers_become_the_same_each_time() -> None:
    first, second = Kept(), Kept()
    for kept in (first, second):
        import_file(EXPORTS / "langfuse_trace.json", kept)
    assert first.records == second.records
    assert all(len(record.trace_id) == 32 and len(record.span_id) == 16 for record in first.records)
