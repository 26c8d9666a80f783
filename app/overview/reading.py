"""What the Overview is made of, read from summaries and indexes: its cost does not grow with what is stored. No streamlit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from app.kit.wording import APPLICATION, ASKERS, PEOPLE
from app.live.reading import LiveChoice
from app.traces.filters import TraceFilters
from metrics.latency import MINUTE_S, QUARTER_S, TOTAL
from metrics.queries import Count, TraceRow
from metrics.store import TraceStore

SPANS: Mapping[str, int] = {"hour": 3_600, "day": 86_400, "week": 7 * 86_400}
"""Seconds of the stretch that is told of, by the word in the address; the Traces page has the same words."""

WINDOWS: Mapping[str, str] = {"hour": "1 hour", "day": "1 day", "week": "7 days"}
"""The Live page's window for each."""

RECENT = 8
"""Questions that are listed."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """How a stretch of time went."""

    questions: int
    """Asked in it, of all backends."""
    failed: int
    """How many of them failed."""
    p95_ms: float | None
    """95th percentile of the time of the chosen backend's questions; None where it has none."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A stretch that ends now, and the one before it of the same length."""

    whose: str
    """Whose questions, a key of `app.kit.wording.ASKERS`; what other applications were asked is among those of people."""
    backend: str
    """Whose times are told: that which answered most; empty where nothing was asked."""
    now: Stretch
    """The one that ends now."""
    before: Stretch
    """The one before."""
    others: int = 0
    """Questions that others asked in the stretch that ends now."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Traces that somebody should look at."""

    name: str
    """`failed`, `unsure`, `unanswered`, `disliked` or `slow`."""
    filters: TraceFilters
    """Which they are."""
    found: Count
    """How many."""
    worst_ms: float | None = None
    """Of the slow ones, the time of the slowest."""

    @property
    def query(self) -> dict[str, str | list[str]]:
        """The address of their list on the Traces page."""
        return address_of(self.filters)


def address_of(filters: TraceFilters) -> dict[str, str | list[str]]:
    """The address of a list on the Traces page, as names and values."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(filters.to_address()):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def origins_of(whose: str) -> tuple[str, ...]:
    """Whence the questions come that are shown, as the Traces page filters; none for all."""
    origin = ASKERS[whose]
    return () if origin is None else (origin, "application") if whose == PEOPLE else (origin,)


def _is_theirs(whose: str, backend: str, origin: str) -> bool:
    """Whether figures of a backend and an origin are shown; all of an application's traces are its own."""
    wanted = origins_of(whose)
    return not wanted or ("application" in wanted if backend.startswith(APPLICATION) else origin in wanted)


def read_pace(store: TraceStore, span: str, whose: str, now_s: float) -> Pace:
    """How the stretch that ends now went, and the one before it. span: a key of SPANS. Raises StoreError."""
    length_s = SPANS[span]
    # Of what is longer than an hour a quarter more or less tells nothing, and quarters are summed up already.
    step_s = MINUTE_S if length_s <= SPANS["hour"] else QUARTER_S
    end_s = int(now_s) // step_s * step_s + step_s
    middle_s = end_s - length_s
    everyones, then = (
        store.measured.counts(TOTAL, start, start + length_s) for start in (middle_s, middle_s - length_s)
    )
    now, before = (
        {key: each for key, each in counts.items() if _is_theirs(whose, *key)} for counts in (everyones, then)
    )
    backend = _busiest(now or before)
    origin = LiveChoice("local", backend, asked_by=whose).origin
    times = store.measured.stretches(backend, TOTAL, [middle_s, end_s], length_s, origin) if backend else []
    p95s = [each.sketch.quantile(0.95) if each.count else None for each in times] or [None, None]
    others = sum(asked for key, (asked, _) in everyones.items() if key not in now)
    return Pace(whose, backend, _stretch(now, p95s[1]), _stretch(before, p95s[0]), others)


Counts = Mapping[tuple[str, str], tuple[int, int]]
"""By backend and origin, how many were asked, and how many failed."""


def _busiest(counts: Counts) -> str:
    """The backend that was asked most; empty where none was."""
    asked = Counter[str]()
    for (backend, _), (number, _) in counts.items():
        asked[backend] += number
    return max(asked, key=lambda name: asked[name], default="")


def _stretch(counts: Counts, p95_ms: float | None) -> Stretch:
    return Stretch(sum(each for each, _ in counts.values()), sum(each for _, each in counts.values()), p95_ms)


def read_concerns(store: TraceStore, span: str, whose: str, now_s: float) -> list[Concern]:
    """Questions that need a look, by kind; a kind without any is left out. Raises StoreError."""
    asked = TraceFilters(since=span, origins=origins_of(whose))
    kinds = {
        "failed": replace(asked, outcome="failed"),
        "unsure": replace(asked, outcome="answered", low_confidence=True, sort="least confident"),
        "unanswered": replace(asked, outcome="abstained", sort="least confident"),
        "disliked": replace(asked, rating="down"),
    }
    found = [Concern(name, filters, store.matched(filters.to_query(now_s))) for name, filters in kinds.items()]
    slowest = replace(asked, sort="slowest")
    page = store.page(slowest.to_query(now_s), limit=1)
    slow = [Concern("slow", slowest, page.matched, row.duration_ms) for row in page.rows]
    return [each for each in found if each.found.value] + slow


def read_recent(store: TraceStore, whose: str, limit: int = RECENT) -> Sequence[TraceRow]:
    """The newest questions. Raises StoreError."""
    return store.page(TraceFilters(origins=origins_of(whose)).to_query(), limit=limit).rows


def live_choice(pace: Pace, span: str) -> LiveChoice:
    """What the Live page shows of the same stretch, backend and askers, from this dashboard's traces."""
    period = "5 min" if span == "hour" else "1 hour"  # Only the whole counts: long periods are read faster.
    return LiveChoice(source="local", backend=pace.backend, window=WINDOWS[span], period=period, asked_by=pace.whose)


def live_query(pace: Pace, span: str) -> dict[str, str]:
    """The address of it."""
    chosen = {"answered_by": pace.backend} if pace.backend else {}
    return chosen | {"asked_by": pace.whose, "window": WINDOWS[span]}
