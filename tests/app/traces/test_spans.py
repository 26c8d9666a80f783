"""What a span was given and returned, of other applications and of stages here."""

from dataclasses import replace

import pytest

from app.traces.spans import place, read_span
from metrics.otlp.documents import Document
from pipeline.types import Evidence, Span, Token
from tests.factories import make_chunk, make_generation, make_trace
from tests.trees import make_foreign_trace


def details(name, trace=None):
    trace = trace or make_foreign_trace()
    return read_span(trace, next(span for span in trace.tree if span.name == name))


def moves(placed):
    return [(each.document.document_id, each.rank, each.move) for each in placed]


def test_documents_are_told_how_they_moved():
    assert moves(details("rerank").documents) == [
        ("doc-3", 1, "↑2"),
        ("doc-1", 2, "↓1"),
        ("doc-5", 3, "new"),
        ("doc-2", None, "dropped"),
        ("doc-4", None, "dropped"),
    ]


def test_documents_without_ids_are_known_by_their_text_and_two_alike_stay_two():
    a, b, c = Document(text="a"), Document(text="b"), Document(title="c")
    assert [each.move for each in place([c, a, a, Document("7", "b")], [a, b, a, c])] == ["↑3", "↓1", "=", "↓2"]
    assert [each.move for each in place([Document("1", "same")], [Document("2", "same")])] == ["new", "dropped"]


def test_documents_that_say_nothing_are_not_taken_for_each_other():
    assert [each.move for each in place([Document()], [Document()])] == ["new", "dropped"]


def test_what_was_not_reranked_did_not_move():
    assert [(each.rank, each.move) for each in place([Document("1"), Document("2")])] == [(1, ""), (2, "")]


def test_a_foreign_model_call_has_messages_prompt_and_tokens():
    found = details("ChatOpenAI")
    assert [(each.role, each.content) for each in found.content.messages_in] == [
        ("system", "Answer from the documents alone."),
        ("user", "Can I return my order?"),
    ]
    assert found.facts["Model"] == "gpt-oss-20b"
    assert (found.facts["Tokens read"], found.facts["Tokens written"]) == ("812", "64")


def test_stages_here_have_their_content_from_the_trace():
    first, second = make_chunk(chunk_id="a"), make_chunk(chunk_id="b", rank=2)
    trace = make_trace(
        chunks=(second,),
        retrieved=(first, second),
        spans=(Span("embed", 0, 1), Span("retrieve", 1, 1), Span("rerank", 2, 1), Span("generate", 3, 1)),
        generation=make_generation(prompt="Read this.", used_chunk_ids=("b",)),
    )
    assert details("embed", trace).content.input == trace.question
    assert moves(details("retrieve", trace).documents) == [("a", 1, ""), ("b", 2, "")]
    assert moves(details("rerank", trace).documents) == [("b", 1, "↑1"), ("a", None, "dropped")]
    generate = details("generate", trace)
    assert generate.content.prompt == "Read this."
    assert generate.content.output == trace.generation.answer
    assert moves(generate.documents) == [("b", 1, "")]


def test_tokens_written_are_told_of_what_was_written_and_not_of_what_was_quoted():
    written = make_generation(tokens=(Token("Blue", -0.1), Token(".", -0.1)))
    quoted = make_generation(tokens=(Token("It is blue.", -0.1),), evidence=(Evidence("b", 0, 11),))
    for generation, told in ((written, "2"), (quoted, None), (replace(quoted, completion_tokens=4), "4")):
        trace = make_trace(spans=(Span("generate", 0, 1),), generation=generation)
        assert details("generate", trace).facts.get("Tokens written") == told


@pytest.mark.parametrize("stage", ["network", "generate"])
def test_a_stage_of_which_nothing_is_kept_is_empty(stage):
    trace = make_trace(generation=None, spans=(Span(stage, 0, 1),))
    found = details(stage, trace)
    assert found.documents == ()
    assert found.content.output == ""


def test_a_foreign_span_in_a_trace_from_here_is_read_by_its_attributes():
    foreign = Span("retrieve", 0, 1, {"input.value": "theirs"}, service="other", span_id="f" * 16)
    trace = make_trace(spans=(foreign,))
    assert read_span(trace, foreign).content.input == "theirs"
    assert read_span(trace, replace(foreign, service="")).content.input == trace.question
