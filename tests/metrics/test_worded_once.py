"""Stores of a session share the words of their statements, and nothing else."""

from pathlib import Path
from typing import Any

from metrics.queries import TraceQuery
from metrics.store import TraceStore
from tests.factories import make_trace


def test_what_one_store_has_worded_the_next_asks_of_its_own_file(tmp_path: Path) -> None:
    worded: list[dict[Any, Any]] = []
    for name in ("one", "two", "three"):
        with TraceStore.open(f"sqlite:///{tmp_path / name}.sqlite") as store:
            store.put(make_trace(question=f"Of {name}?"))
            store.fold()
            assert [row.question for row in store.page(TraceQuery()).rows] == [f"Of {name}?"]
            worded.append(dict(store._database.engine.get_execution_options()["compiled_cache"]))
    assert worded[1]
    assert worded[2].keys() == worded[1].keys()  # the first of a session may have been migrated
