"""The waterfall: a trace's tree of spans, each placed where it ran; rows fold, and a click or Enter on one selects its span.

Its browser side is `app/assets/waterfall.js`, which sets every text as text. What is open is kept in the browser session, what is
selected in the address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.kit.numbers import milliseconds, share
from app.traces.tree import Row, View, visible_rows
from app.views.kit.components import component
from app.views.kit.style import STAGE_COLOURS, span_colour
from pipeline.span_tree import SpanTree
from pipeline.types import Trace

TALL = 18
"""More rows than these scroll in a frame of their own, so that what is beside and below stays in reach."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The times that a waterfall spans, in ms from the trace's start."""

    start_ms: float
    """Where it begins: at 0, or before where a span does."""
    end_ms: float
    """Where it ends."""

    def place(self, start_ms: float, end_ms: float) -> tuple[float, float]:
        """Where a bar begins and how wide it is, as shares of the axis."""
        length = self.end_ms - self.start_ms
        if length <= 0:
            return 0.0, 0.0
        left = min(max((start_ms - self.start_ms) / length, 0.0), 1.0)
        return left, min(max((end_ms - start_ms) / length, 0.0), 1.0 - left)


def axis_of(trace: Trace, until_ms: float | None = None) -> Axis:
    """From the first start to the last end. until_ms: where it ends at the earliest."""
    ends = [trace.duration_ms, until_ms or 0.0, *(span.end_ms for span in trace.spans)]
    return Axis(min(0.0, *(span.start_ms for span in trace.spans), 0.0), max(ends))


def show_rows(rows: Sequence[Row], axis: Axis, *, title: str, key: str, selected: str | None = None) -> None:
    """The waterfall of some rows. title: what is seen in it. selected: the selected span's id; None where none can be selected."""
    drawn = [_drawn(row, axis, selected) for row in rows]
    data = {
        "title": title,
        "rows": drawn,
        "scrolls": len(drawn) > TALL,
        "selects": selected is not None,
        "ends": [milliseconds(axis.start_ms), milliseconds(axis.end_ms)],
    }
    component("waterfall")(key=key, data=data, on_act_change=lambda: _act(key))


def rows_of(trace: Trace, tree: SpanTree, view: View) -> list[Row]:
    """The rows of a trace's tree and, of what was answered here, the time that no stage accounts for."""
    rows = visible_rows(tree, view, trace.duration_ms)
    if trace.origin == "application":
        return rows
    left_ms = max(trace.unaccounted_ms, 0.0)
    start_ms = trace.duration_ms - left_ms
    told = left_ms / trace.duration_ms if trace.duration_ms > 0 else 0.0
    return [*rows, Row("unaccounted", "unaccounted", 0, start_ms, trace.duration_ms, left_ms, left_ms, told)]


def toggled_rows(key: str) -> dict[str, bool]:
    """What a person opened and folded in a waterfall, by row id."""
    rows: dict[str, bool] = st.session_state.setdefault(f"{key}-toggled", {})
    return rows


def _act(key: str) -> None:
    """Do what was done in the browser: `{what: "select" | "toggle", id, open}`; whatever else is sent is left alone."""
    act = st.session_state[key].get("act") or {}
    row_id = act.get("id")
    if not isinstance(row_id, str):
        return
    if act.get("what") == "select":
        st.query_params["span"] = row_id
    elif act.get("what") == "toggle":
        toggled_rows(key)[row_id] = bool(act.get("open"))


def _drawn(row: Row, axis: Axis, selected: str | None) -> dict[str, Any]:
    """A row as the browser draws it."""
    left, width = axis.place(row.start_ms, row.end_ms)
    flags = [{"kind": kind, "text": text} for kind, text in _flags(row)]
    return {
        "id": row.row_id,
        "kind": _kind(row),
        "label": row.label,
        "depth": row.depth,
        "folded": row.folded,
        "selected": bool(row.span_id) and row.span_id == selected,
        "critical": row.critical,
        "found": row.found,
        "colour": None if row.duration_ms is None else _colour(row),
        "left": left,
        "width": width,
        "flags": flags,
        "time": time_of(row),
        "said": said_of(row),
    }


def _kind(row: Row) -> str:
    if row.span_id:
        return "span"
    if row.folded is not None:
        return "group"
    return "plain unaccounted" if row.duration_ms is not None else "rest" if row.row_id else "plain"


def _colour(row: Row) -> str:
    return STAGE_COLOURS["unaccounted"] if row.row_id == "unaccounted" else span_colour(row.stage, row.kind)


def _flags(row: Row) -> list[tuple[str, str]]:
    told = {"itself": ("error", "failed"), "inside": ("inside", "error inside")}
    flags = [told[row.failing]] if row.failing else []
    return [*flags, ("cached", "cached")] if row.cached else flags


def time_of(row: Row) -> str:
    """How long it ran, and its share, or what of it is its own where others run inside."""
    if row.duration_ms is None:
        return ""
    own = f"own {milliseconds(row.own_ms)}" if row.folded is not None else share(row.share, 1.0)
    return f"{milliseconds(row.duration_ms)} · {own}"


def said_of(row: Row) -> str:
    """All that a row says, in words: for its pop-up, and for those who do not see it."""
    parts = [row.label]
    if row.duration_ms is not None:
        if row.kind != "unknown":
            parts.append(row.kind)
        parts += [f"from {milliseconds(row.start_ms)}", milliseconds(row.duration_ms)]
        parts.append(f"own {milliseconds(row.own_ms)}, {share(row.share, 1.0)} of the whole")
        parts += [text for _, text in _flags(row)]
        if row.critical:
            parts.append("on the critical path")
    return ", ".join(parts)
