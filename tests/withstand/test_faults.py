"""The matrix of faults in short: each fault once, over parts of every kind. All of it is `make faults`."""

from collections.abc import Iterator

import pytest

from tests.metrics.postgres_cluster import PostgresCluster
from tests.withstand.faults import opened_parts
from tests.withstand.gate import Fault
from tests.withstand.parts import Part

DEADLINE_S = 0.5
SEARCHED_S = 2.0
"""Where connecting may take as long: libpq waits no shorter."""

CELLS: list[tuple[str, Fault]] = [
    ("embed", "slow"),
    ("retrieve", "wrong shape"),
    ("rerank", "reset"),
    ("generate", "too large"),
    ("served embed", "slow"),
    ("served generate", "slow body"),
    ("gateway", "slow"),
    ("network", "slow body"),
    ("network", "late"),
    ("judge", "slow"),
    ("export", "slow"),
    ("export", "too large"),
    ("ingest", "hang"),
    ("store (SQLite)", "hang"),
    ("store (SQLite)", "refuse"),
    ("store (SQLite)", "garbage"),
]


@pytest.fixture(scope="module")
def parts() -> Iterator[dict[str, Part]]:
    with opened_parts(DEADLINE_S, None, None) as opened:
        yield {part.name: part for part in opened}


@pytest.mark.parametrize(("part", "fault"), CELLS)
@pytest.mark.slow
def test_part_that_goes_wrong_is_told_in_time_and_is_well_again(
    parts: dict[str, Part], part: str, fault: Fault
) -> None:
    outcome = parts[part].try_fault(fault)
    assert outcome.held, outcome.came_back


@pytest.fixture(scope="module")
def vectors(vector_postgres: PostgresCluster) -> Iterator[Part]:
    with opened_parts(SEARCHED_S, None, vector_postgres) as opened:
        yield opened[-1]


@pytest.mark.parametrize("fault", ["hang", "slow", "reset", "garbage", "wrong shape"])
@pytest.mark.slow
def test_vectors_in_postgresql_that_go_wrong_are_told_in_time(vectors: Part, fault: Fault) -> None:
    outcome = vectors.try_fault(fault)
    assert (vectors.name, outcome.held) == ("pgvector", True), outcome.came_back
