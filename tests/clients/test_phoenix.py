"""Our traces in a real Phoenix, read back through its API. Run by `make clients`, which installs it."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metrics.otlp.collector import Collector
from metrics.otlp.sending import TraceSender, read_target
from metrics.otlp.spans_out import REDACTED, Hiding
from pipeline.recording import new_span_id
from pipeline.spans import Span
from pipeline.types import Trace
from tests.clients.served_phoenix import Phoenix, serving_phoenix
from tests.factories import ANSWER, QUESTION, make_chunk, make_failed_trace, make_generation, make_trace

SETTLE_S = 60.0
"""How long Phoenix may take to store what it has accepted."""

PROMPT = f"Answer from the text.\nQuestion: {QUESTION}"


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    python = os.environ.get("RAGLASS_PHOENIX")
    assert python, "RAGLASS_PHOENIX must name the Python of an environment with arize-phoenix: run `make clients`"
    with serving_phoenix(Path(python), tmp_path_factory.mktemp("phoenix")) as served:
        yield served


def send(phoenix: Phoenix, trace: Trace, **hiding: bool) -> dict[str, dict[str, Any]]:
    """A trace's spans by name, as Phoenix has them."""
    target = read_target(phoenix.url, "127.0.0.1", 8501, {})
    assert target is not None
    sender = TraceSender(lambda: Collector(target, "0.1.0", Hiding(**hiding)))
    sender.send(trace)
    sender.close(SETTLE_S)
    assert (sender.counts.sent, sender.counts.problem) == (1, None)
    until = time.monotonic() + SETTLE_S
    while True:
        found = phoenix.spans("raglass", trace_id=trace.trace_id)
        if len(found) == len(trace.spans) + 1 or time.monotonic() > until:
            return {span["name"]: span for span in found}
        time.sleep(0.2)


def reranked(**changes: Any) -> Trace:
    first, second = make_chunk(chunk_id="a" * 16, score=0.9), make_chunk(chunk_id="b" * 16, score=0.8, rank=2)
    spans = (
        Span("embed", 0.1, 8.0, {"model": "e5", "vector": (0.5, -0.25)}, span_id=new_span_id()),
        Span("retrieve", 8.1, 2.0, {"top_k": 20}, span_id=new_span_id()),
        Span("rerank", 10.1, 5.0, {"model": "ce"}, span_id=new_span_id()),
        Span("generate", 15.1, 20.0, {"model": "flan"}, span_id=new_span_id()),
    )
    generation = make_generation(prompt=PROMPT, completion_tokens=9)
    return make_trace(
        **{"spans": spans, "chunks": (second, first), "retrieved": (first, second), "generation": generation, **changes}
    )


def test_answered_question_is_read_as_it_was(phoenix: Phoenix) -> None:
    trace = reranked(session="s1", user="ada", tags=("beta",), metadata={"shop": "north"})
    found = send(phoenix, trace)
    kinds = {name: span["span_kind"] for name, span in found.items()}
    assert kinds == {
        "ask": "CHAIN",
        "CreateEmbeddings": "EMBEDDING",
        "retrieve": "RETRIEVER",
        "rerank": "RERANKER",
        "generate": "LLM",
    }
    root = found["ask"]
    assert root["parent_id"] is None
    assert {span["parent_id"] for name, span in found.items() if name != "ask"} == {root["context"]["span_id"]}
    assert found["generate"]["context"]["span_id"] == trace.spans[3].span_id
    assert (root["attributes"]["input.value"], root["attributes"]["output.value"]) == (QUESTION, ANSWER)
    assert (root["attributes"]["session.id"], root["attributes"]["user.id"]) == ("s1", "ada")
    assert root["attributes"]["metadata.shop"] == "north"
    assert root["attributes"]["raglass.confidence"] == 0.91


def test_documents_are_there_before_and_after_reranking(phoenix: Phoenix) -> None:
    found = send(phoenix, reranked())
    retrieved, chosen = found["retrieve"]["attributes"], found["rerank"]["attributes"]
    assert [retrieved[f"retrieval.documents.{place}.document.id"] for place in (0, 1)] == ["a" * 16, "b" * 16]
    assert (retrieved["retrieval.documents.0.document.score"], retrieved["retrieval.documents.0.document.content"]) == (
        0.9,
        make_chunk().text,
    )
    assert chosen["reranker.input_documents.0.document.id"] == "a" * 16
    assert chosen["reranker.output_documents.0.document.id"] == "b" * 16
    assert [each["id"] for each in json.loads(chosen["output.value"])] == ["b" * 16, "a" * 16]


def test_prompt_messages_and_tokens_are_there(phoenix: Phoenix) -> None:
    found = send(phoenix, reranked())["generate"]["attributes"]
    assert found["input.value"] == found["llm.input_messages.0.message.content"] == PROMPT
    assert found["llm.output_messages.0.message.content"] == ANSWER
    assert (found["llm.token_count.prompt"], found["llm.token_count.completion"]) == (412, 9)
    assert found["llm.model_name"] == "flan"


def test_failure_is_an_error_with_its_exception(phoenix: Phoenix) -> None:
    found = send(phoenix, make_failed_trace())
    assert (found["ask"]["status_code"], found["generate"]["status_code"]) == ("ERROR", "ERROR")
    [event] = found["generate"]["events"]
    assert event["attributes"]["exception.type"] == "Timeout"


def test_hidden_texts_and_vectors_do_not_arrive(phoenix: Phoenix) -> None:
    found = send(phoenix, reranked(), texts=True, vectors=True)
    assert len(found) == 5
    whole = json.dumps(found)
    assert not [text for text in (QUESTION, ANSWER, make_chunk().text, "Continental drift") if text in whole]
    assert found["CreateEmbeddings"]["attributes"]["embedding.embeddings.0.embedding.vector"] == REDACTED
