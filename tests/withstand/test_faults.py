"""The matrix of faults in short: each fault once, over parts of every kind. All of it is `make faults`."""

from collections.abc import Iterator

import pytest

from tests.withstand.faults import opened_parts
from tests.withstand.gate import Fault
from tests.withstand.parts import Part

DEADLINE_S = 0.5
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
    with opened_parts(DEADLINE_S, None) as opened:
        yield {part.name: part for part in opened}


@pytest.mark.parametrize(("part", "fault"), CELLS)
@pytest.mark.slow
def test_part_that_goes_wrong_is_told_in_time_and_is_well_again(
    parts: dict[str, Part], part: str, fault: Fault
) -> None:
    outcome = parts[part].try_fault(fault)
    assert outcome.held, outcome.came_back
