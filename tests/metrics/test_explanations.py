"""What explanations scored is kept with their traces, in either database."""

from sqlalchemy import create_engine, text

from metrics.store import TraceStore
from tests.factories import make_trace

SCORES = {"chunk_ids": ["c1"], "tokens": ["é", "\ud83e"], "logprobs_nats": [[-1.5, float("-inf")], None]}


def test_scores_come_back_by_kind_and_the_last_ones_count(store: TraceStore) -> None:
    trace = make_trace()
    store.put(trace)
    store.keep_explanation(trace.trace_id, "lattice", {"first": 1})
    store.keep_explanation(trace.trace_id, "lattice", SCORES)
    store.keep_explanation(trace.trace_id, "sentences", {"rows": []})
    store.fold()
    assert store.explanations(trace.trace_id) == {"lattice": SCORES, "sentences": {"rows": []}}
    assert store.explanations("f" * 32) == {}


def test_a_trace_that_could_not_be_stored_can_be_explained_all_the_same(store: TraceStore) -> None:
    store.keep_explanation("a\0b", "lattice", SCORES)
    assert store.explanations("a\0b") == {"lattice": SCORES}


def test_a_damaged_row_is_passed_over(store: TraceStore, store_url: str) -> None:
    store.keep_explanation("a" * 32, "lattice", SCORES)
    store.keep_explanation("a" * 32, "sentences", SCORES)
    engine = create_engine(store_url)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE explanations SET payload = :bad WHERE kind = 'lattice'"), {"bad": b"not deflated"}
        )
    engine.dispose()
    assert list(store.explanations("a" * 32)) == ["sentences"]
