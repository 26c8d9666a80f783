"""Filters in words, for a box that is closed and for an audience."""

from app.traces.filter_words import MOST_CHARS, audience_words, box_label
from app.traces.filters import TraceFilters


def test_a_closed_box_says_how_many_filters_are_set_and_which():
    assert box_label(TraceFilters()) == "Filters"
    assert box_label(TraceFilters(search="refund", sort="slowest")) == "Filters"
    assert box_label(TraceFilters(backends=("local",), outcome="failed")) == "Filters: 2 set — failed, backend local"


def test_every_filter_of_the_box_has_words():
    filters = TraceFilters(
        backends=("local", "otlp/shop"),
        since="day",
        slower_ms=2_000.0,
        rating="down",
        low_confidence=True,
        origins=("person",),
        services=("shop",),
        models=("m",),
        kinds=("llm",),
        tags=("vip",),
        of_session="s\n1",
        of_user="ada",
        expression="latency_ms > 5",
    )
    assert audience_words(filters) == (
        "13 filters: in the last day, rated down, slower than 2.00 s, backend local or shop, another application, asked by people, "
        "service shop, model m, kind of span llm, tag vip, session s 1, user ada, confidence below 50 %, where latency_ms > 5."
    )
    assert len(box_label(filters)) <= MOST_CHARS
    assert audience_words(TraceFilters(search="refund")) == ""
