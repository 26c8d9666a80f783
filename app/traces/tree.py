"""A trace's tree as rows: which are to be seen of it, however large it is, and what each says. Drawing them is the views'."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.span_tree import SpanTree, covered_ms
from pipeline.spans import Span, SpanKind

SMALL = 40
"""A tree of so many spans is shown whole; of a larger one what is near the top."""

OPEN_ABOVE = 2
"""Of a larger tree, spans of a lesser depth begin opened, or only the top where that makes more than FIRST_ROWS rows."""

FIRST_ROWS = 200
"""Rows that a tree shows at first, at most."""

MAX_ROWS = 400
"""Rows shown at most, however many a person opens."""

GROUPED = 8
"""So many spans of one name side by side become one row, which opens."""

BATCH, FEW = 100, 10
"""Rows that one span, or group, opens to at a time; and where it is only on the way to what is looked for."""

MAX_FOUND = 50
"""Spans that a search opens the way to."""

LONG_WAY, NEAR_TOP, NEAR_END = 40, 3, 20
"""A way down of more spans than the first shows only these many at either end."""

Failing = Literal["", "itself", "inside"]
"""Whether a row failed, or something in it did."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a tree: a span, several of the same name, or what stands for rows that are left out."""

    row_id: str
    """What to open, fold or select it by."""
    label: str
    """The span's name; of several, with how many they are."""
    depth: int
    """How many rows enclose it."""
    start_ms: float = 0.0
    """Where it begins, from the trace's start."""
    end_ms: float = 0.0
    """Where it ends."""
    duration_ms: float | None = None
    """How long it ran; of several, how long at least one did. None for a row that is no span."""
    own_ms: float = 0.0
    """Time that nothing inside it accounts for; of several, added up."""
    share: float = 0.0
    """`own_ms` as a share of the trace, 0 or more; of spans that run at once they can add up to more than 1."""
    kind: SpanKind = "unknown"
    """What it does."""
    stage: str = ""
    """The stage that it is."""
    failing: Failing = ""
    """Whether it failed, or something in it did."""
    critical: bool = False
    """Whether the end had to wait for it."""
    folded: bool | None = None
    """Whether what is inside is hidden; None where nothing is."""
    span_id: str = ""
    """The span; empty for a row that is not one span."""
    found: bool = False
    """Whether a search found it, or something in a group that is folded."""
    cached: bool = False
    """Whether its result was known from an earlier question."""


@dataclass(frozen=True, slots=True)
class View:
    """What a person looks at in a tree."""

    toggled: Mapping[str, bool]
    """By row id what a person opened (True) or folded (False); other rows are as they begin."""
    found: Sequence[str] = ()
    """Ids of the spans that a search found."""
    selected: str = ""
    """The id of the span that is looked at."""


def find_spans(tree: SpanTree, text: str) -> list[str]:
    """Ids of the spans that a text occurs in, in any case, taken literally: in their names, attributes, events or errors."""
    wanted = text.strip().casefold()
    return [span.span_id for span in tree if any(wanted in said.casefold() for said in _said(span))] if wanted else []


def _said(span: Span) -> Iterator[str]:
    yield from (span.name, span.span_id, span.kind, span.service)
    if span.error is not None:
        yield from (span.error.kind, span.error.message)
    for told in (span.attributes, *(event.attributes for event in span.events)):
        for name, value in told.items():
            yield name
            yield value if isinstance(value, str) else str(value)
    yield from (event.name for event in span.events)


def path_to(tree: SpanTree, span: Span) -> list[Span]:
    """The spans from the top down to a span, itself the last."""
    path = [span]
    while (above := tree.parent(path[-1])) is not None:
        path.append(above)
    return path[::-1]


def visible_rows(tree: SpanTree, view: View, whole_ms: float) -> list[Row]:
    """The rows to be seen, at most MAX_ROWS and one that says that there are more. whole_ms: what shares are of.

    The way to what was found, to the selected span and to the first that failed is open, unless a person folded it.
    """
    if len(tree) <= SMALL:
        return _Walk(tree, view, whole_ms, open_above=SMALL).rows(MAX_ROWS)
    rows = _Walk(tree, view, whole_ms, open_above=OPEN_ABOVE).rows(MAX_ROWS)
    as_begun = not view.toggled and not view.found and not view.selected
    begun = rows if as_begun else _Walk(tree, View({}), whole_ms, open_above=OPEN_ABOVE).rows(MAX_ROWS)
    return rows if len(begun) <= FIRST_ROWS else _Walk(tree, view, whole_ms, open_above=1).rows(MAX_ROWS)


def row_of(tree: SpanTree, span: Span, whole_ms: float) -> Row:
    """The row of one span, wherever it stands. whole_ms: what its share is of."""
    return _Walk(tree, View({}), whole_ms, open_above=0).span(span, tree.depth(span)).row


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row with what it opens to."""

    row: Row
    inside: Sequence[Span] = ()
    is_group: bool = False


class _Walk:
    """One walk down a tree, as far as it is open."""

    def __init__(self, tree: SpanTree, view: View, whole_ms: float, *, open_above: int) -> None:
        self._tree, self._view, self._whole_ms, self._open_above = tree, view, whole_ms, open_above
        waited_for = tree.critical_path
        # Where all was waited for, one after another, a mark on each would say nothing.
        self._critical = {span.span_id for span in waited_for} if len(waited_for) < len(tree) else set()
        self._found = frozenset(view.found)
        self._on_way: set[str] = set()
        """Spans on the way to what is looked for, and what is looked for."""
        self._near: set[str] = set()
        """Those of them that are shown: a long way is cut in the middle."""
        first_failed = next((span.span_id for span in tree if tree.failing.get(span.span_id)), "")
        for span_id in (*view.found[:MAX_FOUND], view.selected, first_failed):
            span = tree.get(span_id)
            if span is not None:
                way = [each.span_id for each in path_to(tree, span)]
                self._on_way.update(way)
                self._near.update(way if len(way) <= LONG_WAY else (*way[:NEAR_TOP], *way[-NEAR_END:]))

    def rows(self, limit: int) -> list[Row]:
        rows: list[Row] = []
        waiting = self._within("", self._tree.roots, 0, BATCH)[::-1]
        while waiting:
            if len(rows) == limit:
                return [*rows, Row("", "More rows than can be shown: fold some, or search.", 0)]
            entry = waiting.pop()
            rows.append(entry.row)
            if entry.row.folded is False:
                waiting += self._open(entry)[::-1]
        return rows

    def _open(self, entry: _Entry) -> list[_Entry]:
        row = entry.row
        chosen = self._view.toggled.get(row.row_id) or (not entry.is_group and row.depth < self._open_above)
        return self._within(
            row.row_id, entry.inside, row.depth + 1, BATCH if chosen else FEW, may_group=not entry.is_group
        )

    def _within(
        self, row_id: str, spans: Sequence[Span], depth: int, limit: int, *, may_group: bool = True
    ) -> list[_Entry]:
        """Rows for spans side by side: the first of them, those on the way, and one for the rest."""
        while self._view.toggled.get(_rest_id(row_id, limit)):
            limit += BATCH
        groups = _groups(spans) if may_group else {}
        entries, left = list[_Entry](), 0
        for position, items in enumerate(_in_place(spans, groups)):
            on_way = any(span.span_id in self._on_way for span in items)
            if position >= limit and not on_way:
                left += 1
            elif len(items) > 1:
                entries.append(self._group(row_id, items, depth, on_way=on_way))
            else:
                entries += self._one(items[0], depth)
        if left:
            entries.append(_Entry(Row(_rest_id(row_id, limit), f"{left:,} more", depth)))
        return entries

    def _one(self, span: Span, depth: int) -> list[_Entry]:
        """A span's row, or what stands for a long way down from it."""
        gap_id = f"{span.span_id}…"
        if span.span_id not in self._on_way - self._near or self._view.toggled.get(gap_id):
            return [self.span(span, depth)]
        landings, left_out, waiting = list[Span](), 0, [span]
        while waiting:
            each = waiting.pop()
            if each.span_id in self._near:
                landings.append(each)
                continue
            left_out += 1
            waiting += [child for child in self._tree.children(each) if child.span_id in self._on_way][::-1]
        gap = _Entry(Row(gap_id, f"{left_out:,} spans between", depth))
        return [gap, *(self.span(landing, depth + 1) for landing in landings)]

    def _is_open(self, row_id: str, depth: int, on_way: bool) -> bool:
        return self._view.toggled.get(row_id, on_way or depth < self._open_above)

    def span(self, span: Span, depth: int) -> _Entry:
        inside = self._tree.children(span)
        on_way = any(child.span_id in self._on_way for child in inside) if span.span_id in self._on_way else False
        own_ms = self._tree.own_ms(span)
        row = Row(
            row_id=span.span_id,
            label=span.name,
            depth=depth,
            start_ms=span.start_ms,
            end_ms=span.end_ms,
            duration_ms=span.duration_ms,
            own_ms=own_ms,
            share=self._share(own_ms),
            kind=span.kind,
            stage=span.stage,
            failing=self._failing([span]),
            critical=span.span_id in self._critical,
            folded=not self._is_open(span.span_id, depth, on_way) if inside else None,
            span_id=span.span_id,
            found=span.span_id in self._found,
            cached=bool(span.attributes.get("cached")),
        )
        return _Entry(row, inside)

    def _group(self, parent_id: str, spans: Sequence[Span], depth: int, *, on_way: bool) -> _Entry:
        row_id = f"{parent_id}×{spans[0].name}"
        folded = not self._view.toggled.get(row_id, on_way)
        own_ms = sum(map(self._tree.own_ms, spans))
        row = Row(
            row_id=row_id,
            label=f"{spans[0].name} ×{len(spans):,}",
            depth=depth,
            start_ms=spans[0].start_ms,
            end_ms=max(span.end_ms for span in spans),
            duration_ms=covered_ms(spans),
            own_ms=own_ms,
            share=self._share(own_ms),
            kind=spans[0].kind,
            stage=spans[0].stage,
            failing=self._failing(spans),
            critical=any(span.span_id in self._critical for span in spans),
            folded=folded,
            found=folded and any(span.span_id in self._found for span in spans),
        )
        return _Entry(row, spans, is_group=True)

    def _share(self, own_ms: float) -> float:
        return own_ms / self._whole_ms if self._whole_ms > 0 else 0.0

    def _failing(self, spans: Sequence[Span]) -> Failing:
        told = [self._tree.failing[span.span_id] for span in spans if span.span_id in self._tree.failing]
        return "" if not told else "itself" if any(told) else "inside"


def _rest_id(row_id: str, limit: int) -> str:
    return f"{row_id}+{limit}"


def _groups(spans: Sequence[Span]) -> dict[str, list[Span]]:
    """Spans of a name that many of them have."""
    named: dict[str, list[Span]] = {}
    for span in spans:
        named.setdefault(span.name, []).append(span)
    return {name: alike for name, alike in named.items() if len(alike) >= GROUPED}


def _in_place(spans: Sequence[Span], groups: Mapping[str, list[Span]]) -> Iterator[list[Span]]:
    """Each span alone, and each group where its first one stands."""
    begun: set[str] = set()
    for span in spans:
        if span.name not in groups:
            yield [span]
        elif span.name not in begun:
            begun.add(span.name)
            yield groups[span.name]
