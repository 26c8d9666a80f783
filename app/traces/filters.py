"""The filters of the Traces page as plain values: the same for the page, the address bar and the export."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

from app.kit.wording import LOW
from metrics.queries import Rating, Sort, TraceQuery
from pipeline.errors import InputError

SINCE_S: Mapping[str, float] = {"hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0, "month": 30 * 86400.0}
"""Windows of time, by the word that stands in the address."""

OUTCOMES: Mapping[str, Mapping[str, Any]] = {
    "answered": {"error": "none", "abstained": False},
    "abstained": {"abstained": True},
    "failed": {"error": "any"},
    "timeout": {"error": "Timeout"},
}
"""What became of the question."""

RATINGS: Mapping[str, Rating] = {"up": "up", "down": "down", "any": "any", "none": "none"}

SORTS: Mapping[str, tuple[Sort, bool]] = {
    "newest": ("asked_at", True),
    "oldest": ("asked_at", False),
    "slowest": ("duration", True),
    "fastest": ("duration", False),
    "least confident": ("confidence", False),
    "most confident": ("confidence", True),
    "best top score": ("top_score", True),
    "worst top score": ("top_score", False),
}
"""Orders, by the words that stand in the address."""


RENAMED: Mapping[str, str] = {"feedback": "rating"}
"""Names that addresses had before, by what they are called now."""

MOVING = re.compile("now|day", re.IGNORECASE)
"""In an expression that may say something else later."""


@dataclass(frozen=True, slots=True)
class TraceFilters:
    """What the person chose. Empty values filter nothing."""

    search: str = ""
    """Literal text."""
    backends: tuple[str, ...] = ()
    """Backends."""
    since: str = ""
    """A key of SINCE_S."""
    slower_ms: float = 0.0
    """Only traces that took at least this long."""
    outcome: str = ""
    """A key of OUTCOMES."""
    rating: str = ""
    """A key of RATINGS."""
    low_confidence: bool = False
    """Only traces whose confidence is known and low."""
    origins: tuple[str, ...] = ()
    """Whence the questions came; see `pipeline.types.Origin`."""
    services: tuple[str, ...] = ()
    """Applications, of which one had a part in the trace."""
    models: tuple[str, ...] = ()
    """Models, of which one was called."""
    kinds: tuple[str, ...] = ()
    """Kinds, of which some span is."""
    tags: tuple[str, ...] = ()
    """Tags, of which the trace has one."""
    of_session: str = ""
    """A conversation. Not called `session`: that is what the address calls one that is opened."""
    of_user: str = ""
    """Who asked, as the application names them."""
    expression: str = ""
    """What else must hold; see `metrics.expressions`."""
    sort: str = "newest"
    """A key of SORTS."""

    def to_query(self, now_s: float | None = None) -> TraceQuery:
        """What to ask of the store. Raises InputError for a value that is none of the choices, ExpressionError for an expression."""
        sort, descending = _choice("sort", SORTS, self.sort)
        # To the minute, so that a rerun asks for the same thing and finds it in the cache.
        now = (time.time() if now_s is None else now_s) // 60 * 60
        return TraceQuery(
            backends=frozenset(self.backends),
            asked_from=now - _choice("since", SINCE_S, self.since) if self.since else None,
            duration_min_ms=self.slower_ms or None,
            rating=_choice("rating", RATINGS, self.rating) if self.rating else None,
            confidence_below=LOW if self.low_confidence else None,
            search=self.search,
            origins=frozenset(self.origins),
            services=frozenset(self.services),
            models=frozenset(self.models),
            kinds=frozenset(self.kinds),
            tags=frozenset(self.tags),
            session=self.of_session or None,
            user=self.of_user or None,
            expression=self.expression,
            now_s=now if MOVING.search(self.expression) else None,
            sort=sort,
            descending=descending,
            **(_choice("outcome", OUTCOMES, self.outcome) if self.outcome else {}),
        )

    def to_address(self) -> str:
        """The chosen values as the query part of an address; what is empty is left out."""
        chosen = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        chosen["slower_ms"] = f"{self.slower_ms:g}" if self.slower_ms else ""
        return urlencode({name: value for name, value in chosen.items() if value and value != "newest"}, doseq=True)

    @classmethod
    def from_address(cls, values: Mapping[str, Sequence[str]]) -> "TraceFilters":
        """The filters that an address holds; `values` has every value of every name. Raises InputError."""
        values = with_new_names(values)
        first = {name: found[0] for name, found in values.items() if found}
        try:
            slower_ms = float(first.get("slower_ms", 0))
        except ValueError:
            raise InputError(f"slower_ms is {first['slower_ms']!r}; give a number of milliseconds.") from None
        texts: dict[str, Any] = {name: first.get(name, "") for name in ("of_session", "of_user", "expression")}
        several: dict[str, Any] = {
            name: tuple(values.get(name, ())) for name in ("origins", "services", "models", "kinds", "tags")
        }
        return cls(
            search=first.get("search", ""),
            backends=tuple(values.get("backends", ())),
            since=first.get("since", ""),
            slower_ms=slower_ms,
            outcome=first.get("outcome", ""),
            rating=first.get("rating", ""),
            low_confidence=first.get("low_confidence", "").lower() in ("true", "1"),
            **texts,
            **several,
            sort=first.get("sort", "newest"),
        )


def with_new_names(values: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """What an address says, by the names of now; a name of before counts only where the new one is missing."""
    found = {RENAMED[name]: texts for name, texts in values.items() if name in RENAMED}
    return found | {name: texts for name, texts in values.items() if name not in RENAMED}


def _choice(name: str, choices: Mapping[str, Any], value: str) -> Any:
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")
    return choices[value]
