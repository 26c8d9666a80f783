"""What can be asked of the store, and what it answers: plain data, no SQL."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NewType

from metrics.expressions.grammar import parse
from pipeline.errors import InputError
from pipeline.types import Trace

Sort = Literal["asked_at", "duration", "confidence", "top_score"]
"""What a list can be sorted by."""

SORT_COLUMNS: dict[Sort, str] = {
    "asked_at": "asked_at",
    "duration": "duration_ms",
    "confidence": "confidence",
    "top_score": "top_score",
}
"""The column of `traces` behind each sort."""

NULLABLE_SORTS: frozenset[Sort] = frozenset({"confidence", "top_score"})
"""Sorts whose value a trace may lack; those traces come last, in either direction."""

APART: frozenset[Sort] = frozenset({"confidence"})
"""Sorts whose value says something else of an abstention: these come after the answers, in either direction."""

StageTime = tuple[str, Literal[">", "<"], float]
"""A stage, whether it took more or less, and than how many milliseconds."""

Rating = Literal["up", "down", "none", "any"]
"""Ratings: up, down, not rated, rated either way."""

MAX_PAGE_ROWS = 1_000
"""More rows than a page can show."""

MAX_SEARCH_CHARS = 1_000
"""A longer search text is a document, not something to search for."""

MAX_NOTE_CHARS = 2_000
"""A longer note belongs in a document."""

Cursor = NewType("Cursor", str)
"""A place in a sorted list: opaque, safe in a URL. It stays valid when traces are added."""


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Which traces, in what order. Every filter that is set must hold. Raises InputError for an impossible value."""

    backends: frozenset[str] = frozenset()
    """Only these backends; empty means all."""
    asked_from: float | None = None
    """Asked at this time or later, in seconds since the epoch."""
    asked_to: float | None = None
    """Asked before this time."""
    duration_min_ms: float | None = None
    """Took at least this long."""
    duration_max_ms: float | None = None
    """Took at most this long."""
    error: str | None = None
    """`any`, `none`, or the kind of error, for example `Timeout`."""
    rating: Rating | None = None
    """Only traces with this rating."""
    confidence_below: float | None = None
    """Confidence is known and below this, in [0, 1]."""
    abstained: bool | None = None
    """Whether the generator abstained."""
    search: str = ""
    """Text that the question, the answer or the note contains, or what another application sent: taken literally, in any case."""
    origins: frozenset[str] = frozenset()
    """Only questions of these origins; empty means all."""
    session: str | None = None
    """Only this conversation; an empty text means those that stand alone."""
    user: str | None = None
    """Only who asked under this name; an empty text means those whose asker is not known."""
    services: frozenset[str] = frozenset()
    """Some span is of one of these applications."""
    models: frozenset[str] = frozenset()
    """Some span used one of these models."""
    kinds: frozenset[str] = frozenset()
    """Some span is of one of these kinds."""
    tags: frozenset[str] = frozenset()
    """Has one of these tags."""
    stage_ms: tuple[StageTime, ...] = ()
    """Each stage, in all, took more (`>`) or less (`<`) than so many milliseconds; a trace without the stage does neither."""
    expression: str = ""
    """What else must hold, as `metrics.expressions` reads it; blank for nothing."""
    now_s: float | None = None
    """What `now` is in the expression, in seconds since the epoch; None for the moment at which it is read."""
    sort: Sort = "asked_at"
    """What to sort by."""
    descending: bool = True
    """Largest (newest) first. Traces that lack the value come last either way; by confidence abstentions come after the answers."""

    def __post_init__(self) -> None:
        if self.sort not in SORT_COLUMNS:
            raise InputError(f"Traces cannot be sorted by {self.sort!r}. Choose one of {', '.join(SORT_COLUMNS)}.")
        if self.rating not in (None, "up", "down", "none", "any"):
            raise InputError(f"There is no rating {self.rating!r}. Choose up, down, none or any.")
        if len(self.search) > MAX_SEARCH_CHARS:
            raise InputError(
                f"The search text has {len(self.search):,} characters; at most {MAX_SEARCH_CHARS:,} are searched for. Shorten it."
            )
        for stage, than, duration_ms in self.stage_ms:
            if than not in ("<", ">") or not math.isfinite(duration_ms):
                raise InputError(
                    f"The filter {stage!r} {than} {duration_ms} cannot be. Give a stage, `<` or `>`, and finite milliseconds."
                )
        if self.expression.strip():
            parse(self.expression)
        for name in ("asked_from", "asked_to", "duration_min_ms", "duration_max_ms", "confidence_below"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InputError(f"The filter {name} is {value}; give a finite number, or leave it out.")

    @property
    def filters(self) -> bool:
        """Whether anything but the search narrows the list."""
        several = (self.backends, self.origins, self.services, self.models, self.kinds, self.tags, self.stage_ms)
        return any(map(bool, (*several, self.expression.strip()))) or any(
            value is not None
            for value in (
                self.session,
                self.user,
                self.asked_from,
                self.asked_to,
                self.duration_min_ms,
                self.duration_max_ms,
                self.error,
                self.rating,
                self.confidence_below,
                self.abstained,
            )
        )


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One line of a list of traces."""

    trace_id: str
    """The trace."""
    asked_at: float
    """Seconds since the epoch."""
    backend: str
    """The backend that answered."""
    question: str
    """The question; NUL and lone surrogates are shown as U+FFFD."""
    answer: str
    """The beginning of the answer; empty if there is none."""
    duration_ms: float
    """Wall time from question to answer or failure."""
    error_kind: str | None
    """The class name of the error; None if there was none."""
    error_stage: str | None
    """The stage that failed."""
    top_score: float | None
    """The best cosine among the chunks; None without chunks."""
    confidence: float | None
    """In [0, 1]; None where the generator has no measure of it."""
    abstained: bool
    """Whether the generator abstained."""
    rating: int
    """1 rated up, -1 rated down, 0 not rated."""
    note: str
    """What a person wrote about it."""
    origin: str = "person"
    """Whence the question came; see `pipeline.types.Origin`."""
    service: str = ""
    """The application that answered, where it is another one."""
    session: str = ""
    """The conversation; empty where it stands alone."""
    user: str = ""
    """Who asked, as the application names them."""
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    """How long each stage took, in all; spans at once count each. Stages in their usual order."""

    @property
    def outcome(self) -> str:
        """The kind of error, or `abstained`, or `answered`."""
        return self.error_kind or ("abstained" if self.abstained else "answered")


@dataclass(frozen=True, slots=True)
class Count:
    """How many traces, exactly or at least."""

    value: int
    """The number, or a lower bound of it."""
    exact: bool = True
    """False if counting was stopped at `value`."""

    def __str__(self) -> str:
        return f"{self.value:,}" if self.exact else f"{self.value:,}+"


@dataclass(frozen=True, slots=True)
class TracePage:
    """One page of a list of traces."""

    rows: tuple[TraceRow, ...]
    """In the query's order."""
    matched: Count
    """How many traces the query matches."""
    total: Count
    """How many traces are stored."""
    next: Cursor | None
    """Where the next page begins; None on the last."""
    previous: Cursor | None
    """Where the previous page ends; None on the first."""


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A trace and what people said about it."""

    trace: Trace
    """The trace as it was put."""
    rating: int = 0
    """1 rated up, -1 rated down, 0 not rated."""
    note: str = ""
    """What a person wrote about it."""
    annotated_at: float | None = None
    """When it was last annotated, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Position:
    """What a cursor says: the row beside which to go on, and in which direction."""

    value: float | None
    """The row's value of the sort column."""
    seq: int
    """The row's number, which breaks ties."""
    backward: bool
    """Whether to go towards the list's beginning."""
    abstained: bool = False
    """Whether it stands among the abstentions of a list that has them apart."""


def check_page_rows(limit: int) -> None:
    """Raise InputError unless 1 ≤ limit ≤ MAX_PAGE_ROWS."""
    if not 1 <= limit <= MAX_PAGE_ROWS:
        raise InputError(f"A page of {limit} lines cannot be shown; ask for between 1 and {MAX_PAGE_ROWS:,}.")


def encode_cursor(query: TraceQuery, position: Position) -> Cursor:
    """A cursor for `position` in a list sorted as `query` says."""
    content = [query.sort, query.descending, position.value, position.seq, position.backward]
    content += [True] if position.abstained else []
    text = json.dumps(content, separators=(",", ":"))
    return Cursor(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def decode_cursor(query: TraceQuery, cursor: str) -> Position:
    """The position that `encode_cursor` wrote. Raises InputError for anything else, or for another sort's cursor."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        sort, descending, value, seq, backward, *apart = found
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad_cursor() from error
    ours = (sort, descending) == (query.sort, query.descending)
    known = not apart or (apart == [True] and query.sort in APART and value is not None)
    if not ours or not known or not _possible(query, value, seq, backward):
        raise _bad_cursor()
    return Position(value, seq, backward, abstained=bool(apart))


def _possible(query: TraceQuery, value: Any, seq: Any, backward: Any) -> bool:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300
    missing = value is None and query.sort in NULLABLE_SORTS
    return (known or missing) and type(seq) is int and 0 <= seq < 2**63 and isinstance(backward, bool)


def _bad_cursor() -> InputError:
    return InputError(
        "This page link does not belong to this list: it was cut, or the sort order changed. Start at the first page."
    )
