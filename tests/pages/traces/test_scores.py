"""What rules and a judge said of a trace, on its page."""

from app.quality.judged import KIND
from tests.factories import make_trace
from tests.pages.test_pages import shown

NASTY = '<img src=x onerror="alert(1)"> **b**'


def test_a_trace_shows_what_was_said_of_it_and_the_judge_s_words_are_data(open_page, services):
    trace = make_trace()
    services.store.put(trace)
    services.store.fold()
    services.store.quality.put("scored", {1: {"grounded": 0.5, "cited": None}}, 1)
    services.store.keep_explanation(trace.trace_id, KIND, {"by": "small", "reason": NASTY})
    page = open_page("traces", trace=trace.trace_id)
    assert not page.exception
    text = shown(page)
    assert "Grounded share" in text
    assert "50 %" in text
    assert "Citation support" not in text
    assert "&lt;img src=x" in text
    assert "<img" not in text


def test_a_trace_that_no_rule_has_seen_shows_no_empty_table(open_page, services):
    trace = make_trace()
    services.store.put(trace)
    page = open_page("traces", trace=trace.trace_id)
    assert not page.exception
    assert "by the rules" not in "".join(each.label for each in page.expander)
