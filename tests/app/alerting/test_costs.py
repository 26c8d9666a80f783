"""The cost of a day: added up from traces with a known price, once, late ones too."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.alerting import costs
from app.alerting.costs import CostReader
from app.alerting.rules import Rule
from app.alerting.series import Grid
from metrics.store import TraceStore
from pipeline.errors import Unavailable
from pipeline.types import Trace
from tests.factories import make_trace
from tests.metrics.test_token_costs import asked

NOW_S = 1_757_000_040.0
RULE = Rule("dear", "cost", 1.0, "above", "fake", window_s=86_400, for_s=0, minimum=1)
USD = 0.00015 + 0.00006
"""Of `asked("openai:gpt-4o-mini")`."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with TraceStore.open(f"sqlite:///{tmp_path / 'traces.sqlite'}") as opened:
        yield opened


def paid(ago_s: float, generator: str = "openai:gpt-4o-mini") -> Trace:
    made = asked(generator)
    return replace(made, trace_id=make_trace().trace_id, backend="fake", asked_at=NOW_S - ago_s)


def newest(reader: CostReader, now_s: float = NOW_S) -> tuple[float | None, int]:
    point = reader.read(RULE, Grid.ending(now_s, 0, RULE.window_s))[-1]
    return point.value, point.count


def test_a_day_is_added_up_and_what_is_unknown_is_left_out(store: TraceStore) -> None:
    store.put_all([paid(10), paid(80_000), paid(90_000), paid(20, "openai:tomorrow"), paid(30, "google/flan-t5-base")])
    value, count = newest(CostReader(lambda: store, lambda: NOW_S))
    assert (value, count) == (pytest.approx(2 * USD), 2)


def test_nothing_known_is_no_zero(store: TraceStore) -> None:
    store.put(paid(20, "openai:tomorrow"))
    assert newest(CostReader(lambda: store, lambda: NOW_S)) == (None, 0)


def test_traces_are_counted_once_late_ones_too(store: TraceStore) -> None:
    clock = [NOW_S]
    reader = CostReader(lambda: store, lambda: clock[0])
    store.put(paid(100))
    assert newest(reader)[1] == 1
    store.put(paid(120))
    assert newest(reader)[1] == 1  # looked for again only after a minute
    clock[0] += 61
    assert newest(reader)[1] == 2
    clock[0] += 1_000
    assert newest(reader)[1] == 2


def test_a_longer_look_back_reads_what_was_before(store: TraceStore) -> None:
    reader = CostReader(lambda: store, lambda: NOW_S)
    store.put_all([paid(10), paid(100_000)])
    assert newest(reader)[1] == 1
    points = reader.read(RULE, Grid.ending(NOW_S, 86_400, RULE.window_s))
    assert max(point.count for point in points[:-1]) == 1
    assert points[0].value == pytest.approx(USD)
    assert newest(reader)[1] == 1


def test_more_traces_than_are_read_is_told(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "MOST", 1)
    store.put_all([paid(10), paid(20)])
    with pytest.raises(Unavailable, match="more than 1 traces"):
        newest(CostReader(lambda: store, lambda: NOW_S))
