"""Spans make one trace, in whatever order, pieces and repetitions they arrive."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.otlp.assembly import assemble
from metrics.otlp.records import EventRecord, SpanRecord
from pipeline.schema import trace_from_json, trace_to_json
from pipeline.types import Span, Trace
from tests.factories import make_trace
from tests.otlp.making import TRACE_ID, ZERO_NS, documents, kind, make_question, make_record, messages, span_id

said = st.sampled_from(
    [
        {},
        kind("CHAIN", **{"input.value": '{"question": "Why?"}', "output.value": "Because.", "tag.tags": ("a", "b")}),
        kind(
            "AGENT",
            **{"input.value": "How?", "session.id": "one", "metadata": '{"plan": "free", "n": [1, {"a": null}]}'},
        ),
        kind(
            "RETRIEVER",
            **{"input.value": "why", **documents("retrieval.documents", {"id": "a", "score": 0.5}, {"content": "T."})},
        ),
        kind("RETRIEVER", **documents("retrieval.documents", {"content": "T."}, {"id": "a", "content": "U."})),
        kind(
            "RERANKER",
            **documents("reranker.input_documents", {"id": "a"}, {"content": "T."}),
            **documents("reranker.output_documents", {"content": "T.", "score": 2.0}),
        ),
        kind(
            "LLM",
            **messages("llm.input_messages", ("user", "T. Why?")),
            **messages("llm.output_messages", ("assistant", "So.")),
        ),
        kind("LLM", **{"llm.model_name": "m", "llm.token_count.prompt": 7, "user.id": "u", "tag.tags": "c"}),
        kind("EMBEDDING", **{"embedding.embeddings.0.embedding.text": "Why?", "embedding.model_name": "e"}),
        {"gen_ai.operation.name": "chat", "error.type": "Timeout", "weights": (1, 2.5)},
    ]
)
times_ms = st.integers(-3, 60_000).map(float) | st.floats(0, 1e6, allow_nan=False)
spans = st.builds(
    make_record,
    st.integers(1, 7),
    st.none() | st.integers(1, 9),
    start_ms=times_ms,
    ms=st.integers(0, 90).map(float) | st.floats(0, 1e4),
    attributes=said,
    name=st.sampled_from(["", "ask", "Retriever.task"]),
    resource=st.sampled_from(
        [{"service.name": "shop"}, {"service.name": "shop", "host": "a"}, {"service.name": "shop", "host": "b"}, {}]
    ),
    status=st.sampled_from(["unset", "ok", "error"]),
    status_message=st.sampled_from(["", "It broke."]),
    events=st.just(())
    | st.just((EventRecord("exception", ZERO_NS + 5, {"exception.type": "a.b.Lost", "exception.message": "Gone."}),)),
    scope=st.sampled_from(["", "instrumentation"]),
    dropped=st.integers(0, 1),
)


def stored(trace: Trace) -> Trace:
    """A trace as the store gives it back."""
    return trace_from_json(trace_to_json(trace))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(spans, min_size=1, max_size=12), st.data())
def test_pieces_in_any_order_make_the_trace_that_the_whole_makes(found: list[SpanRecord], data: st.DataObject) -> None:
    whole = assemble(found)
    waiting = data.draw(st.permutations(found))
    trace: Trace | None = None
    while waiting:
        count = data.draw(st.integers(1, len(waiting)))
        trace = stored(assemble(waiting[:count], trace))
        waiting = waiting[count:]
    assert trace == stored(whole)
    assert assemble(found, whole) == whole


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(spans, min_size=1, max_size=8), st.integers(0, 8))
def test_pieces_join_a_trace_of_ours_in_any_order(found: list[SpanRecord], count: int) -> None:
    own = make_trace(trace_id=TRACE_ID)
    whole = assemble(found, own)
    parts = stored(assemble(found[count:], stored(assemble(found[:count], own))))
    assert replace(parts, session="", user="") == stored(replace(whole, session="", user=""))
    assert parts.spans[: len(own.spans)] == own.spans
    assert (parts.question, parts.chunks, parts.generation, parts.origin) == (
        own.question,
        own.chunks,
        own.generation,
        "person",
    )


def test_trace_says_what_its_spans_say() -> None:
    trace = assemble(make_question())
    assert (trace.trace_id, trace.question, trace.asked_at, trace.duration_ms) == (
        TRACE_ID,
        "Why?",
        ZERO_NS / 1e9,
        100.0,
    )
    assert [(c.chunk_id, c.text, c.score, c.rank) for c in trace.chunks] == [
        ("a", "Text a.", 0.9, 1),
        ("b", "Text b.", 0.8, 2),
        ("c", "Text c.", 0.7, 3),
    ]
    assert trace.retrieved == ()
    generation = trace.generation
    assert generation is not None
    assert (generation.answer, generation.prompt_tokens, generation.completion_tokens) == ("Because.", 12, 2)
    assert generation.prompt == "system: Text a. Text b. Text c.\n\nuser: Why?"
    assert trace.settings == {"embedder": "e5", "generator": "m", "top_k": 3, "rerank": False}
    assert {span.span_id: span.stage for span in trace.spans} == {
        span_id(1): "",
        span_id(2): "retrieve",
        span_id(3): "embed",
        span_id(5): "generate",
    }


def test_event_keeps_its_moment() -> None:
    [event] = next(span for span in assemble(make_question()).spans if span.events).events
    assert event.at_ms == 70.0


def test_reranked_trace_has_both_orders() -> None:
    trace = assemble(make_question(reranked=True))
    assert [(c.chunk_id, c.rank, c.score, dict(c.signals)) for c in trace.chunks] == [
        ("c", 1, 0.7, {"rerank": 5.0}),
        ("a", 2, 0.9, {"rerank": 4.0}),
    ]
    assert [c.chunk_id for c in trace.retrieved] == ["a", "b", "c"]
    assert trace.generation is not None
    assert trace.generation.used_chunk_ids == ("c", "a")


def test_chunk_that_is_not_in_the_prompt_was_not_used() -> None:
    spans = make_question()
    spans[3] = replace(
        spans[3], attributes={**spans[3].attributes, "llm.input_messages.0.message.content": "Text\n  b."}
    )
    generation = assemble(spans).generation
    assert generation is not None
    assert generation.used_chunk_ids == ("b",)


def test_root_that_arrives_last_says_what_was_asked() -> None:
    root, *rest = make_question()
    before = assemble(rest)
    assert (before.question, before.asked_at) == ("why", (ZERO_NS + 1_000_000) / 1e9)
    after = assemble([root], stored(before))
    assert after == stored(assemble([root, *rest]))
    assert after.question == "Why?"


def test_longer_record_of_a_span_replaces_the_shorter() -> None:
    begun = make_record(1, ms=0, attributes={})
    ended = make_record(1, ms=80, attributes=kind("CHAIN", **{"output.value": "Because."}))
    for first, second in itertools.permutations([begun, ended]):
        trace = assemble([second], assemble([first]))
        assert trace.duration_ms == 80.0
        assert trace.generation is not None
        assert trace.generation.answer == "Because."


def test_records_of_a_span_that_differ_in_a_word_alone_are_decided_between() -> None:
    records = [make_record(1, attributes=kind("CHAIN", **{"output.value": answer})) for answer in ("Yes.", "No.")]
    found = {
        assemble([second], assemble([first])) == assemble([first, second])
        for first, second in itertools.permutations(records)
    }
    assert found == {True}
    assert assemble(records) == assemble(records[::-1])


def test_circle_of_parents_makes_a_trace() -> None:
    trace = assemble([make_record(1, 2, ms=5), make_record(2, 3, start_ms=1), make_record(3, 1, start_ms=2)])
    assert len(trace.spans) == len(trace.tree) == 3
    assert trace.duration_ms == 12.0


def test_span_that_is_its_own_parent_is_a_root() -> None:
    assert [span.span_id for span in assemble([make_record(1, 1)]).tree.roots] == [span_id(1)]


def test_missing_parent_leaves_the_spans_that_are_there() -> None:
    trace = assemble([make_record(2, 1, ms=30), make_record(3, 1, start_ms=10, ms=40)])
    assert (trace.duration_ms, len(trace.tree.roots)) == (50.0, 2)


def test_clock_of_another_machine_may_run_before_the_root() -> None:
    trace = assemble([make_record(1, ms=50), make_record(2, 1, start_ms=-20, ms=5)])
    assert (trace.asked_at, trace.spans[0].start_ms) == (ZERO_NS / 1e9, -20.0)


@pytest.mark.parametrize("start_ns", [0, 4_102_444_800_000_000_000], ids=["1970", "2100"])
def test_clock_that_is_wrong_by_decades_is_believed(start_ns: int) -> None:
    record = replace(make_record(1), start_ns=start_ns, end_ns=start_ns + 7_000_000)
    trace = assemble([record])
    assert (trace.asked_at, trace.duration_ms) == (start_ns / 1e9, 7.0)
    assert assemble([record], stored(trace)) == stored(trace)


def test_end_before_the_beginning_counts_as_none() -> None:
    assert assemble([make_record(1, ms=-5)]).duration_ms == 0.0


def test_several_retrievers_documents_are_told_once_each_in_their_order() -> None:
    first = documents("retrieval.documents", {"id": "a", "content": "A."}, {"content": "B."})
    second = documents("retrieval.documents", {"content": "B.", "score": 0.5}, {"id": "a", "score": 0.4}, {"id": "c"})
    trace = assemble(
        [
            make_record(1, ms=50),
            make_record(2, 1, start_ms=1, attributes=kind("RETRIEVER", **first)),
            make_record(3, 1, start_ms=2, attributes=kind("RETRIEVER", **second)),
        ]
    )
    assert [(c.rank, c.text, c.score) for c in trace.chunks] == [(1, "A.", 0.4), (2, "B.", 0.5), (3, "", None)]


def test_pieces_of_one_document_are_chunks_of_their_own() -> None:
    found = documents(
        "retrieval.documents", {"id": "a", "content": "One."}, {"id": "a", "content": "Two."}, {"score": 0.1}
    )
    trace = assemble([make_record(1, attributes=kind("RETRIEVER", **found))])
    assert [c.chunk_id for c in trace.chunks] == ["a", "a#2", "document-3"]


def test_document_without_an_id_is_named_by_its_text() -> None:
    def ids(*texts: str) -> list[str]:
        found = documents("retrieval.documents", *({"content": text} for text in texts))
        return [c.chunk_id for c in assemble([make_record(1, attributes=kind("RETRIEVER", **found))]).chunks]

    assert ids("One.", "Two.") == ids("Two.", "One.")[::-1]
    assert len(set(ids("One.", "Two."))) == 2


def test_retriever_after_the_answer_does_not_count() -> None:
    late = documents("retrieval.documents", {"id": "z"})
    spans = [*make_question(), make_record(6, 1, start_ms=97, ms=1, attributes=kind("RETRIEVER", **late))]
    trace = assemble(spans)
    assert "z" not in {chunk.chunk_id for chunk in trace.chunks}
    assert next(span for span in trace.spans if span.span_id == span_id(6)).stage == ""


def test_span_within_another_of_its_kind_is_no_stage_of_its_own() -> None:
    client = make_record(6, 5, start_ms=61, ms=30, attributes=kind("LLM", **{"llm.token_count.prompt": 99}))
    trace = assemble([*make_question(), client])
    assert [span.span_id for span in trace.spans if span.stage == "generate"] == [span_id(5)]
    assert trace.metadata["all_prompt_tokens"] == 12


def test_what_only_the_clients_span_knows_of_the_model_is_known() -> None:
    inner = kind("LLM", **{"llm.token_count.prompt": 99}, **messages("llm.input_messages", ("user", "Why?")))
    spans = [make_record(1, attributes=kind("LLM", **{"output.value": "So."})), make_record(2, 1, attributes=inner)]
    generation = assemble(spans).generation
    assert generation is not None
    assert (generation.prompt, generation.prompt_tokens) == ("Why?", 99)


def test_model_that_rewrote_the_question_did_not_answer_it() -> None:
    rewriting = kind("LLM", **messages("llm.output_messages", ("assistant", "why exactly")))
    trace = assemble([*make_question(), make_record(7, 1, start_ms=0.5, ms=99, attributes=rewriting)])
    assert [span.span_id for span in trace.spans if span.stage == "generate"] == [span_id(5)]


def broken(number: int, parent: int, name: str, **said: Any) -> SpanRecord:
    exception = EventRecord("exception", ZERO_NS, {"exception.type": name, "exception.message": "No reply."})
    return make_record(number, parent, status="error", events=(exception,), **said)


def test_error_is_told_by_the_span_that_it_came_from() -> None:
    trace = assemble(
        [
            make_record(1, ms=50, status="error", status_message="500"),
            make_record(2, 1, ms=40, status="error"),
            broken(3, 2, "openai.APITimeoutError", start_ms=5, attributes=kind("LLM")),
        ]
    )
    assert trace.error is not None
    assert (trace.error.kind, trace.error.message, trace.error.stage) == ("APITimeoutError", "No reply.", "generate")
    assert trace.generation is None


def test_error_that_the_application_got_over_is_not_the_traces() -> None:
    trace = assemble([*make_question(), broken(6, 1, "Timeout", start_ms=50, ms=5, attributes=kind("LLM"))])
    assert trace.error is None
    assert next(span for span in trace.spans if span.span_id == span_id(6)).error is not None


def test_failed_span_without_an_exception_says_its_type() -> None:
    record = make_record(1, status="error", status_message="Slow.", attributes={"error.type": "timeout"})
    error = assemble([record]).error
    assert error is not None
    assert (error.kind, error.message) == ("timeout", "Slow.")


@pytest.mark.parametrize(
    ("resource", "backend"),
    [
        ({"service.name": "My shop/β"}, "otlp/My-shop"),
        ({"service.name": "unknown_service:python", "openinference.project.name": "shop"}, "otlp/shop"),
        ({"service.name": "../.."}, "otlp/unknown"),
        ({}, "otlp/unknown"),
    ],
)
def test_backend_is_the_applications_name_without_what_a_name_may_not_have(
    resource: dict[str, str], backend: str
) -> None:
    assert assemble([make_record(1, resource=resource)]).backend == backend


def test_others_spans_in_a_trace_of_ours_are_no_stages() -> None:
    own = make_trace(trace_id=TRACE_ID, asked_at=ZERO_NS / 1e9)
    trace = assemble([replace(record, parent_id=record.parent_id or "generate") for record in make_question()], own)
    others = trace.spans[len(own.spans) :]
    assert [span.stage for span in others] == ["", "", "", ""]
    assert {span.kind for span in others} == {"chain", "retriever", "embedding", "llm"}
    parent = trace.tree.parent(next(span for span in others if span.kind == "chain"))
    assert isinstance(parent, Span)
    assert parent.stage == "generate"


def test_person_finds_the_tags_that_they_gave_a_trace_after_more_of_it_arrived() -> None:
    first, second = (
        make_record(1, attributes={"tag.tags": ("beta",)}),
        make_record(2, 1, attributes={"tag.tags": "new"}),
    )
    tagged = replace(assemble([first]), tags=("beta", "keep"))
    assert assemble([second], tagged).tags == ("beta", "keep", "new")


def test_what_no_store_can_hold_is_not_in_a_trace() -> None:
    record = make_record(
        1, attributes={"input.value": '{"question": "Why\\u0000 \\ud800?"}', "output.value": '{"answer": "\\udfff"}'}
    )
    trace = assemble([record])
    assert trace.question == "Why  \ufffd?"
    assert trace.generation is not None
    assert trace.generation.answer == "\ufffd"
