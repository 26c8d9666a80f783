"""Exported traces as text: JSON Lines for programs, CSV for spreadsheets.

JSON Lines: one object a line: `trace` (see pipeline/trace.schema.json), `rating` (-1, 0, 1), `note`, `annotated_at`
(seconds since the epoch, or null). CSV: one row a trace, with the columns of CSV_FIELDS.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from metrics.queries import StoredTrace
from metrics.spreadsheet import csv_line
from pipeline.schema import trace_to_dict
from pipeline.types import Trace

Cell = str | int | float | None


def _scores(trace: Trace) -> list[float]:
    return [chunk.score for chunk in trace.chunks if chunk.score is not None]


def to_jsonl(stored: Iterable[StoredTrace]) -> Iterator[str]:
    """One line of JSON for each trace, each ending in a newline. ASCII, so that any text survives any download."""
    for item in stored:
        data = {
            "trace": trace_to_dict(item.trace),
            "rating": item.rating,
            "note": item.note,
            "annotated_at": item.annotated_at,
        }
        yield json.dumps(data, separators=(",", ":")) + "\n"


def _confidence(item: StoredTrace) -> float | None:
    generation = item.trace.generation
    return generation.confidence.value if generation is not None and generation.confidence is not None else None


def _stage_ms(item: StoredTrace, stage: str) -> float | None:
    durations = [span.duration_ms for span in item.trace.spans if span.stage == stage]
    return sum(durations) if durations else None


def _answer(item: StoredTrace) -> str | None:
    return None if item.trace.generation is None else item.trace.generation.answer


def _finish_reason(item: StoredTrace) -> str | None:
    return None if item.trace.generation is None else item.trace.generation.finish_reason


def _abstained(item: StoredTrace) -> int:
    return int(item.trace.generation is not None and item.trace.generation.abstained)


def _error(item: StoredTrace, field: str) -> str | None:
    value: str | None = getattr(item.trace.error, field, None)
    return value


CSV_FIELDS: dict[str, tuple[str, Callable[[StoredTrace], Cell]]] = {
    "trace_id": ("the trace", lambda item: item.trace.trace_id),
    "asked_at": ("when it was asked: ISO 8601, UTC", lambda item: _iso(item.trace.asked_at)),
    "backend": ("the backend that answered", lambda item: item.trace.backend),
    "origin": ("whence the question came: person, run, load or application", lambda item: item.trace.origin),
    "service": ("the application that answered; empty for this one", lambda item: item.trace.service),
    "session": ("the conversation; empty where it stands alone", lambda item: item.trace.session),
    "user": ("who asked, as the application names them", lambda item: item.trace.user),
    "tags": ("words by which to find it again, a comma between them", lambda item: ", ".join(item.trace.tags)),
    "question": ("the question", lambda item: item.trace.question),
    "answer": ("the answer; empty if there is none", _answer),
    "abstained": ("1 if the generator abstained", _abstained),
    "confidence": ("in [0, 1]; empty where there is no measure of it", _confidence),
    "finish_reason": ("why the answer ended", _finish_reason),
    "top_score": (
        "best score among the chunks; a cosine, unless another application gave it",
        lambda item: max(_scores(item.trace), default=None),
    ),
    "chunks": ("how many chunks were retrieved", lambda item: len(item.trace.chunks)),
    "duration_ms": ("from question to answer or failure, milliseconds", lambda item: item.trace.duration_ms),
    "embed_ms": ("time in the embed stage", lambda item: _stage_ms(item, "embed")),
    "retrieve_ms": ("time in the retrieve stage", lambda item: _stage_ms(item, "retrieve")),
    "rerank_ms": ("time in the rerank stage", lambda item: _stage_ms(item, "rerank")),
    "generate_ms": ("time in the generate stage", lambda item: _stage_ms(item, "generate")),
    "unaccounted_ms": ("time that no stage accounts for", lambda item: item.trace.unaccounted_ms),
    "error_kind": ("class name of the error; empty if none", lambda item: _error(item, "kind")),
    "error_stage": ("the stage that failed", lambda item: _error(item, "stage")),
    "error_message": ("what happened and what to do", lambda item: _error(item, "message")),
    "rating": ("1 up, -1 down, 0 not rated", lambda item: item.rating),
    "note": ("what a person wrote about it", lambda item: item.note),
    "annotated_at": ("when it was annotated: ISO 8601, UTC", lambda item: _iso(item.annotated_at)),
}
"""Every column: what it means, and how it is read."""


def to_csv(stored: Iterable[StoredTrace]) -> Iterator[str]:
    """A header, then one row for each trace (RFC 4180). A text that a spreadsheet would run gets an apostrophe in front."""
    yield csv_line(CSV_FIELDS)
    for item in stored:
        yield csv_line(read(item) for _, read in CSV_FIELDS.values())


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
