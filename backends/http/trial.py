"""What an endpoint's expressions find in one reply, and what stands nearest where they find nothing: for whoever writes them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from backends.http.endpoints import CHUNK_KEYS, Endpoint
from backends.http.expressions import Expression, nearest_path


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one expression."""

    key: str
    """Where it is written, below `reply`: `answer`, `chunk.text`, `stages_ms.retrieve`."""
    expression: str
    """The expression."""
    found: int
    """Places where it found something: of an answer 1, of a chunk's text the number of chunks that have one, in a stream events."""
    places: int
    """Places that were looked at."""
    value: str
    """The first thing that it found, as text; data, not to be trusted."""
    nearest: str | None
    """Where it found nothing: the reply's path that is most like it; None where there is none."""


def examine(endpoint: Endpoint, data: Any, clean: Callable[[str], str]) -> list[Finding]:
    """Every expression of an endpoint, held against a reply's JSON: of a stream the list of its events'."""
    events = data if endpoint.stream else [data]
    items = [item for event in events for item in _items(endpoint.reading.chunks, event)]
    return [
        _look(key, expression, items if key.startswith("chunk.") else events, clean)
        for key, expression in _expressions(endpoint)
    ]


def _expressions(endpoint: Endpoint) -> Iterator[tuple[str, Expression]]:
    for each in fields(endpoint.reading):
        given = getattr(endpoint.reading, each.name)
        if isinstance(given, Expression):
            yield f"chunk.{each.name}" if each.name in CHUNK_KEYS else each.name, given
        elif given is not None:
            yield from ((f"{each.name}.{stage}", expression) for stage, expression in given.items())


def _items(chunks: Expression | None, event: Any) -> list[Any]:
    found = None if chunks is None else chunks.find(event)
    return found if isinstance(found, list) else []


def _look(key: str, expression: Expression, places: list[Any], clean: Callable[[str], str]) -> Finding:
    found = [each for each in (expression.find(place) for place in places) if each not in (None, [], {})]
    value = "" if not found else f"{len(found[0])} items" if isinstance(found[0], list) else str(found[0])
    nearest = None if found else nearest_path(expression.source, _together(places))
    return Finding(key, expression.source, len(found), len(places), clean(value), nearest and clean(nearest))


def _together(places: list[Any]) -> Any:
    """One object with the keys of all."""
    return {key: value for place in places if isinstance(place, dict) for key, value in place.items()} or places[:1]
