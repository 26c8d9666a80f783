"""Stored traces as rows of a dataset: what was asked, what people said is right, and what was answered, as a suggestion only."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast, get_args

from app.kit.numbers import count
from app.runs.feedback import read_feedback
from evaluation.curated import MOST_CHARS, DatasetRow
from evaluation.kept import KeptVersion
from explain.answers import normalise
from metrics.queries import StoredTrace, TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError
from pipeline.types import Origin, Trace

MOST_PICKED = 2_000
"""Traces that are picked in one go."""

ASKED_ANEW: frozenset[str] = frozenset(get_args(Origin)) - {"run", "load"}
"""Origins whose questions somebody asked; those of runs come from a dataset already."""


@dataclass(frozen=True, slots=True)
class Picked:
    """What the traces came to."""

    rows: tuple[DatasetRow, ...]
    """A row for each question."""
    traces: int
    """Traces that were looked at."""
    without_question: int
    """Of them that do not say what was asked."""


def pick_traces(
    store: TraceStore, query: TraceQuery, *, limit: int = MOST_PICKED, only: Collection[str] | None = None
) -> Picked:
    """The traces that a query matches as rows, the same question once, in the query's order.

    only: ids of traces that are taken, whatever else matches; None for all. Gold is what people said of these traces, and nothing else.
    Raises InputError for a limit that is none, and where nothing matches.
    """
    if not 1 <= limit <= MOST_PICKED:
        raise InputError(f"{limit:,} traces cannot be picked in one go; take 1 to {MOST_PICKED:,}.")
    if not query.origins:
        query = replace(query, origins=ASKED_ANEW)
    found = list(islice(_matching(store, query, only), limit))
    if not found:
        raise InputError(
            "No trace that somebody asked matches; questions of runs and loads are left out unless the origin is chosen. Widen the filter."
        )
    said = read_feedback(each for each in found if each.rating or each.note)
    gold = {normalise(str(row["question"])): cast(list[str], row["answers"]) for row in said.rows}
    rows: dict[str, DatasetRow] = {}
    for each in found:
        if each.trace.question.strip():
            key = normalise(each.trace.question) or each.trace.question
            rows.setdefault(key, _row(each.trace, gold.get(key)))
    return Picked(tuple(rows.values()), len(found), sum(not each.trace.question.strip() for each in found))


def _matching(store: TraceStore, query: TraceQuery, only: Collection[str] | None) -> Iterator[StoredTrace]:
    for each in store.export(query):
        if only is None or each.trace.trace_id in only:
            yield each


def _row(trace: Trace, answers: list[str] | None) -> DatasetRow:
    generation = trace.generation
    suggestion = "" if generation is None or generation.abstained else generation.answer
    return DatasetRow(
        trace.trace_id,
        trace.question.strip(),
        tuple(answers or ()),
        None if answers is None else bool(answers),
        notes="" if answers is None else "The expected answer is what the feedback on the trace says.",
        suggestion=suggestion[:MOST_CHARS],
        trace=trace.trace_id,
    )


def made_of(chosen: Mapping[str, Any]) -> str:
    """How the traces were picked, as a version's sentence says it. chosen: names and values of what was set."""
    told = "; ".join(f"{name} {value}" for name, value in chosen.items() if value)
    return f"Picked from traces{f': {told}' if told else ''}."[:400]


def picked_words(picked: Picked, version: KeptVersion) -> str:
    """What came of it, in a sentence or two."""
    labelled = sum(row.is_labelled for row in picked.rows)
    open_ = len(picked.rows) - labelled
    silent = f", {picked.without_question:,} of which do not say what was asked" if picked.without_question else ""
    todo = (
        f" {count(open_, 'of them has', 'of them have')} no expected answer yet and will not be asked before it has one."
        if open_
        else ""
    )
    return (
        f"{version.spec}: {count(version.questions, 'question')}; {count(picked.traces, 'trace')} gave "
        f"{count(len(picked.rows), 'question')}{silent}.{todo}"
    )
