"""The use case: a file that another tool exported, read piece by piece and stored as if its spans had been sent.

Owns which export it is, and what is counted. A span has the same ids each time, so that importing a file again adds nothing. What a file
says is stored through the same call as what is sent, so that what is masked there is masked here.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import orjson

from app.ingesting.imports import langfuse, phoenix
from app.ingesting.imports.pieces import Damaged, Piece, PieceFile
from app.ingesting.imports.values import plain
from metrics.otlp.admission import Refused, SentSpan, admit, make_sender
from metrics.otlp.bounds import clean
from metrics.otlp.decoding import JSON, PROTOBUF, Undecodable, decode_traces
from metrics.otlp.records import SpanRecord
from pipeline.errors import InputError

Format = Literal["otlp", "phoenix", "langfuse"]

FORMATS: tuple[Format, ...] = ("otlp", "phoenix", "langfuse")
"""Every export that is known."""

BATCH_SPANS = 1_000
"""Spans stored at a time, whole pieces."""

BATCH_CHARS = 16_000_000
"""Or as many characters of texts, whichever comes first."""

PLACES = 5
"""Places that are told of each reason."""

PAGES = ("data",)
"""Where an API's reply has its rows."""

OTLP_STARTS = (b'{"resourceSpans"', b'{"resource_spans"')
"""How a line with a request begins that need not be looked into first."""

UNKNOWN = "it is neither a request of OTLP, nor a span of Phoenix, nor an observation or a trace of Langfuse"

OnProgress = Callable[["Imported", int, int], None]
"""Told after each batch what was read so far, and how many bytes of how many."""


class SpanStore(Protocol):
    """Where spans go."""

    def put_spans(self, records: Sequence[SpanRecord]) -> None:
        """Store spans; once this returns, they survive the process."""

    def known(self, trace_ids: Collection[str]) -> set[str]:
        """Which of some traces are stored."""


@dataclass(slots=True)
class Imported:
    """What came of it so far."""

    spans: int = 0
    """Spans that were read."""
    rejected: int = 0
    """Spans, and pieces of the file, that cannot be kept."""
    reasons: dict[str, list[str]] = field(default_factory=dict)
    """Why, each with up to PLACES places."""
    formats: dict[Format, int] = field(default_factory=dict)
    """Pieces of each export that were recognised."""
    traces: int = 0
    """Different traces among them."""
    new: int = 0
    """How many of these were not stored before."""

    def reject(self, where: str, why: str) -> None:
        """Count what cannot be kept."""
        self.rejected += 1
        self.note(where, why)

    def note(self, where: str, why: str) -> None:
        """Keep a reason and a place; of many places the first."""
        places = self.reasons.setdefault(why, [])
        if len(places) <= PLACES:
            places.append(where)


def import_file(
    path: Path,
    store: SpanStore,
    *,
    export: Format | None = None,
    service: str = "",
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Imported:
    """Read a file and store its spans, a batch at a time; what was stored stays if it is stopped.

    export: what it is; None finds out. service: the application's name where the export does not say. dry_run: whether nothing is stored.
    Raises InputError for a file that cannot be read, or in which nothing was recognised, StoreError if the store refuses.
    """
    found = Imported()
    seen: set[bytes] = set()
    with PieceFile(path) as file:
        batch: list[SpanRecord] = []
        size = 0
        for piece in file.pieces():
            records = _read_piece(piece, found, export, service)
            batch += records
            size += sum(map(_chars, records))
            if len(batch) >= BATCH_SPANS or size >= BATCH_CHARS:
                _store(batch, store, found, seen, dry_run=dry_run)
                batch, size = [], 0
                if on_progress is not None:
                    on_progress(found, file.done_bytes, file.size_bytes)
        _store(batch, store, found, seen, dry_run=dry_run)
    if not found.formats:
        why = "; ".join(f"{', '.join(places[:PLACES])}: {reason}" for reason, places in list(found.reasons.items())[:1])
        raise InputError(
            f"Nothing in {path.name} is an export of {', '.join(FORMATS)} ({why or 'it is empty'}). Nothing was stored. Give another file."
        )
    return found


def _store(batch: Sequence[SpanRecord], store: SpanStore, found: Imported, seen: set[bytes], *, dry_run: bool) -> None:
    ids = {record.trace_id for record in batch}
    first = {each for each in ids if bytes.fromhex(each) not in seen}
    seen.update(map(bytes.fromhex, first))
    found.traces += len(first)
    found.new += len(first - store.known(first)) if first else 0
    if batch and not dry_run:
        store.put_spans(batch)


def _chars(record: SpanRecord) -> int:
    return sum(len(value) for value in record.attributes.values() if isinstance(value, str))


def _read_piece(piece: Piece | Damaged, found: Imported, export: Format | None, service: str) -> list[SpanRecord]:
    if isinstance(piece, Damaged):
        found.reject(piece.where, piece.why)
        return []
    if piece.value is None and (export in (None, "otlp")):
        if not piece.raw.startswith(b"{"):
            return _read_request(piece.where, piece.raw, PROTOBUF, found)
        if piece.raw.startswith(OTLP_STARTS):
            return _read_request(piece.where, piece.raw, JSON, found)
    try:
        value = orjson.loads(piece.raw) if piece.value is None else piece.value
    except orjson.JSONDecodeError:
        found.reject(piece.where, "it is no JSON")
        return []
    return [
        record for where, row in _rows(piece.where, value) for record in _read_row(where, row, found, export, service)
    ]


def _rows(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The rows of a piece and where they stand: itself, or those of an API's reply."""
    page = next((value[name] for name in PAGES if isinstance(value, dict) and isinstance(value.get(name), list)), None)
    if page is None:
        yield where, value
    else:
        yield from ((f"{where}, row {number}", row) for number, row in enumerate(page, start=1))


def _read_row(where: str, row: Any, found: Imported, export: Format | None, service: str) -> list[SpanRecord]:
    known = _recognise(row)
    if known is None or (export is not None and known != export):
        found.reject(where, UNKNOWN if export is None else f"it is nothing of {export}")
        return []
    if known == "otlp":
        return _read_request(where, orjson.dumps(row), JSON, found)
    found.formats[known] = found.formats.get(known, 0) + 1
    reader = phoenix if known == "phoenix" else langfuse
    sender = make_sender([("service.name", service or known)], reader.SCOPE, 1)
    records = []
    for number, span in enumerate(_tried(row, known), start=1):
        try:
            if isinstance(span, Refused):
                raise span
            records.append(admit(_cleaned(span), sender))
        except Refused as refused:
            found.reject(where if known == "phoenix" else f"{where}, span {number}", str(refused))
        except RecursionError:
            found.reject(where, "it is nested too deeply")
    found.spans += len(records)
    return records


def _cleaned(span: SentSpan) -> SentSpan:
    """A span whose attributes can be kept. What senders send has been cleaned where it was decoded."""
    span.pairs = [(clean(key), plain(value)) for key, value in span.pairs]
    for event in span.events:
        event.pairs = [(clean(key), plain(value)) for key, value in event.pairs]
    return span


def _tried(row: dict[str, Any], known: Format) -> Iterator[SentSpan | Refused]:
    """The spans of a row, or why one cannot be taken."""
    try:
        if known == "phoenix":
            yield phoenix.read_row(row)
        else:
            yield from langfuse.read_row(row)
    except Refused as refused:
        yield refused
    except RecursionError:
        yield Refused("it is nested too deeply")


def _recognise(row: Any) -> Format | None:
    if not isinstance(row, dict):
        return None
    if "resourceSpans" in row or "resource_spans" in row:
        return "otlp"
    return "phoenix" if phoenix.is_phoenix(row) else "langfuse" if langfuse.is_langfuse(row) else None


def _read_request(where: str, body: bytes, media_type: str, found: Imported) -> list[SpanRecord]:
    """The spans of a request as senders send it."""
    try:
        decoded = decode_traces(body, media_type)
    except Undecodable:
        found.reject(where, "it is no request of OTLP")
        return []
    found.formats["otlp"] = found.formats.get("otlp", 0) + 1
    found.spans += len(decoded.records)
    found.rejected += decoded.rejected
    for why, numbers in decoded.places.items():
        for number in numbers:
            found.note(f"{where}, span {number}", why)
    return decoded.records
