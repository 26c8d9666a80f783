"""Plain text for the shell: a trace, a list of traces, the state of an index, the status."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.kit.wording import count, milliseconds, rough_time, share, three_figures, trust, when
from app.status.readiness import Status
from metrics.queries import TracePage
from pipeline.types import Span, Trace

if TYPE_CHECKING:
    from app.documents.indexing import JobState

WIDTH = 100

STEPS = {
    "cut": "Documents cut into chunks",
    "embed": "Chunks and sentences with a vector",
    "index": "Vectors in the index",
    "write": "Files written",
}
"""What is counted in each step of a build."""


def trace_text(trace: Trace) -> str:
    """A trace for a terminal: answer, confidence, chunks, stages."""
    parts = [_answer(trace)]
    if trace.chunks:
        parts.append("\n".join(["Chunks (cosine)", *_chunks(trace)]))
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
    return [
        shortened(f"  {chunk.rank}. {chunk.score:.3f}  {one_line(chunk.title)}: {one_line(chunk.text)}", WIDTH)
        for chunk in trace.chunks
    ]


def _stages(trace: Trace) -> list[str]:
    """Own times, so that they add up; a stage that encloses others says so."""
    rows = [(_stage_name(trace, span), trace.own_ms(span)) for span in trace.spans]
    rows += [("unaccounted", trace.unaccounted_ms), ("total", trace.duration_ms)]
    return [f"  {name:<26} {milliseconds(spent):>10} {share(spent, trace.duration_ms):>6}" for name, spent in rows]


def _stage_name(trace: Trace, span: Span) -> str:
    itself = " itself" if trace.encloses(span) else ""
    return "  " * trace.depth(span) + span.stage + itself + (" (failed)" if span.error else "")


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


def progress_text(state: "JobState") -> str:
    """One line on a running job."""
    return printable(_progress(state))


def _progress(state: "JobState") -> str:
    if state.phase == "reading":
        return (
            f"Reading file {state.files_done + 1} of {state.files_total}: {state.file}"
            if state.files_total
            else "Reading …"
        )
    progress = state.progress
    if progress is None:
        return "Indexing …"
    left = "" if progress.remaining_s is None else f", about {rough_time(progress.remaining_s)} left"
    return f"{STEPS[progress.step]}: {progress.done:,} of {progress.total:,}{left}"


def index_text(state: "JobState", passed_over: int = 0) -> str:
    """How an indexing job ended."""
    outcome = state.outcome
    lines = []
    if state.files_total:
        lines.append(
            f"{count(outcome.added, 'document')} added, {outcome.replaced:,} replaced, {outcome.unchanged:,} unchanged, "
            f"{len(outcome.errors):,} failed"
        )
    if passed_over:
        lines.append(f"{count(passed_over, 'file')} passed over: hidden, or of a kind that is not read")
    if state.phase == "stopped":
        lines.append("Stopped. The previous index is in place; run `raglass index` to go on from here.")
    if state.manifest is not None:
        found = state.manifest
        tuning = f", effort {found.tuning.effort}, recall@10 {found.tuning.recall:.3f}" if found.tuning else ""
        lines.append(
            f"The index holds {count(found.chunks, 'chunk')} of {count(found.documents, 'document')} "
            f"({found.duplicates:,} duplicates left out), {found.kind} search{tuning}; "
            + (f"built in {three_figures(found.build_s)} s" if state.built else "it was up to date")
        )
    return "\n".join(lines)


def status_text(status: Status) -> str:
    """The status, a part a line."""
    lines = [f"Backend {status.backend}: {'ready' if status.ready else 'not ready'}"]
    lines += [f"  {'ok ' if part.ready else 'NOT'} {part.name}: {part.detail}" for part in status.parts]
    lines += ["Backends", *(f"  {name}: {reason or 'installed'}" for name, reason in status.backends.items())]
    lines += ["Versions", *_pairs(list(status.versions.items()))]
    lines += ["Settings", *_pairs(list(status.settings.items()))]
    lines += [f"  {name} is set but is no setting of Raglass" for name in status.unknown_variables]
    return printable("\n".join(lines))


def _pairs(pairs: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in pairs)
    return [f"  {name:<{width}}  {value}" for name, value in pairs]


def one_line(text: str) -> str:
    """Text with every run of white space as one space."""
    return " ".join(text.split())


def shortened(text: str, width: int) -> str:
    """Text of at most `width` characters; not every language has spaces to cut at."""
    return text if len(text) <= width else f"{text[: width - 2].rstrip()} …"


def printable(text: str) -> str:
    """Text without characters that would move a terminal's cursor or colour it: a document must not write to the screen."""
    return "".join(char if char in "\n\t" or char.isprintable() else " " for char in text)
