"""docs/deploy.md names everything that is made and every command, and no price but the price table's."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest

from app.shell.deploy import deploy
from metrics.prices import price_table
from serving.deploy.templates import PARTS, Template

DOC = (Path(__file__).resolve().parents[2] / "docs" / "deploy.md").read_text("utf-8")


@pytest.mark.slow
def test_every_type_of_resource_is_in_the_table() -> None:
    table = DOC[DOC.index("## What there is, and why") : DOC.index("## What it costs")]
    named = re.findall(r"`([\w:*]+)`", table)
    patterns = {f"SageMaker::{name}" if "::" not in name else name for name in named}
    kinds = {
        resource["Type"].removeprefix("AWS::")
        for part in PARTS
        for resource in Template.of(part).data["Resources"].values()
    }
    assert {kind for kind in kinds if not any(fnmatch(kind, pattern) for pattern in patterns)} == set()


def test_every_command_is_mentioned() -> None:
    for name in set(deploy.commands) - {"status", "rollback", "logs"}:
        assert f"raglass deploy {name}" in DOC, name
    assert all(f"`{name}" in DOC or f"raglass deploy {name}" in DOC for name in ("status", "rollback", "logs"))


def test_every_price_in_the_table_is_the_price_tables() -> None:
    known = {figure for price in _numbers(price_table()) for figure in (f"{price}", f"{price:.10f}".rstrip("0"))} | {
        price_table()["as_of"]
    }
    written = re.findall(r"(?<![\w.-])\d[\d.-]*\d|(?<![\w.-])\d(?![\w.-])", _prices())
    assert {figure for figure in written if figure not in known} == set()
    assert {"0.23", "0.4", "16.0"} <= set(written)


def _prices() -> str:
    """The third column of the table, and the line above it."""
    table = DOC[DOC.index("## What there is, and why") : DOC.index("## What it costs")]
    rows = [line.split("|")[3] for line in table.splitlines() if line.startswith("|")]
    return "\n".join(rows).replace("ml.m5.xlarge", "")


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield value


def test_no_price_is_written_elsewhere() -> None:
    assert not re.search(r"\$\s*\d|\bUSD\b|dollars? a", DOC)
