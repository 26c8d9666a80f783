"""A trace of another application on the Traces page, one of its spans, and its session."""

import json

import pytest

from pipeline.spans import SpanEvent
from pipeline.types import Span
from tests.factories import make_chunk, make_generation, make_trace
from tests.pages.test_pages import shown
from tests.trees import make_foreign_trace, make_large_tree, make_tree

NASTY = '<img src=x onerror="alert(1)"> **b** [a](http://x)'


def span_id(trace, name):
    return next(span.span_id for span in trace.tree if span.name == name)


def rows(page):
    """What the waterfall's browser side is sent."""
    told = [json.loads(each.proto.json) for each in page.get("bidi_component")]
    [drawn] = [each for each in told if "rows" in each]
    return drawn["rows"]


@pytest.fixture
def foreign(services):
    trace = make_foreign_trace()
    services.store.put(trace)
    return trace


def test_a_foreign_trace_says_whence_it_came_and_shows_its_tree(open_page, foreign):
    page = open_page("traces", trace=foreign.trace_id)
    assert not page.exception
    text = shown(page)
    for said in ("shop-assistant", "user ada", "tags: beta", "Not sent: text of some documents.", "no score was sent"):
        assert said in text
    assert [row["label"] for row in rows(page)][:2] == ["RetrievalQA", "gather"]
    assert "None" not in text


def test_a_selected_span_shows_documents_moves_messages_attributes_and_events(open_page, foreign):
    reranked = shown(open_page("traces", trace=foreign.trace_id, span=span_id(foreign, "rerank")))
    for said in (
        "Reranked: 3 documents of 4",
        "↑2",
        "↓1",
        "new",
        "dropped",
        "Text of doc-3.",
        "Inside RetrievalQA › gather",
    ):
        assert said in reranked
    asked = shown(open_page("traces", trace=foreign.trace_id, span=span_id(foreign, "ChatOpenAI")))
    for said in ("Answer from the documents alone.", "gpt-oss-20b", "RateLimitError", "exception", "llm.provider"):
        assert said in asked


def test_attributes_are_found_by_name_and_by_value(open_page, foreign):
    page = open_page("traces", trace=foreign.trace_id, span=span_id(foreign, "ChatOpenAI"))
    page.text_input(key="find_attribute").set_value("TEMPERATURE").run()
    assert not page.exception
    assert "1 of 11 attributes" in shown(page)


@pytest.mark.slow
def test_a_span_of_a_trace_from_here_shows_the_prompt_as_it_was_sent(open_page, services):
    trace = make_trace(generation=make_generation(prompt="Read this and answer."))
    services.store.put(trace)
    assert "Read this and answer." in shown(open_page("ask", trace=trace.trace_id, span="generate"))
    assert "Read this and answer." not in shown(open_page("traces", trace=trace.trace_id))


def test_an_unknown_span_in_the_address_is_left_alone(open_page, foreign):
    page = open_page("traces", trace=foreign.trace_id, span=NASTY)
    assert not page.exception
    assert "Returns are taken back" in shown(page)


@pytest.mark.slow
def test_ten_thousand_spans_show_few_rows_and_a_search_opens_the_way(open_page, services):
    trace = make_foreign_trace(spans=make_large_tree(10_000), duration_ms=10_000.0)
    services.store.put(trace)
    page = open_page("traces", trace=trace.trace_id)
    assert not page.exception
    assert "10,000 spans." in shown(page)
    assert len(rows(page)) < 50
    deepest = trace.spans[-1].span_id
    found = open_page("traces", trace=trace.trace_id, find=deepest)
    assert "1 of 10,000 spans found." in shown(found)
    assert [row["id"] for row in rows(found) if row["found"]] == [deepest]


@pytest.mark.slow
def test_markup_in_every_field_is_text(open_page, services):
    spans = tuple(
        Span(
            span.stage,
            span.start_ms,
            span.duration_ms,
            {NASTY: NASTY, **span.attributes},
            parent_id=span.parent_id,
            span_id=span.span_id,
            name=NASTY + span.name,
            kind=span.kind,
            service=NASTY,
            events=(SpanEvent(NASTY, 1.0, {NASTY: NASTY}),),
        )
        for span in make_tree()
    )
    trace = make_foreign_trace(question=NASTY, service=NASTY, session=NASTY, user=NASTY, tags=(NASTY,), spans=spans)
    services.store.put(trace)
    for address in ({"trace": trace.trace_id, "span": spans[-1].span_id}, {"session": NASTY}):
        page = open_page("traces", **address)
        assert not page.exception
        assert all("<img" not in element.proto.body for element in page.get("html"))
        said = [element.value for kind in (page.markdown, page.error, page.title, page.header) for element in kind]
        assert not any("<img" in text.replace("\\<", "") or "](http" in text.replace("\\]", "") for text in said)


@pytest.mark.slow
def test_a_session_is_a_conversation_in_the_order_of_its_questions(open_page, services):
    for number, at in ((2, 200.0), (1, 100.0), (3, 300.0)):
        services.store.put(make_foreign_trace(f"{number}" * 32, question=f"question {number}", asked_at=at))
    services.store.put(make_foreign_trace("4" * 32, question="elsewhere", session="another"))
    services.store.annotate("1" * 32, 1, "helped")
    page = open_page("traces", session="visit-42")
    assert not page.exception
    text = shown(page)
    assert text.index("question 1") < text.index("question 2") < text.index("question 3")
    assert "elsewhere" not in text
    assert "rated up · helped" in text
    assert "3 asked, answered by shop-assistant" in text


@pytest.mark.slow
def test_a_long_session_has_pages(open_page, services):
    for number in range(25):
        services.store.put(
            make_foreign_trace(f"{number:032x}", question=f"question {number:02}", asked_at=float(number))
        )
    page = open_page("traces", session="visit-42")
    assert "20 of 25 questions" in shown(page)
    next(button for button in page.button if button.label == "Next page").click().run()
    assert not page.exception
    assert "question 24" in shown(page)
    assert "question 19" not in shown(page)


def test_a_session_that_nobody_had_says_so(open_page, services):
    services.store.put(make_trace())
    page = open_page("traces", session="nobody")
    assert not page.exception
    assert "no trace of this session" in shown(page)


def test_an_applications_chunk_has_its_score_and_its_rerankers_under_those_names(open_page, services):
    chunk = make_chunk(score=12.5, signals={"rerank": 3.0})
    services.store.put(make_foreign_trace(chunks=(chunk,)))
    words = shown(open_page("traces", trace="a" * 32))
    assert "score 12.5 · rerank 3" in words
    assert "cosine 12.5" not in words
