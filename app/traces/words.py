"""A trace, and a list of traces, as plain text."""

import textwrap
from collections.abc import Mapping
from typing import Any

from app.kit.numbers import MISSING, milliseconds, share
from app.kit.plain import WIDTH, one_line, printable, shortened
from app.kit.wording import is_retrieved_elsewhere, trust, when, whereabouts
from app.traces.provenance import missing_parts, provenance
from app.traces.tree import Row, View, visible_rows
from backends.local.documents import BUILT_IN, base_name
from metrics.queries import TracePage
from pipeline.types import Chunk, Trace

FILE_WIDTH = 40
"""Columns that a file's name takes at most."""

NAME_WIDTH, MOST_STEPS = 60, 12
"""Columns that a span's name takes at most, and steps that it is indented by."""


def trace_text(trace: Trace) -> str:
    """A trace for a terminal: answer, confidence, chunks, stages."""
    parts = [_answer(trace)]
    foreign = trace.origin == "application"
    if trace.chunks:
        title = (
            "Documents (their application's scores)"
            if is_retrieved_elsewhere(trace)
            else "Chunks (cosine; ordered by all scores)"
        )
        parts.append("\n".join([title, *_chunks(trace)]))
    parts.append("\n".join(["Spans" if foreign else "Stages", *_stages(trace)]))
    about = " ".join(filter(None, (provenance(trace), missing_parts(trace))))
    parts.append("\n".join(textwrap.wrap(f"Trace {trace.trace_id}, {about}", WIDTH)))
    return "\n\n".join(printable(part) for part in parts)


def _answer(trace: Trace) -> str:
    lines = []
    if trace.generation is not None:
        said = trust(trace.generation)
        lines += textwrap.wrap(trace.generation.answer, WIDTH) + textwrap.wrap(
            f"{said.headline}. {said.meaning}", WIDTH
        )
    if trace.error is not None:
        where = f"in {trace.error.stage}" if trace.error.stage else "before any stage"
        lines += textwrap.wrap(f"{trace.error.kind} {where}: {trace.error.message}", WIDTH)
    return "\n".join(lines)


def _chunks(trace: Trace) -> list[str]:
    lines = []
    for chunk in trace.chunks:
        file = _file(chunk)
        said = f"  {chunk.rank}. {_score(chunk)}  {_named(chunk)}: {one_line(chunk.text) or 'no text was sent'}"
        lines.append(shortened(said, WIDTH - len(file)) + file)
    return lines


def _score(chunk: Chunk) -> str:
    return "  —  " if chunk.score is None else f"{chunk.score:.3f}"


def _file(chunk: Chunk) -> str:
    """The name of the file that a chunk comes from, to stand at the line's end; empty for what is built in."""
    if chunk.source in ("", BUILT_IN):
        return ""
    return f"  [{shortened(one_line(base_name(chunk.source)), FILE_WIDTH)}]"


def _named(chunk: Chunk) -> str:
    return one_line(", ".join(filter(None, (chunk.title, whereabouts(chunk.place, chunk.section)))))


def _stages(trace: Trace) -> list[str]:
    """The rows that a page shows at first, so that a large tree stays readable; what is folded counts with all that is inside.

    Times of stages one after the other add up; what other applications run at once does not.
    """
    rows = visible_rows(trace.tree, View({}), trace.duration_ms)
    told = [(_row_name(row), _row_ms(row)) for row in rows]
    if trace.origin != "application":
        told.append(("unaccounted", trace.unaccounted_ms))
    return [_timed(name, spent_ms, trace.duration_ms) for name, spent_ms in (*told, ("total", trace.duration_ms))]


def _timed(name: str, spent_ms: float | None, whole_ms: float) -> str:
    if spent_ms is None:
        return f"  {name}"
    return f"  {name:<26} {milliseconds(spent_ms):>10} {share(spent_ms, whole_ms):>6}"


def _row_ms(row: Row) -> float | None:
    return row.duration_ms if row.folded or row.duration_ms is None else row.own_ms


def _row_name(row: Row) -> str:
    itself = " itself" if row.folded is False else " +" if row.folded else ""
    told = {"itself": " (failed)", "inside": " (error inside)"}
    name = shortened(one_line(row.label), NAME_WIDTH)
    return "  " * min(row.depth, MOST_STEPS) + name + itself + told.get(row.failing, "")


def traces_text(page: TracePage) -> str:
    """A page of traces, one line each."""
    rows = [
        f"{row.trace_id}  {when(row.asked_at)}  {milliseconds(row.duration_ms):>9}  {row.outcome:<12} "
        + shortened(one_line(row.question), 60)
        for row in page.rows
    ]
    more = "" if page.matched.exact else "more than "
    return "\n".join(
        [*map(printable, rows), f"{len(rows)} of {more}{page.matched.value:,} matching, {page.total.value:,} stored"]
    )


def told_pairs(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings and metadata as names and words: of what holds others, each of those by its path, as in `resources, shop, host.name`."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}, {inner}": words for inner, words in told_pairs(value).items()}
        elif isinstance(value, list | tuple) and not any(isinstance(each, Mapping) for each in value):
            found[name] = ", ".join(map(str, value)) or MISSING
        else:
            found[name] = MISSING if value is None or value == "" else str(value)
    return found
