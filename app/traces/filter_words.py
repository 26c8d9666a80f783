"""What is filtered, in words: for a box of filters that is closed, and for an audience that sees none."""

from collections.abc import Mapping, Sequence

from app.kit.numbers import count, milliseconds, percent
from app.kit.plain import one_line, shortened
from app.kit.wording import LOW, ORIGINS, backend_words, listed
from app.traces.filters import TraceFilters

RATED: Mapping[str, str] = {"up": "rated up", "down": "rated down", "any": "rated", "none": "not rated"}
"""A filter by rating, by its value."""

MOST_CHARS = 90
"""Of what is said on the closed box."""


def filter_words(filters: TraceFilters) -> list[str]:
    """What the box of filters holds, a phrase each: "backend local", "failed"."""
    by_label = {
        "service": filters.services,
        "model": filters.models,
        "kind of span": filters.kinds,
        "tag": filters.tags,
        "session": filters.of_session and (filters.of_session,),
        "user": filters.of_user and (filters.of_user,),
    }
    told = [
        f"in the last {filters.since}" if filters.since else "",
        filters.outcome,
        RATED.get(filters.rating, ""),
        f"slower than {milliseconds(filters.slower_ms)}" if filters.slower_ms else "",
        _any_of("backend", [backend_words(name) for name in filters.backends]),
        _any_of("asked by", [ORIGINS.get(origin, origin) for origin in filters.origins]),
        *(_any_of(name, values) for name, values in by_label.items()),
        f"confidence below {percent(LOW)}" if filters.low_confidence else "",
    ]
    return [each for each in told if each]


def _any_of(name: str, values: Sequence[str]) -> str:
    return f"{name} {' or '.join(map(one_line, values))}" if values else ""


def box_label(filters: TraceFilters) -> str:
    """What stands on the closed box: "Filters: 2 set — backend local, failed"; "Filters" where none is set."""
    told = filter_words(filters)
    return shortened(f"Filters: {len(told)} set — {', '.join(told)}", MOST_CHARS) if told else "Filters"


def left_out_words(wrong: Sequence[str]) -> str:
    """What a link asks for that cannot be: "outcome=lost"."""
    named = listed([shortened(one_line(each), MOST_CHARS) for each in wrong])
    return f"The link asks for {named}, by which nothing is filtered: {'it is' if len(wrong) == 1 else 'they are'} left out."


def audience_words(filters: TraceFilters) -> str:
    """All that is filtered, in a line for those who see no settings; empty where nothing is."""
    expression = one_line(filters.expression)
    told = [*filter_words(filters), *([f"where {expression}"] if expression else [])]
    return f"{count(len(told), 'filter')}: {', '.join(told)}." if told else ""
