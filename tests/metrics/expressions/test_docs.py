"""docs/filters.md says of every field what the code knows of it."""

import re
from pathlib import Path

import pytest

from metrics.expressions.fields import Field, describe_fields
from metrics.expressions.grammar import MAX_CHARS, parse
from metrics.expressions.reading import MAX_DEPTH, MAX_TERMS, SECONDS
from metrics.labels import MAX_LABEL_CHARS

TEXT = (Path(__file__).parents[3] / "docs" / "filters.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(.+?)` \| (.+) \| (.+) \| `(.+)` \|$", TEXT, re.M)


def test_the_table_is_the_fields_in_their_order() -> None:
    known = [
        (field.name, field.about, ", ".join(f"`{verb}`" for verb in field.verbs), field.example)
        for field in describe_fields()
    ]
    assert known == ROWS


@pytest.mark.parametrize("field", [field for field in describe_fields() if field.choices], ids=lambda field: field.name)
def test_every_word_that_a_field_can_be_is_told(field: Field) -> None:
    assert all(f"`{choice}`" in TEXT for choice in field.choices)


def test_bounds_and_units_are_the_code_s() -> None:
    for figure in (
        f"{MAX_CHARS:,} characters",
        f"{MAX_TERMS} fields",
        f"{MAX_DEPTH} parentheses",
        f"{MAX_LABEL_CHARS} characters",
    ):
        assert figure in TEXT
    assert f"units are {', '.join(f'`{unit}`' for unit in SECONDS)}" in TEXT


@pytest.mark.parametrize("expression", re.findall(r"--where '(.+)'", TEXT))
def test_a_printed_command_holds_an_expression(expression: str) -> None:
    parse(re.sub(r"' .*", "", expression))
