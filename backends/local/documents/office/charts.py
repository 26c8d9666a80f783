"""Charts of presentations (ECMA-376, part 1, 21.2) to rows: for each series its categories and their values, as the program saved them."""

from collections.abc import Iterator

from lxml import etree

from backends.local.documents.blocks import Block
from backends.local.documents.office.number_formats import format_of_code
from backends.local.documents.text import one_line
from backends.local.documents.types import Place

MOST_POINTS = 1_000
"""Of a series; more are a curve, and nobody asks for one of them."""

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def chart_blocks(chart: etree._Element, heading: str, place: Place) -> Iterator[Block]:
    """A row `Litres: Q1: 12; Q2: 14` for each series below the chart's own title, if that is not the heading that it stands under.

    chart: the root of its part.
    """
    title = _text(chart.find(f"{_C}chart/{_C}title"))
    series = list(chart.iter(f"{_C}ser"))
    names = [
        _text(each.find(f"{_C}tx")) or (f"Series {at}" if len(series) > 1 else "") for at, each in enumerate(series, 1)
    ]
    rows = [
        f"{name}: {points}" if name else points
        for name, each in zip(names, series, strict=True)
        if (points := _points(each))
    ]
    if rows and title and title not in (heading, *names):
        yield Block(title, place=place, holds_next=True)
    yield from (Block(row, "row", place=place) for row in rows)


def _text(element: etree._Element | None) -> str:
    """A title or name: written by hand, or taken from a cell."""
    if element is None:
        return ""
    written = "".join(each.text or "" for each in element.iter(f"{_A}t"))
    return one_line(written or " ".join(each.text or "" for each in element.iter(f"{_C}v")))


def _points(series: etree._Element) -> str:
    """What a series says: `Q1: 12; Q2: 14`, `12; 14` where its points have no names."""
    names = _values(series, "cat") or _values(series, "xVal")
    values = _values(series, "val") or _values(series, "yVal")
    if len(values) > MOST_POINTS:
        return ""
    return "; ".join(f"{names[at]}: {value}" if names.get(at) else value for at, value in values.items())


def _values(series: etree._Element, name: str) -> dict[int, str]:
    """Saved texts or numbers by their place; of names in several levels the outer ones stand first."""
    found: dict[int, str] = {}
    holder = series.find(f"{_C}{name}")
    if holder is None:
        return found
    levels = list(holder.iter(f"{_C}lvl"))
    if levels:
        return _joined_levels([_cached(level, "") for level in levels])
    for cache in holder.iter(f"{_C}strCache", f"{_C}numCache", f"{_C}strLit", f"{_C}numLit"):
        found |= _cached(cache, cache.findtext(f"{_C}formatCode") or "")
    return found


def _joined_levels(levels: list[dict[int, str]]) -> dict[int, str]:
    """Names of points with those above them, of which each holds until the next."""
    inner, *outer = levels
    joined: dict[int, str] = {}
    last = [""] * len(outer)
    for at, name in sorted(inner.items()):
        last = [level.get(at, before) for level, before in zip(outer, last, strict=True)]
        joined[at] = " ".join([*reversed([each for each in last if each]), name])
    return joined


def _cached(cache: etree._Element, code: str) -> dict[int, str]:
    number_format = format_of_code(code)
    found: dict[int, str] = {}
    for point in cache.iterchildren(f"{_C}pt"):
        text = one_line(point.findtext(f"{_C}v") or "")
        try:
            value = float(text)
        except ValueError:
            value = None
        if value is not None and abs(value) < 1e15 and cache.tag in (f"{_C}numCache", f"{_C}numLit"):
            text = number_format.shown(value) if number_format else f"{value:.15g}"
        at = point.get("idx", "")
        if text and at.isdecimal():
            found[int(at)] = text
    return found
