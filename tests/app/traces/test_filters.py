"""Filters as plain values: what they ask of the store, and their address, which finds them again."""

from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.traces.filters import OUTCOMES, RATINGS, SINCE_S, SORTS, TraceFilters
from pipeline.errors import InputError

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
several = st.lists(words.filter(bool), max_size=2).map(tuple)
filters = st.builds(
    TraceFilters,
    search=words,
    backends=several,
    since=st.sampled_from(["", *SINCE_S]),
    slower_ms=st.sampled_from([0.0, 100.0, 12.5, 900_000.0]),
    outcome=st.sampled_from(["", *OUTCOMES]),
    rating=st.sampled_from(["", *RATINGS]),
    low_confidence=st.booleans(),
    origins=several,
    services=several,
    models=several,
    kinds=several,
    tags=several,
    of_session=words,
    of_user=words,
    expression=words,
    sort=st.sampled_from(list(SORTS)),
)


@given(filters)
@pytest.mark.slow
def test_an_address_finds_the_same_filters_again(chosen: TraceFilters) -> None:
    assert TraceFilters.from_address(parse_qs(chosen.to_address())) == chosen


def test_the_filter_by_rating_is_found_by_its_name_of_before_and_the_new_one_counts():
    assert TraceFilters.from_address({"feedback": ["down"]}).rating == "down"
    assert TraceFilters.from_address({"feedback": ["down"], "rating": ["up"]}).rating == "up"
    assert TraceFilters(rating="down").to_address() == "rating=down"


def test_without_a_choice_the_address_is_empty() -> None:
    assert TraceFilters().to_address() == ""


def test_every_filter_is_asked_of_the_store() -> None:
    query = TraceFilters(
        origins=("application",),
        services=("shop",),
        models=("e5",),
        kinds=("llm",),
        tags=("vip", "beta"),
        of_session="4f1c",
        of_user="ada",
        expression="latency_ms > 5",
    ).to_query()
    assert (query.origins, query.services, query.models) == ({"application"}, {"shop"}, {"e5"})
    assert (query.kinds, query.tags) == ({"llm"}, {"vip", "beta"})
    assert (query.session, query.user, query.expression) == ("4f1c", "ada", "latency_ms > 5")


def test_now_is_the_minute_so_that_a_rerun_asks_for_the_same() -> None:
    chosen = TraceFilters(expression="asked_at > NOW - 2h")
    assert chosen.to_query(1_757_000_019.0) == chosen.to_query(1_757_000_001.0)
    assert chosen.to_query(1_757_000_019.0).now_s == 1_756_999_980.0  # the 60 s that this second lies in begin there
    assert TraceFilters(expression="latency_ms > 5").to_query(1_757_000_019.0).now_s is None


def test_an_expression_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean `latency_ms`"):
        TraceFilters(expression="latency > 5").to_query()
