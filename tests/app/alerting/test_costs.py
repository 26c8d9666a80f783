"""The cost of a day: added up over models with a known price."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.alerting.costs import cost_reader
from app.alerting.rules import Rule
from app.alerting.series import Grid
from metrics.store import TraceStore
from pipeline.types import Trace
from tests.factories import make_trace
from tests.metrics.test_token_costs import asked

NOW_S = 1_757_000_040.0
RULE = Rule("dear", "cost", 1.0, "above", "", window_s=86_400, for_s=0, minimum=1)
USD = 0.00015 + 0.00006
"""Of `asked("openai:gpt-4o-mini")`."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as opened:
        yield opened


def paid(ago_s: float, generator: str = "openai:gpt-4o-mini") -> Trace:
    made = asked(generator)
    return replace(made, trace_id=make_trace().trace_id, backend="fake", asked_at=NOW_S - ago_s)


def newest(store: TraceStore) -> tuple[float | None, int]:
    point = cost_reader(lambda: store).read(RULE, Grid.ending(NOW_S, 0, RULE.window_s))[-1]
    return point.value, point.count


def test_a_day_is_added_up_and_what_is_unknown_is_left_out(store: TraceStore) -> None:
    store.put_all(
        [paid(10), paid(10), paid(80_000), paid(90_000), paid(10, "openai:tomorrow"), paid(30, "google/flan-t5-base")]
    )
    value, count = newest(store)
    assert (value, count) == (pytest.approx(3 * USD), 3)


def test_nothing_known_is_no_zero(store: TraceStore) -> None:
    store.put(paid(20, "openai:tomorrow"))
    assert newest(store) == (None, 0)


def test_what_comes_late_counts_too(store: TraceStore) -> None:
    store.put(paid(100))
    assert newest(store)[1] == 1
    store.put(paid(120))
    assert newest(store)[1] == 2
