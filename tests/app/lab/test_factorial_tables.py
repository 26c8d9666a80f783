"""What a factorial's titles say where nothing differs."""

from typing import Any

import pytest

from app.lab.factorial_tables import errors_title, levels_title, result_tables
from app.lab.tables import Table

KINDS = {"not_retrieved": 0.1, "misread": 0.0, "abstained": 0.0, "made_up": 0.0, "failed": 0.0}


def make_found(difference: float) -> dict[str, Any]:
    """An outcome with one factor of two levels."""
    none = {"value": 0.0, "low": 0.0, "high": 0.0}
    return {
        "question": {"value": 1.0, "low": None, "high": None},
        "factors": {"rerank": none},
        "varying": {"rerank": none},
        "shapley": {},
        "pairs": [],
        "pair_means": [],
        "higher": none,
        "orthogonal": True,
        "levels": [
            {"factor": "rerank", "level": level, "mean": 0.9, "difference": each, "low": each, "high": each}
            for level, each in (("none", -difference), ("lexical", difference))
        ],
    }


def make_tables(difference: float) -> dict[str, Table]:
    rival = {"cell": "a", "mean": 0.9, "difference": 0.0, "p": 1.0, "cost": 1.0, "low": 0.0, "high": 0.0}
    passage = {"factor": "rerank", "level": "none", "right": difference, "retrieval": difference}
    result = {
        "cells": [{"name": "a", "run": "r", "status": "finished"}],
        "outcomes": {"right": make_found(difference)},
        "told": True,
        "questions": 10,
        "choice": {"best": "a", "cheapest": "a", "safe": None, "rivals": [rival]},
        "errors": [{"cell": "a", "right": 0.9, **KINDS}],
        "passages": [{**passage, "reading": 0.0, "abstention": 0.0}],
    }
    return {table.name: table for table in result_tables(result)}


def test_levels_that_differ_by_rounding_are_alike() -> None:
    assert levels_title("right", make_found(1e-17)) == "Right answers: all levels are alike"
    assert levels_title("right", make_found(0.1)).endswith("rerank none lies farthest from the mean of its factor")


def test_tables_say_that_levels_are_alike_and_change_nothing() -> None:
    alike, apart = make_tables(1e-17), make_tables(0.1)
    assert alike["levels"].title == "Right answers: all levels are alike"
    assert alike["passages"].title == "The choices change no share of right answers"
    assert apart["levels"].title == "On average over the rest, rerank lexical does most for right answers"
    assert apart["passages"].title.endswith("mostly through retrieval")


def test_share_without_an_interval_is_shown_without() -> None:
    tables = make_tables(0.1)["shares-right"]
    assert tables.cells(tables.rows[-1])[:2] == ["the question", "100.0 %"]


@pytest.mark.parametrize(
    ("rights", "title"),
    [
        ((0.9, 0.9 - 1e-16), "All cells have as many errors: 10.0 %"),
        ((1.0, 1.0), "There is no error in any cell"),
        ((0.9, 0.8), "Most errors are made with cell 1: 20.0 % of questions"),
    ],
)
def test_cells_with_as_many_errors_are_said_to_have_them(rights: tuple[float, ...], title: str) -> None:
    errors = [{"cell": f"cell {place}", "right": right, **KINDS} for place, right in enumerate(rights)]
    assert errors_title(errors) == title
