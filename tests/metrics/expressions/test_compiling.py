"""Expressions select what a plain evaluator selects, on both databases."""

import operator
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from metrics.database import Database, open_database
from metrics.expressions.compiling import compile_expression
from metrics.expressions.grammar import parse
from metrics.expressions.narrowing import find_few
from metrics.tables import traces
from tests.metrics.conftest import sqlite_url
from tests.metrics.expressions.seeded import (
    LABELS,
    NAMES,
    NOW_S,
    NUMBERS,
    RULES,
    STAGES,
    TIMES_MS,
    Seed,
    draw_seeds,
    insert_seeds,
)

SEEDS = draw_seeds(120)


class Case(NamedTuple):
    """An expression, and what it says of a trace: True, False, or None for what cannot be known."""

    text: str
    holds: Callable[[Seed], bool | None]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """SEEDS, in either database."""
    folder: Path = tmp_path_factory.mktemp("store")
    if request.param == "sqlite":
        opened = open_database(sqlite_url(folder), 5)
        insert_seeds(opened, SEEDS)
        yield opened
        opened.close()
        return
    with request.getfixturevalue("postgres").database() as url:
        opened = open_database(url, 5)
        insert_seeds(opened, SEEDS)
        yield opened
        opened.close()


OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


def quoted(text: str) -> st.SearchStrategy[str]:
    escaped = text.replace("\\", "\\\\")
    return st.sampled_from(['"' + escaped.replace('"', '\\"') + '"', "'" + escaped.replace("'", "\\'") + "'"])


@st.composite
def numbers(draw: st.DrawFn) -> Case:
    field, sign = (
        draw(st.sampled_from(["latency_ms", "confidence", "top_score", *STAGES, *RULES])),
        draw(st.sampled_from([*OPERATORS])),
    )
    name = f"stage.{field}.ms" if field in STAGES else f"quality.{field}" if field in RULES else field
    bound = draw(st.sampled_from(TIMES_MS if field in ("latency_ms", *STAGES) else NUMBERS))

    def value(seed: Seed) -> float | None:
        if field in RULES:
            return seed.quality.get(field)
        return seed.stages.get(field) if field in STAGES else getattr(seed, field)

    def holds(seed: Seed) -> bool | None:
        found = value(seed)
        return None if found is None else OPERATORS[sign](found, bound)

    if field != "latency_ms" and draw(st.booleans()):
        word = draw(st.sampled_from(["none", "any"]))
        return Case(f"{name} is {word}", lambda seed: (value(seed) is None) == (word == "none"))
    return Case(f"{name}{draw(st.sampled_from(['', ' ']))}{sign} {bound:g}", holds)


@st.composite
def moments(draw: st.DrawFn) -> Case:
    sign = draw(st.sampled_from(["<", "<=", ">=", ">"]))
    ago_s, written = draw(
        st.sampled_from([(0.0, ""), (60.0, "- 1m"), (3600.0, "-60m"), (7200.0, "- 2h"), (86400.0, "- 1d")])
    )
    iso = datetime.fromtimestamp(NOW_S - ago_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Case(
        f"asked_at {sign} {draw(st.sampled_from([f'now {written}', iso]))}",
        lambda seed: OPERATORS[sign](seed.asked_at, NOW_S - ago_s),
    )


@st.composite
def contents(draw: st.DrawFn) -> Case:
    part, negated = draw(st.sampled_from(["question", "answer", "note", "text"])), draw(st.booleans())
    needle = draw(st.sampled_from(["refund", "REFUND", "strasse", "ß", "%", "_", "'b' \"c\"", "\\", "été", "e", "d o"]))

    def holds(seed: Seed) -> bool:
        texts = (seed.question, seed.answer, seed.note) if part == "text" else (getattr(seed, part),)
        return any(needle.casefold() in text.casefold() for text in texts) != negated

    return Case(f"{draw(quoted(needle))} {'not in' if negated else 'in'} {part}", holds)


@st.composite
def names(draw: st.DrawFn) -> Case:
    field = draw(st.sampled_from(["backend", "session", "user", "error", "error_stage", "question", "answer", *LABELS]))
    known = LABELS.get(field, (*NAMES, *STAGES, "REFUND_ME", "Straße nach refund"))

    def have(seed: Seed) -> set[str]:
        if field in LABELS:
            return set(seed.labels[field])
        return {getattr(seed, field) or ""} - {""}

    if field not in ("backend", "question") and draw(st.booleans()):
        word = draw(st.sampled_from(["none", "ANY"]))
        return Case(f"{field} is {word}", lambda seed: bool(have(seed)) == (word == "ANY"))
    chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
    texts = [draw(quoted(each)) for each in chosen]
    if len(chosen) == 1 and draw(st.booleans()):
        sign = draw(st.sampled_from(["=", "==", "!=", "<>"]))
        return Case(f"{field} {sign} {texts[0]}", lambda seed: (chosen[0] in have(seed)) == (sign[0] == "="))
    negated = draw(st.booleans())
    return Case(
        f"{field} {'not in' if negated else 'in'} ({', '.join(texts)})",
        lambda seed: bool(have(seed) & set(chosen)) != negated,
    )


@st.composite
def words(draw: st.DrawFn) -> Case:
    if draw(st.booleans()):
        return Case("abstained", lambda seed: seed.abstained)
    field = draw(st.sampled_from(["rating", "origin"]))
    known = {"rating": ["up", "down", "none"], "origin": ["person", "run", "load", "application"]}[field]
    chosen = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3))
    if len(chosen) == 1:
        sign = draw(st.sampled_from(["=", "!="]))
        return Case(f"{field} {sign} {chosen[0]}", lambda seed: (getattr(seed, field) == chosen[0]) == (sign == "="))
    return Case(f"{field} IN ({','.join(chosen)})", lambda seed: getattr(seed, field) in chosen)


def negate(case: Case) -> Case:
    def holds(seed: Seed) -> bool | None:
        found = case.holds(seed)
        return None if found is None else not found

    return Case(f"NOT ({case.text})", holds)


def join(word: str, cases: list[Case]) -> Case:
    decides = word == "or"

    def holds(seed: Seed) -> bool | None:
        found = [case.holds(seed) for case in cases]
        return decides if decides in found else None if None in found else not decides

    return Case(f" {word} ".join(f"({case.text})" for case in cases), holds)


tests = st.one_of(numbers(), moments(), contents(), names(), words())
expressions = st.recursive(
    tests,
    lambda parts: st.one_of(
        parts.map(negate), st.builds(join, st.sampled_from(["and", "or"]), st.lists(parts, min_size=2, max_size=3))
    ),
    max_leaves=8,
)


def matching(database: Database, text: str) -> set[str]:
    with database.engine.connect() as connection:
        return set(connection.scalars(select(traces.c.trace_id).where(compile_expression(text, NOW_S))))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(case=expressions)
def test_an_expression_selects_what_a_plain_evaluator_does(database: Database, case: Case) -> None:
    expected = {str(seq) for seq, seed in enumerate(SEEDS, 1) if case.holds(seed) is True}
    assert matching(database, case.text) == expected


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(case=expressions, limit=st.integers(0, 120))
def test_the_few_that_an_index_names_hold_every_match(database: Database, case: Case, limit: int) -> None:
    with database.engine.connect() as connection:
        few = find_few(connection, parse(case.text), NOW_S, lambda seqs: len(connection.execute(seqs).all()) <= limit)
        if few is not None:
            found = set(map(str, connection.scalars(few)))
            assert matching(database, case.text) <= found
            assert len(found) <= limit


@pytest.mark.parametrize(
    ("flat", "grouped"),
    [
        ("abstained or confidence > .5 and rating = up", "abstained or (confidence > .5 and rating = up)"),
        ("not abstained and rating = up", "(not abstained) and rating = up"),
        ("not abstained or rating = up", "(not abstained) or rating = up"),
    ],
)
def test_not_binds_closer_than_and_and_that_closer_than_or(flat: str, grouped: str) -> None:
    assert parse(flat) == parse(grouped)


def test_a_number_that_a_trace_lacks_is_neither_above_nor_below(database: Database) -> None:
    known = {str(seq) for seq, seed in enumerate(SEEDS, 1) if seed.confidence is not None}
    assert matching(database, "confidence < .5 or not confidence < .5") == known
    assert matching(database, "confidence is any") == known
    assert len(known) < len(SEEDS)


def test_no_text_of_an_expression_stands_in_the_sql() -> None:
    condition = compile_expression('tag = "x\' OR 1=1 --" and "y\'; DROP TABLE traces" in note', NOW_S)
    assert "DROP" not in str(condition)
    assert "1=1" not in str(condition)


@pytest.mark.parametrize(
    ("word", "begins"),
    [
        ("today", "2026-09-21"),
        ("Yesterday", "2026-09-20"),
        ("monday", "2026-09-21"),
        ("tuesday", "2026-09-15"),
        ("SUNDAY", "2026-09-20"),
    ],
)
def test_the_name_of_a_day_is_when_it_last_began(database: Database, word: str, begins: str) -> None:
    # NOW_S is a Monday, 2026-09-21.
    assert matching(database, f"asked_at < {word}") == matching(database, f"asked_at < {begins}")
    assert (
        parse(f"asked_at < {word}").values[0].resolve(NOW_S) == datetime.fromisoformat(f"{begins}T00:00Z").timestamp()
    )
