"""What our traces look like as OpenTelemetry's spans, read back from the bytes that are sent."""

import json
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from metrics.otlp.spans_out import REDACTED, Hiding, own_resource, spans_of
from pipeline.errors import InputError
from pipeline.spans import Failure, Span, SpanEvent
from pipeline.types import Trace
from tests.factories import ANSWER, QUESTION, make_chunk, make_failed_trace, make_generation, make_spans, make_trace
from tests.otlp.stand_in_collector import plain

PROMPT = "Answer from the text.\nQuestion: Who proposed it?"
FIRST, SECOND = make_chunk(chunk_id="a" * 16, score=0.9), make_chunk(chunk_id="b" * 16, score=0.8, rank=2, text="")


def sent(trace: Trace, **hiding: bool) -> ExportTraceServiceRequest:
    """The trace as it comes out of the bytes at the other end."""
    made = spans_of(trace, own_resource("0.1.0", "this-process"), Hiding(**hiding))
    return ExportTraceServiceRequest.FromString(encode_spans(made).SerializeToString())


def spans(trace: Trace, **hiding: bool) -> dict[str, Any]:
    """Spans by name."""
    [resource] = sent(trace, **hiding).resource_spans
    [scope] = resource.scope_spans
    return {span.name: span for span in scope.spans}


def said(trace: Trace, name: str, **hiding: bool) -> dict[str, Any]:
    """A span's attributes."""
    return plain(spans(trace, **hiding)[name].attributes)


def reranked() -> Trace:
    stages = (
        Span("embed", 0.1, 8.0, {"model": "e5"}, span_id="00000000000000e1"),
        Span("retrieve", 8.1, 2.0, {"top_k": 20, "returned": 2}, span_id="00000000000000e2"),
        Span("rerank", 10.1, 5.0, {"model": "ce", "candidates": 2}, span_id="00000000000000e3"),
        Span("generate", 15.1, 20.0, {"model": "flan", "tokens": 7}, span_id="00000000000000e4"),
    )
    generation = make_generation(prompt=PROMPT, completion_tokens=9)
    return make_trace(spans=stages, chunks=(SECOND, FIRST), retrieved=(FIRST, SECOND), generation=generation)


def test_stages_stand_under_a_root_with_the_ids_and_times_that_they_have_here() -> None:
    trace = reranked()
    made = spans(trace)
    root = made["ask"]
    assert list(made) == ["ask", "CreateEmbeddings", "retrieve", "rerank", "generate"]
    assert {span.trace_id.hex() for span in made.values()} == {trace.trace_id}
    assert [span.span_id.hex()[-2:] for span in made.values()][1:] == ["e1", "e2", "e3", "e4"]
    assert root.parent_span_id == b""
    assert {span.parent_span_id for span in made.values() if span is not root} == {root.span_id}
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (
        1_757_000_000_000_000_000,
        1_757_000_000_036_000_000,
    )
    assert made["retrieve"].start_time_unix_nano == 1_757_000_000_008_100_000
    kinds = [plain(span.attributes)["openinference.span.kind"] for span in made.values()]
    assert kinds == ["CHAIN", "EMBEDDING", "RETRIEVER", "RERANKER", "LLM"]


def test_span_within_a_span_stays_there() -> None:
    network = Span("network", 0.0, 30.0, span_id="00000000000000f1")
    gateway = Span("gateway", 1.0, 28.0, parent_id="00000000000000f1", span_id="00000000000000f2")
    made = spans(make_trace(spans=(network, gateway)))
    assert made["gateway"].parent_span_id.hex() == "00000000000000f1"
    assert plain(made["network"].attributes)["openinference.span.kind"] == "CHAIN"


def test_stage_without_an_id_of_its_own_has_the_same_one_whenever_it_is_sent() -> None:
    trace = make_trace()
    first, second = spans(trace), spans(trace)
    ids = [span.span_id for span in first.values()]
    assert ids == [span.span_id for span in second.values()]
    assert len(set(ids)) == 4
    assert {len(each) for each in ids} == {8}
    assert ids[0] != spans(make_trace())["ask"].span_id


def test_resource_names_the_application_and_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    [resource] = sent(make_trace()).resource_spans
    assert plain(resource.resource.attributes) == {
        "service.name": "raglass",
        "service.version": "0.1.0",
        "service.instance.id": "this-process",
        "openinference.project.name": "raglass",
    }
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "openinference.project.name=mine,deployment.environment.name=lab")
    [resource] = sent(make_trace()).resource_spans
    found = plain(resource.resource.attributes)
    assert (found["openinference.project.name"], found["deployment.environment.name"]) == ("mine", "lab")


def test_root_says_question_answer_and_how_far_it_may_be_trusted() -> None:
    found = said(make_trace(backend="local/research"), "ask")
    assert (found["input.value"], found["output.value"]) == (QUESTION, ANSWER)
    assert found["raglass.confidence"] == 0.91
    assert found["raglass.confidence.kind"] == "calibrated"
    assert found["raglass.abstained"] is False
    assert (found["raglass.backend"], found["raglass.settings.top_k"]) == ("local/research", 5)


def test_session_user_tags_and_metadata_are_on_every_span() -> None:
    trace = make_trace(session="s1", user="ada", tags=("keep", "beta"), metadata={"shop": "é"})
    for span in spans(trace).values():
        found = plain(span.attributes)
        assert (found["session.id"], found["gen_ai.conversation.id"], found["user.id"]) == ("s1", "s1", "ada")
        assert found["tag.tags"] == ["keep", "beta"]
        assert json.loads(found["metadata"]) == {"shop": "é"}


def test_embedding_says_model_and_text_by_both_conventions() -> None:
    found = said(reranked(), "CreateEmbeddings")
    assert found["embedding.model_name"] == found["gen_ai.request.model"] == "e5"
    assert found["embedding.embeddings.0.embedding.text"] == QUESTION
    assert found["gen_ai.operation.name"] == "embeddings"


def test_recorded_vector_is_sent_unless_vectors_are_hidden() -> None:
    embed = Span("embed", 0.0, 1.0, {"model": "e5", "vector": (0.5, -0.25)})
    trace = make_trace(spans=(embed,))
    key = "embedding.embeddings.0.embedding.vector"
    assert said(trace, "CreateEmbeddings")[key] == [0.5, -0.25]
    assert said(trace, "CreateEmbeddings")["gen_ai.embeddings.dimension.count"] == 2
    assert said(trace, "CreateEmbeddings", vectors=True)[key] == REDACTED


def test_retrieval_has_the_retrievers_order_and_reranking_both() -> None:
    trace = reranked()
    retrieved, chosen = said(trace, "retrieve"), said(trace, "rerank")
    assert (
        retrieved["retrieval.documents.0.document.id"] == chosen["reranker.input_documents.0.document.id"] == "a" * 16
    )
    assert chosen["reranker.output_documents.0.document.id"] == "b" * 16
    assert retrieved["retrieval.documents.0.document.content"] == FIRST.text
    assert retrieved["retrieval.documents.0.document.score"] == 0.9
    assert json.loads(retrieved["retrieval.documents.1.document.metadata"])["title"] == "Continental drift"
    assert json.loads(retrieved["gen_ai.retrieval.documents"]) == [
        {"id": "a" * 16, "score": 0.9},
        {"id": "b" * 16, "score": 0.8},
    ]
    assert [each["id"] for each in json.loads(chosen["output.value"])] == ["b" * 16, "a" * 16]
    assert (retrieved["gen_ai.retrieval.query.text"], chosen["reranker.query"]) == (QUESTION, QUESTION)
    assert (retrieved["gen_ai.retrieval.top_k"], retrieved["raglass.returned"]) == (20, 2)
    assert (chosen["reranker.model_name"], chosen["reranker.top_k"]) == ("ce", 5)


def test_document_without_score_or_text_says_nothing_of_them() -> None:
    found = said(make_trace(chunks=(make_chunk(score=None, text="", signals={}),)), "retrieve")
    assert "retrieval.documents.0.document.score" not in found
    assert "retrieval.documents.0.document.content" not in found
    assert json.loads(found["gen_ai.retrieval.documents"]) == [{"id": "c0ffee0000000001"}]


def test_generation_says_prompt_answer_tokens_and_why_it_ended() -> None:
    found = said(reranked(), "generate")
    assert found["llm.input_messages.0.message.content"] == found["input.value"] == PROMPT
    assert found["llm.output_messages.0.message.content"] == found["output.value"] == ANSWER
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": PROMPT}]}
    ]
    tokens = [found[f"llm.token_count.{each}"] for each in ("prompt", "completion", "total")]
    assert tokens == [412, 9, 421]
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (412, 9)
    assert found["llm.finish_reason"] == "stop"
    assert found["gen_ai.response.finish_reasons"] == ["stop"]
    assert (found["llm.model_name"], found["gen_ai.operation.name"]) == ("flan", "text_completion")
    assert found["raglass.confidence"] == 0.91


def test_failure_is_an_exception_where_it_happened_and_an_error_at_the_root() -> None:
    trace = make_failed_trace()
    made = spans(trace)
    failed = made["generate"]
    [event] = failed.events
    assert (failed.status.code, made["ask"].status.code, made["retrieve"].status.code) == (2, 2, 0)
    assert plain(event.attributes) == {
        "exception.type": "Timeout",
        "exception.message": trace.error.message if trace.error else "",
    }
    assert event.time_unix_nano == failed.end_time_unix_nano
    assert plain(failed.attributes)["error.type"] == "Timeout"
    assert "output.value" not in plain(failed.attributes)


def test_failed_retrieval_claims_no_documents() -> None:
    failure = Failure("Unavailable", "There is no index.", "retrieve")
    stages = (make_spans()[0], Span("retrieve", 8.1, 1.0, {"top_k": 5}, failure))
    found = said(make_trace(spans=stages, chunks=(), generation=None, error=failure), "retrieve")
    assert not [name for name in found if name.startswith("retrieval.documents")]


def test_events_of_a_span_keep_their_times() -> None:
    event = SpanEvent("first token", 12.5, {"place": 1})
    made = spans(make_trace(spans=(Span("generate", 10.0, 5.0, {}, events=(event,)),)))
    [found] = made["generate"].events
    assert (found.name, found.time_unix_nano, plain(found.attributes)) == (
        "first token",
        1_757_000_000_012_500_000,
        {"place": 1},
    )


def test_nothing_that_was_written_leaves_when_texts_are_hidden() -> None:
    secret = "PLANTED"
    chunk = make_chunk(text=secret, title=secret, section=(secret,), source=secret, place=secret)
    event = SpanEvent("note", 1.0, {"said": secret})
    stages = tuple(
        Span(stage, 0.0, 1.0, {"model": "m", "note": secret, "notes": (secret,)}, events=(event,))
        for stage in ("embed", "retrieve", "rerank", "generate")
    )
    generation = make_generation(answer=secret, prompt=secret)
    texts = {"question": secret, "generation": generation, "metadata": {"note": secret}}
    trace = make_trace(chunks=(chunk,), retrieved=(chunk,), spans=stages, **texts)
    assert secret in str(sent(trace))
    hidden = sent(trace, texts=True)
    assert secret not in str(hidden)
    found = said(trace, "retrieve", texts=True)
    assert found["retrieval.documents.0.document.content"] == found["input.value"] == found["output.value"] == REDACTED
    assert (found["retrieval.documents.0.document.score"], found["output.mime_type"]) == (0.87, "text/plain")
    assert said(trace, "generate", texts=True)["llm.model_name"] == "m"


def test_text_that_no_utf8_can_hold_is_sent_with_marks_in_its_place() -> None:
    assert (
        said(make_trace(chunks=(make_chunk(text="a\ud800b"),)), "retrieve")["retrieval.documents.0.document.content"]
        == "a?b"
    )


@pytest.mark.parametrize(
    "broken", [{"trace_id": "0" * 32}, {"trace_id": "no id"}, {"trace_id": "f" * 40}, {"duration_ms": float("nan")}]
)
def test_trace_that_otlp_cannot_hold_is_named(broken: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="OTLP cannot hold"):
        spans_of(make_trace(**broken), own_resource("0.1.0", "x"))
