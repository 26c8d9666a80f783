"""`SpanTree`: a trace's spans as a tree. A parent that is missing and a circle of parents are taken as they come, not as errors."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from pipeline.spans import Span

OVERLAP_MS = 0.5
"""How long the next span may have begun before one ended and still count as having followed it: clocks and callbacks are no exacter."""


class SpanTree:
    """Spans by parent, in the order of their start. Building it takes n log n; each question of it at most what it returns."""

    def __init__(self, spans: Sequence[Span]) -> None:
        """Of spans in any order. A second span of the same id is left out."""
        self._by_id = {span.span_id: span for span in reversed(spans)}
        ordered = sorted(self._by_id.values(), key=lambda span: span.start_ms)
        self._children: dict[str, list[Span]] = {}
        top: list[Span] = []
        for span in ordered:
            above = self._by_id.get(span.parent_id) if span.parent_id is not None else None
            (top if above is None or above is span else self._children.setdefault(above.span_id, [])).append(span)
        self._depths: dict[str, int] = {}
        self.roots: tuple[Span, ...] = tuple(self._uncircled(top, ordered))
        """Spans that nothing encloses: where the tree begins. Of a circle, the span that starts first."""

    def _uncircled(self, top: Sequence[Span], ordered: Sequence[Span]) -> Iterator[Span]:
        """Walk down from the top; what is not reached lies in a circle, which is cut above the span that starts first."""
        for span in (*top, *ordered):
            if span.span_id in self._depths:
                continue
            above = self._by_id.get(span.parent_id) if span.parent_id is not None else None
            if above is not None and above is not span:
                self._children[above.span_id].remove(span)
            self._walk_down(span)
            yield span

    def _walk_down(self, root: Span) -> None:
        waiting = [(root, 0)]
        while waiting:
            span, depth = waiting.pop()
            self._depths[span.span_id] = depth
            waiting.extend((child, depth + 1) for child in self.children(span) if child.span_id not in self._depths)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Span]:
        """Every span, each before those inside it, neighbours in the order of their start."""
        waiting = list(reversed(self.roots))
        while waiting:
            span = waiting.pop()
            yield span
            waiting.extend(reversed(self.children(span)))

    def get(self, span_id: str) -> Span | None:
        """The span of an id."""
        return self._by_id.get(span_id)

    def children(self, span: Span) -> Sequence[Span]:
        """The spans just inside a span, in the order of their start."""
        return self._children.get(span.span_id, ())

    def parent(self, span: Span) -> Span | None:
        """The span around a span; None at the top."""
        if self.depth(span) == 0 or span.parent_id is None:
            return None
        return self._by_id.get(span.parent_id)

    def depth(self, span: Span) -> int:
        """How many spans enclose a span."""
        return self._depths.get(span.span_id, 0)

    def own_ms(self, span: Span) -> float:
        """Time of a span less that in which spans just inside it run, of which several may run at once; never below 0.

        Those spans' times are taken as long as they are, wherever they lie: their clock may be another machine's.
        """
        return max(span.duration_ms - covered_ms(self.children(span)), 0.0)

    @cached_property
    def critical_path(self) -> tuple[Span, ...]:
        """The spans that the end had to wait for, in the order of the tree.

        Walked back from the end: of the spans at the top the one that ends last; before its start the one that ended last then; and so on,
        and within each of them likewise. Of spans that run at once only the one that was waited for is on it.
        """
        waiting, on_it = list(_waited_for(self.roots)), set[str]()
        while waiting:
            span = waiting.pop()
            on_it.add(span.span_id)
            waiting.extend(_waited_for(self.children(span)))
        return tuple(span for span in self if span.span_id in on_it)

    @cached_property
    def failing(self) -> Mapping[str, bool]:
        """By the id of each span that failed, or in which one failed: whether it failed itself."""
        found: dict[str, bool] = {}
        for span in self._by_id.values():
            if span.status != "error":
                continue
            found[span.span_id] = True
            above = self.parent(span)
            while above is not None and above.span_id not in found:
                found[above.span_id] = above.status == "error"
                above = self.parent(above)
        return found


def _waited_for(spans: Sequence[Span]) -> Iterator[Span]:
    """Of spans side by side those that one after another were waited for, the last first."""
    begins = math.inf
    for span in sorted(spans, key=lambda span: span.end_ms, reverse=True):
        if span.end_ms <= begins + OVERLAP_MS:
            yield span
            begins = span.start_ms


def covered_ms(spans: Sequence[Span]) -> float:
    """How long at least one of some spans runs. spans: in the order of their start."""
    covered, reached = 0.0, -math.inf
    for span in spans:
        covered += max(span.end_ms - max(span.start_ms, reached), 0.0)
        reached = max(reached, span.end_ms)
    return covered
