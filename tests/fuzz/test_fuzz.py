"""A few inputs of each target in every run of the tests; `make fuzz` tries thousands."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz.mutating import mutate_bytes, mutate_value
from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import TryOne, try_target

FEW = {"documents": 6, "json": 15, "protobuf": 15, "question": 15, "expression": 25}
"""Inputs where one takes longer than a millisecond or two."""

DEAR = {"embedded"}
"""What needs a model loaded, and is tried by its own tests."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TARGETS if name not in DEAR])
def test_only_errors_for_a_person_come_of_wrong_inputs(name: str, tmp_path: Path) -> None:
    inputs = FEW.get(name, 40)
    tried = try_target(TARGETS[name], tmp_path, inputs=inputs, limit_s=60, start=7)
    assert tried.crashes == {}
    assert tried.inputs > 0


def test_a_crash_is_told_with_its_place_and_input(tmp_path: Path) -> None:
    @contextmanager
    def opened(_: Path) -> Iterator[TryOne]:
        yield lambda made: made["no such key"]

    tried = try_target(replace(TARGETS["settings"], opened=opened), tmp_path, inputs=5, limit_s=60)
    [(place, inputs)] = tried.crashes.items()
    assert place.startswith("KeyError in test_fuzz.py:")
    assert len(inputs) == tried.inputs


def test_the_same_seed_makes_the_same_wrong_thing() -> None:
    value = {"a": [1, {"b": "c"}], "d": None}
    assert repr(mutate_value(value, 3)) == repr(mutate_value(value, 3))
    assert mutate_bytes(b"some bytes", 3) == mutate_bytes(b"some bytes", 3)
    assert len({repr(mutate_value(value, seed)) for seed in range(20)}) > 10
    assert value == {"a": [1, {"b": "c"}], "d": None}
