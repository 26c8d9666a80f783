"""What a span was given and what it returned is read by each convention, whatever is missing and however it is broken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.otlp.attributes import MAX_INDEXED
from metrics.otlp.content import SpanContent, read_content
from metrics.otlp.documents import Document
from metrics.otlp.messages import Message, ToolCall
from metrics.otlp.records import EventRecord
from tests.otlp.making import documents, kind, messages


def read(attributes: dict[str, Any] | None = None, *events: EventRecord, name: str = "") -> SpanContent:
    return read_content(attributes or {}, events, name)


def test_documents_are_in_the_order_of_their_numbers_and_gaps_close() -> None:
    found = {f"retrieval.documents.{i}.document.id": str(i) for i in (10, 9, 2, 100)}
    assert [document.document_id for document in read(found).documents] == ["2", "9", "10", "100"]


def test_list_of_more_documents_than_anyone_reads_ends() -> None:
    found: dict[str, Any] = {f"retrieval.documents.{i}.document.id": str(i) for i in range(MAX_INDEXED + 5)}
    assert len(read(found).documents) == MAX_INDEXED


def test_number_with_more_digits_than_a_list_has_items_is_not_one() -> None:
    name = f"retrieval.documents.{'9' * 5000}.document.id"
    content = read({name: "a"})
    assert (content.documents, content.unknown) == ((), (name,))


def test_every_field_of_a_document_may_be_missing() -> None:
    found = documents(
        "retrieval.documents", {"id": "a"}, {"content": "T."}, {"score": 0.5}, {"metadata": '{"title": "Cards"}'}
    )
    assert read(found).documents == (
        Document("a"),
        Document(text="T."),
        Document(score=0.5),
        Document(title="Cards", metadata={"title": "Cards"}),
    )


def test_documents_id_may_be_a_number_and_its_score_a_text() -> None:
    [document] = read(documents("retrieval.documents", {"id": 7, "score": "0.25"})).documents
    assert (document.document_id, document.score) == ("7", 0.25)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), "high", True])
def test_score_that_is_no_number_is_none(score: Any) -> None:
    assert [document.score for document in read(documents("retrieval.documents", {"score": score})).documents] == [None]


@pytest.mark.parametrize(
    ("metadata", "title", "source"),
    [
        ({"title": "Cards", "source": "cards.md"}, "Cards", "cards.md"),
        ({"file_name": "cards.md"}, "cards.md", "cards.md"),
        ({"url": "https://shop.example/cards"}, "https://shop.example/cards", "https://shop.example/cards"),
        ({"page": 4}, "", ""),
    ],
)
def test_title_and_source_are_looked_for_in_metadata(metadata: dict[str, Any], title: str, source: str) -> None:
    [document] = read(documents("retrieval.documents", {"id": "a", "metadata": json.dumps(metadata)})).documents
    assert (document.title, document.source, document.metadata) == (title, source, metadata)


@pytest.mark.parametrize("broken", ["{", "[1", "plain", '"text"', "{}{}{}", "[1, 2]"])
def test_metadata_that_is_no_object_is_left_out(broken: str) -> None:
    [document] = read(documents("retrieval.documents", {"id": "a", "metadata": broken})).documents
    assert document.metadata == {}


def test_reranker_tells_both_orders() -> None:
    content = read(
        kind(
            "RERANKER",
            **{"reranker.query": "why", "reranker.model_name": "bge", "reranker.top_k": 1},
            **documents("reranker.input_documents", {"id": "a"}, {"id": "b"}),
            **documents("reranker.output_documents", {"id": "b", "score": 3.0}),
        )
    )
    assert (content.kind, content.query, content.model, content.top_k) == ("reranker", "why", "bge", 1)
    assert [document.document_id for document in content.documents_before] == ["a", "b"]
    assert content.documents == (Document("b", score=3.0),)
    assert content.unknown == ()


def test_retrievers_output_tells_what_its_documents_lack() -> None:
    output = {"documents": [{"id": "a", "page_content": "T.", "metadata": {}}, {"id": "b", "page_content": "Other."}]}
    found = documents("retrieval.documents", {"content": "T."}, {"content": "U."})
    content = read(kind("RETRIEVER", **{"output.value": json.dumps(output)}, **found))
    assert [(document.document_id, document.text) for document in content.documents] == [("a", "T."), (None, "U.")]


@pytest.mark.parametrize(
    "output",
    [
        [{"page_content": "T.", "metadata": {"source": "a.md"}, "id": "a"}],
        {"documents": [{"content": "T.", "meta": {"source": "a.md"}, "id": "a"}]},
        {"source_nodes": [{"node": {"id_": "a", "text": "T.", "metadata": {"source": "a.md"}}, "score": None}]},
        [{"lc": 1, "kwargs": {"page_content": "T.", "metadata": {"source": "a.md"}, "id": "a"}}],
        {"matches": [{"id": "a", "metadata": {"text": "T.", "source": "a.md"}}]},
    ],
)
def test_documents_of_a_retriever_are_found_in_its_output(output: object) -> None:
    [document] = read(kind("RETRIEVER", **{"output.value": json.dumps(output)})).documents
    assert (document.document_id, document.text, document.source) == ("a", "T.", "a.md")


@pytest.mark.parametrize(
    "output", [["T.", "U."], {"documents": "none"}, [1, 2], [{"text": "T."}, 7], [], {"answer": "T."}]
)
def test_output_that_is_no_list_of_documents_is_not_taken_for_one(output: object) -> None:
    assert read(kind("RETRIEVER", **{"output.value": json.dumps(output)})).documents == ()


def test_chains_output_is_not_taken_for_documents() -> None:
    output = json.dumps({"documents": [{"id": "a", "content": "T."}]})
    assert read(kind("CHAIN", **{"output.value": output})).documents == ()


def test_vector_stores_results_are_events() -> None:
    events = (
        EventRecord(
            "db.query.result",
            1,
            {"db.query.result.id": "a", "db.query.result.score": 0.5, "db.query.result.metadata": '{"text": "T."}'},
        ),
        EventRecord(
            "db.query.result", 2, {"id": "b", "distance": 0.25, "document": "U.", "metadata": "{'not': 'JSON'}"}
        ),
        EventRecord("db.query.embeddings", 3, {}),
    )
    content = read({"db.system": "chromadb", "db.vector.query.top_k": 2}, *events)
    assert (content.kind, content.convention, content.top_k) == ("retriever", "openllmetry", 2)
    assert [(d.document_id, d.text, d.score) for d in content.documents] == [("a", "T.", 0.5), ("b", "U.", -0.25)]


def test_messages_have_their_roles_texts_and_tool_calls() -> None:
    call = "llm.output_messages.0.message.tool_calls.0.tool_call"
    parts = "llm.input_messages.1.message.contents"
    content = read(
        kind(
            "LLM",
            **messages("llm.input_messages", ("system", "Be brief.")),
            **{
                "llm.input_messages.1.message.role": "user",
                f"{parts}.0.message_content.type": "text",
                f"{parts}.0.message_content.text": "Why?",
                f"{parts}.1.message_content.type": "image",
                "llm.output_messages.0.message.role": "assistant",
                f"{call}.id": "7",
                f"{call}.function.name": "search",
                f"{call}.function.arguments": '{"query": "why"}',
                "llm.tools.0.tool.json_schema": '{"name": "search"}',
            },
        )
    )
    assert content.messages_in == (Message("system", "Be brief."), Message("user", "Why?"))
    assert content.messages_out == (Message("assistant", "", (ToolCall("search", '{"query": "why"}', "7"),)),)
    assert content.prompt == "system: Be brief.\n\nuser: Why?"
    assert content.tools == ('{"name": "search"}',)


def test_model_is_told_with_its_parameters_and_tokens() -> None:
    content = read(
        kind(
            "LLM",
            **{
                "llm.model_name": "m",
                "llm.provider": "openai",
                "llm.invocation_parameters": '{"temperature": 0}',
                "llm.prompt_template.template": "{context} {question}",
                "llm.prompt_template.variables": '{"question": "Why?"}',
                "llm.token_count.prompt": 12,
                "llm.token_count.completion": 3,
                "llm.token_count.total": 15,
                "output.value": '{"choices": [{"finish_reason": "length"}]}',
                "output.mime_type": "application/json",
            },
        )
    )
    assert (content.model, content.provider, content.parameters) == ("m", "openai", {"temperature": 0})
    assert (content.template, content.variables) == ("{context} {question}", {"question": "Why?"})
    assert (content.prompt_tokens, content.completion_tokens, content.total_tokens) == (12, 3, 15)
    assert (content.finish_reason, content.unknown) == ("length", ())


GENAI_NOW = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]',
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}]',
    "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "So."}], "finish_reason": "stop"}]',
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.response.finish_reasons": ("stop",),
}
GENAI_INDEXED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": '[{"type": "text", "text": "Why?"}]',
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "So.",
    "gen_ai.completion.0.finish_reason": "stop",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.usage.completion_tokens": 3,
    "gen_ai.response.finish_reasons": ("stop",),
}
MODEL_ALONE = {key: value for key, value in GENAI_INDEXED.items() if "prompt." not in key and "completion." not in key}
AS_MESSAGE_EVENTS = (
    EventRecord("gen_ai.system.message", 1, {"content": "Be brief."}),
    EventRecord("gen_ai.user.message", 2, {"content": "Why?"}),
    EventRecord("gen_ai.choice", 3, {"message": '{"role": "assistant", "content": "So."}'}),
)
AS_CONTENT_EVENTS = (
    EventRecord(
        "gen_ai.content.prompt",
        1,
        {"gen_ai.prompt": '[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]'},
    ),
    EventRecord("gen_ai.content.completion", 2, {"gen_ai.completion": '[{"role": "assistant", "content": "So."}]'}),
)
LONG = {key: value for key, value in GENAI_NOW.items() if key.endswith(("messages", "instructions"))}
AS_DETAILS_EVENT = (EventRecord("gen_ai.client.inference.operation.details", 1, LONG),)


@pytest.mark.parametrize(
    ("attributes", "events"),
    [
        (GENAI_NOW, ()),
        (GENAI_INDEXED, ()),
        (MODEL_ALONE, AS_MESSAGE_EVENTS),
        (MODEL_ALONE, AS_CONTENT_EVENTS),
        (MODEL_ALONE, AS_DETAILS_EVENT),
    ],
    ids=["0.1", "OpenLLMetry", "1.28 events", "1.27 events", "details event"],
)
def test_every_version_of_genai_says_the_same(attributes: dict[str, Any], events: tuple[EventRecord, ...]) -> None:
    content = read(attributes, *events)
    assert (content.kind, content.model, content.provider, content.parameters) == (
        "llm",
        "m",
        "openai",
        {"temperature": 0.5},
    )
    assert content.messages_in == (Message("system", "Be brief."), Message("user", "Why?"))
    assert [(message.role, message.content) for message in content.messages_out] == [("assistant", "So.")]
    assert (content.prompt, content.answer) == ("system: Be brief.\n\nuser: Why?", "So.")
    assert (content.prompt_tokens, content.completion_tokens, content.finish_reason) == (12, 3, "stop")


def test_genai_names_a_tools_call_and_its_answer() -> None:
    said = [
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "7", "name": "search", "arguments": {"q": "why"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "7", "response": "Found."}]},
    ]
    content = read({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(said)})
    assert content.messages_in == (
        Message("assistant", "", (ToolCall("search", '{"q": "why"}', "7"),)),
        Message("tool", "Found."),
    )


def test_genai_retrieval_has_a_query_ids_and_scores() -> None:
    content = read(
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": "why",
            "gen_ai.retrieval.documents": '[{"id": "a", "score": 0.9}, {"id": "b"}]',
            "gen_ai.request.top_k": 5,
        }
    )
    assert (content.kind, content.convention, content.query, content.input, content.top_k) == (
        "retriever",
        "gen_ai",
        "why",
        "why",
        5,
    )
    assert content.documents == (Document("a", score=0.9), Document("b"))


def test_models_top_k_is_no_count_of_documents() -> None:
    content = read({"gen_ai.operation.name": "chat", "gen_ai.request.top_k": 40})
    assert (content.top_k, content.parameters) == (None, {"top_k": 40})


@pytest.mark.parametrize(
    ("attributes", "kind_"),
    [
        ({"openinference.span.kind": "GUARDRAIL"}, "guardrail"),
        ({"openinference.span.kind": "made up"}, "unknown"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"traceloop.span.kind": "workflow"}, "chain"),
        ({"traceloop.span.kind": "task", "gen_ai.operation.name": "vector_db_retrieve"}, "retriever"),
        ({"llm.request.type": "rerank"}, "reranker"),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"ai.operationId": "ai.generateText"}, "chain"),
        ({"ai.operationId": "ai.streamText.doStream"}, "llm"),
        ({"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 3}, "llm"),
        ({"http.route": "/ask"}, "unknown"),
    ],
)
def test_kind_is_told_in_many_words(attributes: dict[str, Any], kind_: str) -> None:
    assert read(attributes).kind == kind_


def test_openllmetrys_retriever_is_known_by_its_name_and_documents() -> None:
    said = {
        "traceloop.span.kind": "task",
        "traceloop.entity.input": '{"query": "why"}',
        "traceloop.entity.output": '{"documents": [{"page_content": "T.", "metadata": {}}]}',
    }
    assert read(said, name="VectorStoreRetriever.task").kind == "retriever"
    assert read(said, name="Formatter.task").kind == "chain"


@pytest.mark.parametrize(
    "attributes",
    [
        {"session.id": "s", "user.id": "u", "tag.tags": ("a", "b"), "metadata": '{"plan": "free"}'},
        {
            "langfuse.session.id": "s",
            "langfuse.user.id": "u",
            "langfuse.trace.tags": ("a", "b"),
            "langfuse.trace.metadata.plan": "free",
        },
        {"session.id": "s", "user.id": "u", "tag.tags": '["a", "b"]', "ai.telemetry.metadata.plan": "free"},
    ],
    ids=["OpenInference", "Langfuse", "tags as JSON"],
)
def test_session_user_tags_and_metadata_are_read(attributes: dict[str, Any]) -> None:
    content = read(attributes)
    assert (content.session, content.user, content.tags, content.metadata) == ("s", "u", ("a", "b"), {"plan": "free"})
    assert content.unknown == ()


def test_openllmetrys_session_is_one_of_its_properties() -> None:
    content = read(
        {"traceloop.association.properties.session_id": "s", "traceloop.association.properties.plan": "free"}
    )
    assert (content.session, content.metadata) == ("s", {"plan": "free"})


def test_vercels_model_call_is_read() -> None:
    content = read(
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.id": "m",
            "ai.model.provider": "openai.chat",
            "ai.prompt.messages": '[{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]',
            "ai.response.text": "So.",
            "ai.response.finishReason": "stop",
            "ai.usage.promptTokens": 12,
            "ai.usage.completionTokens": 3,
        }
    )
    assert (content.kind, content.model, content.prompt, content.output) == ("llm", "m", "Why?", "So.")
    assert (content.prompt_tokens, content.completion_tokens, content.finish_reason) == (12, 3, "stop")


def test_what_is_not_read_is_named() -> None:
    content = read(
        kind("CHAIN", **{"input.value": "Why?", "http.route": "/ask", "retrieval.notes": "none", "llm.1": "x"})
    )
    assert content.unknown == ("http.route", "llm.1", "retrieval.notes")


keys = st.sampled_from(
    [
        *kind("LLM"),
        *GENAI_NOW,
        *GENAI_INDEXED,
        *documents("retrieval.documents", {"id": "", "content": "", "score": "", "metadata": ""}),
        *documents("reranker.output_documents", {"id": "", "score": ""}),
        *messages("llm.input_messages", ("", "")),
        "llm.input_messages.0.message.tool_calls.0.tool_call.function.name",
        "llm.input_messages.0.message.contents.0.message_content.text",
        "traceloop.entity.output",
        "output.value",
        "metadata",
        "tag.tags",
        "embedding.embeddings.0.embedding.text",
        "gen_ai.retrieval.documents",
    ]
)
shaped = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "content",
                    "text",
                    "role",
                    "parts",
                    "kwargs",
                    "node",
                    "documents",
                    "tool_calls",
                    "function",
                    "metadata",
                    "type",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
scalars = st.text(max_size=4) | st.integers(-3, 2**63 - 1) | st.floats() | st.booleans() | shaped.map(json.dumps)
values = scalars | st.lists(scalars, max_size=3).map(tuple)
events = st.lists(
    st.builds(
        EventRecord,
        st.sampled_from(
            [
                "gen_ai.choice",
                "gen_ai.user.message",
                "gen_ai.content.prompt",
                "db.query.result",
                "gen_ai.client.inference.operation.details",
            ]
        ),
        st.just(0),
        st.dictionaries(
            st.sampled_from(["message", "content", "gen_ai.prompt", "id", "metadata", "gen_ai.input.messages"]),
            values,
            max_size=3,
        ),
    ),
    max_size=2,
)


@pytest.mark.slow
@given(st.dictionaries(keys, values, max_size=8), events)
def test_no_value_where_another_belongs_breaks_the_reading(
    attributes: dict[str, Any], happened: list[EventRecord]
) -> None:
    content = read_content(attributes, happened)
    assert set(content.unknown) <= attributes.keys()
    assert all(isinstance(message.content, str) for message in (*content.messages_in, *content.messages_out))
    assert all(isinstance(d.text, str | None) and isinstance(d.document_id, str | None) for d in content.documents)
