"""The audit log, in both databases."""

import pytest

from metrics.audit import MAX_CHARS
from metrics.store import TraceStore
from pipeline.errors import InputError


def test_entries_come_back_newest_first(store: TraceStore) -> None:
    made = [store.audit.add("ada@example.com", "saved a view", f"view {number} – “α”") for number in range(3)]
    assert store.audit.newest() == made[::-1]
    assert store.audit.newest(1) == made[-1:]
    assert store.audit.last("saved a view", "view 1 – “α”") == "ada@example.com"
    assert store.audit.last("deleted a view", "view 1 – “α”") == ""


def test_what_no_database_keeps_or_is_too_long_is_kept_as_far_as_it_can_be(store: TraceStore) -> None:
    entry = store.audit.add("a\0b", "sent a document", "x" * 10_000)
    assert store.audit.newest() == [entry]
    assert len(entry.subject) == MAX_CHARS
    assert store.audit.last("sent a document", "x" * 10_000) == entry.who


@pytest.mark.parametrize("limit", [0, 10_001])
def test_as_many_are_read_as_fit(store: TraceStore, limit: int) -> None:
    with pytest.raises(InputError, match="1 to 10,000"):
        store.audit.newest(limit)
