"""The stage waterfall: when each stage ran and for how long, with the time that no stage accounts for."""

from dataclasses import dataclass

import plotly.graph_objects as go

from app.kit.wording import milliseconds, share, slowest
from app.views.kit.style import STAGE_COLOURS, chart_layout
from pipeline.types import Trace


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the waterfall."""

    name: str
    """Stage, or `unaccounted`."""
    start_ms: float
    """Where the bar begins."""
    duration_ms: float
    """How long it is."""
    own_ms: float | None = None
    """Its own share, without the spans inside it; None where there are none."""
    depth: int = 0
    """How many spans are around it."""
    failed: bool = False
    """Whether the stage failed."""
    cached: bool = False
    """Whether its result was known from an earlier question."""


def bars(trace: Trace) -> list[Bar]:
    """Spans in order, then the unaccounted time, drawn at the end although it lies between the stages."""
    tree = trace.tree
    rows = [
        Bar(
            span.name,
            span.start_ms,
            span.duration_ms,
            own_ms=tree.own_ms(span) if tree.children(span) else None,
            depth=tree.depth(span),
            failed=span.error is not None,
            cached=bool(span.attributes.get("cached")),
        )
        for span in tree
    ]
    unaccounted = max(trace.unaccounted_ms, 0.0)
    return [*rows, Bar("unaccounted", trace.duration_ms - unaccounted, unaccounted)]


def waterfall(trace: Trace, until_ms: float | None = None) -> go.Figure:
    """A horizontal bar a stage, on one time axis in milliseconds; the figures stand beside the names, where none is cut off."""
    rows = bars(trace)
    figure = go.Figure(
        go.Bar(
            y=list(range(len(rows))),
            base=[row.start_ms for row in rows],
            x=[row.duration_ms for row in rows],
            orientation="h",
            marker_color=[STAGE_COLOURS.get(row.name, STAGE_COLOURS["unaccounted"]) for row in rows],
            customdata=[_label(row, trace) for row in rows],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.update_layout(**chart_layout(slowest(trace), height=100 + 44 * len(rows)))
    figure.update_xaxes(title="ms", range=[0, (until_ms or trace.duration_ms) * 1.02], fixedrange=True)
    figure.update_yaxes(
        autorange="reversed",
        fixedrange=True,
        tickmode="array",
        tickvals=list(range(len(rows))),
        ticktext=[_label(row, trace) for row in rows],
    )
    return figure


def _label(row: Bar, trace: Trace) -> str:
    name = "› " * row.depth + (f"{row.name}, failed" if row.failed else row.name)
    if row.cached:
        name += ", cached"
    # A stage that encloses others says what it took itself in place of its share, which would count theirs again.
    told = share(row.duration_ms, trace.duration_ms) if row.own_ms is None else f"own {milliseconds(row.own_ms)}"
    return f"{name}<br>{milliseconds(row.duration_ms)} · {told}"
