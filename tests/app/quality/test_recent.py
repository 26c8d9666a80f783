"""A window's buckets are held against what was before, and a bad one leads to its traces."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest

from app.quality.recent import RuleWindow, read_window, step_of, traces_address, traces_expression
from app.quality.rules import RULES
from app.quality.watch import WatchState
from app.quality.words import headline, lag_words, quality_text, score_rows, value_text, watch_words
from app.services import Services
from app.traces.filters import TraceFilters
from metrics.quality import Lag
from metrics.queries import TraceQuery
from tests.factories import make_trace

BEGAN = 1_757_001_600.0
"""4 September 2025, 16:00 UTC."""
HOUR_S = 3_600.0


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


def put(services: Services, values: dict[float, float], rule: str = "grounded", backend: str = "fake") -> None:
    """Traces with what a rule says of them, by the time at which they were asked."""
    store = services.store
    first = store.count() + 1
    store.put_all([make_trace(asked_at=at, backend=backend) for at in values])
    store.fold()
    scores = {seq: {rule: value} for seq, value in enumerate(values.values(), first)}
    store.quality.put("scored", scores, max(scores))


def read(services: Services, backend: str | None = None) -> RuleWindow:
    [found] = read_window(services.store, BEGAN, BEGAN + HOUR_S, backend=backend)
    return found


def every(seconds: float, start: float, length_s: float, value: float) -> dict[float, float]:
    return {start + place * seconds: value for place in range(int(length_s / seconds))}


def test_steps_are_whole_minutes_and_about_twenty() -> None:
    assert [step_of(length) for length in (900, 3_600, 86_400)] == [60, 180, 4_320]


@pytest.mark.slow
def test_a_bad_quarter_of_an_hour_is_found_and_leads_to_its_traces(services: Services) -> None:
    put(services, every(10, BEGAN - HOUR_S, HOUR_S, 1.0))
    put(services, {**every(10, BEGAN, 2_700, 1.0), **every(10, BEGAN + 2_700, 900, 0.25)})
    found = read(services)
    assert found.before
    assert found.reference is not None
    assert (found.reference.count, found.reference.mean) == (360, 1.0)
    assert {bucket.point.at for bucket in found.worse} == {BEGAN + 2_700 + 180 * place for place in range(5)}
    assert headline(found) == "Grounded share 25 % at 16:45, usually 100 %"
    worst = found.worse[0]
    assert traces_expression(found, worst) == (
        "quality.grounded < 1.000 and asked_at >= 2025-09-04T16:45:00Z and asked_at < 2025-09-04T16:48:00Z"
    )
    listed = TraceFilters.from_address(parse_qs(urlencode(traces_address(found, worst, "fake")))).to_query()
    assert services.store.page(listed).matched.value == worst.point.count == 18


@pytest.mark.slow
def test_without_anything_before_the_older_half_is_the_reference(services: Services) -> None:
    put(services, {**every(10, BEGAN, 1_800, 1.0), **every(10, BEGAN + 1_800, 1_800, 0.0)})
    found = read(services)
    assert not found.before
    assert found.reference is not None
    assert found.reference.mean == 1.0
    assert {bucket.point.at for bucket in found.worse} >= {BEGAN + 1_800, BEGAN + 3_420}
    assert not any(bucket.shifted for bucket in found.buckets[:9])


def test_a_window_of_few_traces_is_told_without_a_verdict(services: Services) -> None:
    put(services, every(600, BEGAN, HOUR_S, 0.5))
    found = read(services)
    assert (found.reference, found.limits, found.worse) == (None, None, ())
    assert headline(found) == "Grounded share 50 %, of 6 traces"
    assert traces_expression(found, found.buckets[0]).startswith("quality.grounded is any and")


@pytest.mark.slow
@pytest.mark.parametrize("length_s", [HOUR_S, 24 * HOUR_S, 7 * 24 * HOUR_S])
def test_what_began_a_quarter_of_an_hour_ago_is_compared_in_long_windows_too(
    services: Services, length_s: float
) -> None:
    until = BEGAN // 30_240 * 30_240  # Where a bucket of seven days ends: one of them holds all.
    put(services, {**every(10, until - 900, 450, 1.0), **every(10, until - 450, 450, 0.0)})
    [found] = read_window(services.store, until - length_s, until)
    assert found.step_s <= 240
    assert found.whole.count == 90
    assert not found.before
    assert headline(found).startswith("Grounded share 0 % at ")
    assert headline(found).endswith(", usually 100 %")


@pytest.mark.slow
def test_a_few_busy_minutes_of_an_hour_are_compared_with_one_another(services: Services) -> None:
    put(services, {**every(4, BEGAN + 61, 54, 1.0), **every(1, BEGAN + 120, 60, 0.0)})
    found = read(services)
    assert (found.step_s, [bucket.point.count for bucket in found.buckets]) == (60, [13, 60])
    assert headline(found) == "Grounded share 0 % at 16:02, usually 100 %"


@pytest.mark.slow
def test_getting_better_is_no_alarm(services: Services) -> None:
    put(services, every(10, BEGAN - HOUR_S, HOUR_S, 0.2))
    put(services, every(10, BEGAN, HOUR_S, 0.9))
    found = read(services)
    assert found.worse == ()
    assert headline(found) == "Grounded share 90 %, better than 20 % before"


@pytest.mark.slow
def test_backends_are_read_apart(services: Services) -> None:
    put(services, every(10, BEGAN, HOUR_S, 1.0))
    put(services, every(10, BEGAN, HOUR_S, 0.0), backend="otlp/shop")
    assert read(services, "fake").whole.mean == 1.0
    assert read(services, "otlp/shop").whole.mean == 0.0
    assert read(services).whole.mean == 0.5


def test_ungrounded_since_tuesday_is_an_expression(services: Services) -> None:
    put(services, {BEGAN - 3 * 86_400: 0.2, BEGAN: 0.2, BEGAN + 1: 0.9})
    # BEGAN is a Thursday: of the three, the first was asked on Monday.
    query = TraceQuery(expression="quality.grounded < .5 and asked_at > tuesday", now_s=BEGAN + 60)
    assert [row.asked_at for row in services.store.page(query).rows] == [BEGAN]


def test_figures_have_their_units_and_never_read_as_all_when_they_are_not() -> None:
    shown = {"grounded": 0.999, "top_score": 0.8345, "answer_words": 31.26, "cited": 1.0}
    assert [value_text(RULES[name], value) for name, value in shown.items()] == [
        "99.9 %",
        "0.835",
        "31.3 words",
        "100 %",
    ]
    assert [row[:2] for row in score_rows({"cited": None, "grounded": 0.5, "odd": 1.0})] == [("Grounded share", "50 %")]


def test_lag_and_budget_are_told(services: Services) -> None:
    state = WatchState(Lag(3, BEGAN), 1.0, "small", 7, 200, ("The disk is full.",))
    assert watch_words(state) == (
        "The rules score every new trace; 3 traces wait. The judge rated 7 of at most 200 answers in the last 24 hours. The disk is full."
    )
    assert lag_words(state, BEGAN + 40) == "The first of them was asked 40 s ago."
    idle = WatchState(None, 1.0, "", 0, 200, ())
    assert "No rule has scored a trace yet" in quality_text([], idle, BEGAN)
