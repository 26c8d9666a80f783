"""Labels: every trace has those of its tags, models, kinds and services, bounded, and a list of them names each once."""

from collections import Counter

import pytest

from metrics.labels import MAX_LABEL_CHARS, MAX_LABELS, list_labels
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.schema import trace_to_dict
from pipeline.spans import Span
from tests.factories import make_trace


def test_a_trace_of_ours_is_labelled_with_its_models_and_kinds() -> None:
    assert list_labels(trace_to_dict(make_trace())) == [
        ("model", "multilingual-e5-small"),
        ("model", "extractive"),
        ("kind", "embedding"),
        ("kind", "retriever"),
        ("kind", "llm"),
        ("document", "d0c0000000000001"),
    ]


def test_a_trace_of_the_first_schema_is_labelled_all_the_same() -> None:
    data = trace_to_dict(make_trace())
    for name in ("origin", "service", "session", "user", "tags", "metadata", "retrieved"):
        del data[name]
    for span in data["spans"]:
        for name in ("parent_id", "span_id", "name", "kind", "service", "status", "events"):
            del span[name]
    assert list_labels(data) == list_labels(trace_to_dict(make_trace()))


def test_labels_are_bounded_in_number_and_length() -> None:
    tags = (*(f"tag {number}" for number in range(100)), "x" * 1_000_000)
    spans = tuple(
        Span("", 0.0, 1.0, {"model": f"{number} {'y' * 500}"}, span_id=f"{number:016x}") for number in range(100)
    )
    found = list_labels(trace_to_dict(make_trace(tags=tags, spans=spans)))
    assert Counter(kind for kind, _ in found) == {"tag": MAX_LABELS, "model": MAX_LABELS, "document": 1}
    assert max(len(value) for _, value in found) == MAX_LABEL_CHARS


@pytest.mark.parametrize("tag", ["nul \0 inside", "lone \ud800 surrogate", "emoji 🪨", "' OR 1=1 --", "<b>"])
def test_any_text_can_be_a_label(store: TraceStore, tag: str) -> None:
    store.put(make_trace(tags=(tag, tag)))
    assert store.page(TraceQuery(tags=frozenset({tag}))).matched.value == 1
    assert len(store.labels("tag")) == 1


def test_known_labels_are_named_once_and_in_order(store: TraceStore) -> None:
    assert store.labels("tag") == []
    for tags in (("zebra", "ant"), ("ant",), ("mule",)):
        store.put(make_trace(tags=tags))
    assert store.labels("tag") == ["ant", "mule", "zebra"]
    assert store.labels("tag", 2) == ["ant", "mule"]
    assert store.labels("kind") == ["embedding", "llm", "retriever"]
    assert store.labels("service") == []
