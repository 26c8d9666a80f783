"""A trace, and a list of traces, as plain text."""

import textwrap

from app.kit.plain import WIDTH, one_line, printable, shortened
from app.kit.wording import milliseconds, share, trust, when, whereabouts
from backends.local.documents import BUILT_IN, base_name
from metrics.queries import TracePage
from pipeline.span_tree import SpanTree
from pipeline.types import Chunk, Span, Trace

FILE_WIDTH = 40
"""Columns that a file's name takes at most."""


def trace_text(trace: Trace) -> str:
    """A trace for a terminal: answer, confidence, chunks, stages."""
    parts = [_answer(trace)]
    if trace.chunks:
        parts.append("\n".join(["Chunks (cosine; ordered by all scores)", *_chunks(trace)]))
    parts.append("\n".join(["Stages", *_stages(trace)]))
    parts.append(f"Trace {trace.trace_id}, {trace.backend}, {when(trace.asked_at)}")
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
        said = f"  {chunk.rank}. {_score(chunk)}  {_named(chunk)}: {one_line(chunk.text)}"
        lines.append(shortened(said, WIDTH - len(file)) + file)
    return lines


def _score(chunk: Chunk) -> str:
    return "  –  " if chunk.score is None else f"{chunk.score:.3f}"


def _file(chunk: Chunk) -> str:
    """The name of the file that a chunk comes from, to stand at the line's end; empty for what is built in."""
    if chunk.source in ("", BUILT_IN):
        return ""
    return f"  [{shortened(one_line(base_name(chunk.source)), FILE_WIDTH)}]"


def _named(chunk: Chunk) -> str:
    return one_line(", ".join(filter(None, (chunk.title, whereabouts(chunk.place, chunk.section)))))


def _stages(trace: Trace) -> list[str]:
    """Own times, so that they add up; a stage that encloses others says so."""
    tree = trace.tree
    rows = [(_stage_name(tree, span), tree.own_ms(span)) for span in tree]
    rows += [("unaccounted", trace.unaccounted_ms), ("total", trace.duration_ms)]
    return [f"  {name:<26} {milliseconds(spent):>10} {share(spent, trace.duration_ms):>6}" for name, spent in rows]


def _stage_name(tree: SpanTree, span: Span) -> str:
    itself = " itself" if tree.children(span) else ""
    return "  " * tree.depth(span) + one_line(span.name) + itself + (" (failed)" if span.error else "")


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
