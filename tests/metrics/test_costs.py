"""Tokens by day, by run and by model, in either database: counted as traces are folded, and gone with them."""

import time

import pytest
from sqlalchemy import create_engine, text

from metrics import costs
from metrics.costs import DAY_S, CostPoint
from metrics.migration import migrate
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from metrics.token_costs import TokenUse
from pipeline.errors import InputError
from tests.factories import make_trace
from tests.metrics.assembling import make_record, make_records
from tests.metrics.spending import DAY, MINI, OTHER, asked


@pytest.mark.parametrize("few", [0, costs.FEW])
def test_use_is_summed_by_day_and_model_and_a_day_begins_at_midnight(
    few: int, store: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "FEW", few)
    store.put_all(
        [
            asked(MINI, DAY - 0.25),
            asked(MINI, DAY),
            asked(MINI, DAY + DAY_S - 0.25, written=None),
            asked(OTHER, DAY + 5, read=7, written=3),
            asked(OTHER, DAY + DAY_S),
            make_trace(asked_at=DAY + 6),
        ]
    )
    assert store.costs.cost_series(DAY - DAY_S, DAY + DAY_S, DAY_S) == [
        CostPoint(DAY - DAY_S, TokenUse(MINI, 1, 100, 10, 0)),
        CostPoint(DAY, TokenUse(MINI, 2, 200, 10, 1)),
        CostPoint(DAY, TokenUse(OTHER, 1, 7, 3, 0)),
    ]
    assert store.costs.cost_series(DAY + 1, DAY + 2, DAY_S) == []
    assert [point.start_s for point in store.costs.cost_series(DAY, DAY + 60, 60)] == [DAY, DAY]
    with pytest.raises(InputError, match="period of 0 s"):
        store.costs.cost_series(DAY, DAY + 60, 0)


def test_run_has_what_its_own_questions_used(store: TraceStore) -> None:
    traces = [asked(MINI, DAY + place) for place in range(3)]
    store.put_all(traces)
    for run_id, chosen in (("run1", traces[:2]), ("run2", traces[2:])):
        store.runs.start(run_id, {})
        store.runs.keep(run_id, [(trace.trace_id, trace.trace_id, {}) for trace in chosen])
    assert store.costs.of_run("run1") == [TokenUse(MINI, 2, 200, 20, 0)]
    assert store.costs.of_run("nobody") == []
    both = {"run1": [TokenUse(MINI, 2, 200, 20, 0)], "run2": [TokenUse(MINI, 1, 100, 10, 0)]}
    assert store.costs.of_runs(["run2", "nobody", "run1"]) == both
    assert store.costs.of_runs([]) == {}


@pytest.mark.slow
def test_deleted_trace_is_no_longer_counted(store: TraceStore) -> None:
    store.put_all([asked(MINI, DAY), asked(OTHER, DAY)])
    store.forget(TraceQuery(models=frozenset({"nobody's"})))
    assert len(store.costs.cost_series(DAY, DAY + 1, DAY_S)) == 2
    store.forget(TraceQuery())
    assert store.costs.cost_series(DAY, DAY + 1, DAY_S) == []


def test_another_applications_calls_count_once_however_often_and_in_whatever_pieces_they_come(
    store: TraceStore,
) -> None:
    said = {"openinference.span.kind": "llm", "llm.model_name": MINI, "llm.token_count.completion": 1}
    calls = [make_record(name="chat", attributes={**said, "llm.token_count.prompt": read}) for read in (5, 6)]
    found = []
    for sent in (make_records(calls[0].trace_id), calls[:1], calls, calls[:1]):
        store.put_spans(sent)
        store.fold()
        found.append([point.use for point in store.costs.cost_series(0, 1e10, 10**10)])
    silent = TokenUse("gpt-x", 1, 0, 0, 1)
    assert found == [
        [silent],
        [TokenUse(MINI, 1, 5, 1, 0), silent],
        [TokenUse(MINI, 2, 11, 2, 0), silent],
        [TokenUse(MINI, 2, 11, 2, 0), silent],
    ]


def test_store_that_held_traces_before_says_since_when_it_counts(store_url: str) -> None:
    engine = create_engine(store_url)
    with engine.begin() as connection:
        migrate(connection, location="a test", revision="0005")
        connection.execute(text("UPDATE state SET folded = 2"))
    engine.dispose()
    before = time.time()
    with TraceStore.open(store_url) as store:
        since = store.costs.counted_from()
    assert since is not None
    assert before <= since <= time.time()


def test_new_store_counts_everything(store: TraceStore) -> None:
    assert store.costs.counted_from() is None
