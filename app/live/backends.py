"""Every backend and service in Live's window beside one another: how much it was asked, how much failed, how long it took. No streamlit.

It reads what the charts are drawn of, so that its cost does not grow with what is stored.
"""

from collections import Counter
from dataclasses import dataclass, replace

from app.kit.numbers import count
from app.live.reading import LiveChoice, last
from metrics.latency import QUARTER_S, TOTAL
from metrics.store import TraceStore

MOST = 20
"""Backends that are listed, those that were asked most."""

LONG_S = 3 * 3_600
"""Seconds above which a window is long."""


@dataclass(frozen=True, slots=True)
class BackendPace:
    """One backend in the window."""

    backend: str
    """Its full name."""
    asked: int
    """Questions to it, of those who ask in the choice; all of another application's."""
    failed: int
    """How many of them failed."""
    p95_ms: float | None
    """95th percentile of their time; None without a question."""

    @property
    def failed_share(self) -> float | None:
        """Part of them that failed, in [0, 1]; None without a question."""
        return self.failed / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class BackendPaces:
    """All of them."""

    rows: tuple[BackendPace, ...]
    """Those that were asked most first, at most MOST; none where the chosen one is alone."""
    more: int = 0
    """How many are not listed."""
    alone: bool = False
    """Whether the chosen one was asked, and no other."""


def read_backends(store: TraceStore, choice: LiveChoice, now_s: float) -> BackendPaces:
    """Each backend with a question in the choice's window, counted as Live counts it where it is chosen. Raises StoreError.

    Of the local store alone: CloudWatch knows one backend.
    """
    if choice.source != "local":
        return BackendPaces(())
    window = choice.window_at(now_s)
    asked, failed = Counter[str](), Counter[str]()
    for (backend, origin), (number, errors) in store.measured.counts(TOTAL, window.start_s, window.end_s).items():
        if _of(choice, backend).origin in (None, origin):
            asked[backend] += number
            failed[backend] += errors
    if not set(asked) - {choice.backend}:
        return BackendPaces((), alone=choice.backend in asked)
    ranked = sorted(asked, key=lambda name: (-asked[name], name))

    length_s = window.end_s - window.start_s
    # To the quarter of an hour where the window is long: quarters are summed up already, and a percentile hardly moves.
    end_s = window.end_s if length_s <= LONG_S else -(-window.end_s // QUARTER_S) * QUARTER_S

    def p95_ms(backend: str) -> float | None:
        [found] = store.measured.stretches(backend, TOTAL, [end_s], length_s, _of(choice, backend).origin)
        return found.sketch.quantile(0.95) if found.count else None

    rows = (BackendPace(name, asked[name], failed[name], p95_ms(name)) for name in ranked[:MOST])
    return BackendPaces(tuple(rows), len(ranked[MOST:]))


def _of(choice: LiveChoice, backend: str) -> LiveChoice:
    return replace(choice, backend=backend)


def backends_words(choice: LiveChoice, found: BackendPaces) -> str:
    """What the table holds, in a line; why there is none. Empty where neither can be said."""
    whoever = _of(choice, "").origin is None
    if not found.rows:
        asked = f"No other backend was asked{'' if whoever else f' by {choice.asked_by}'} in {last(choice.window)}"
        return f"{asked}, and no other application sent anything." if found.alone else ""
    by = "whoever asked" if whoever else f"asked by {choice.asked_by}"
    more = (
        f" {count(found.more, 'backend')} asked less {'is' if found.more == 1 else 'are'} left out."
        if found.more
        else ""
    )
    return f"All in {last(choice.window)}, {by}; of another application, all that it sent. A click chooses one.{more}"
