"""The charts of an explanation."""

import plotly.graph_objects as go

from app.explaining.words import (
    MOST_BARS,
    bars,
    chunk_name,
    chunk_order,
    colour_limit_nats,
    level_text,
    nats,
    pairs_title,
    spoken_tokens,
    weights_title,
)
from app.views.kit.charts import chart_layout, chart_text
from app.views.kit.style import ink
from evaluation.calibrating import Calibration
from explain.explained import Explained
from explain.explanation import Explanation

FOR, AGAINST = "#e69f00", "#0072b2"
"""What makes the answer more probable, and less."""

SHORT = 28
"""Characters of a chunk's title, or a token, beside a chart."""

UPRIGHT = 12
"""Characters of a column's name that fit beneath it on a phone."""


def waterfall(found: Explanation) -> go.Figure:
    """From the log-probability without any chunk to that with all; figures stand beside the names, where none is cut off."""
    (_, none), *steps, (_, everything) = found.waterfall_nats
    names = ["no chunk", *(_chunk_name(found, i) for i in found.order), "all chunks"]
    figures = [level_text(none), *(nats(value) for _, value in steps), level_text(everything)]
    labels = [f"{name}<br>{figure}" for name, figure in zip(names, figures, strict=True)]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            y=list(range(len(labels))),
            x=[none, *(value for _, value in steps), everything],
            measure=["absolute", *["relative"] * len(steps), "total"],
            textposition="none",
            customdata=labels,
            increasing={"marker": {"color": FOR}},
            decreasing={"marker": {"color": AGAINST}},
            totals={"marker": {"color": "#8c96a0"}},
            hovertemplate="%{customdata} nats<extra></extra>",
        )
    )
    figure.update_layout(
        **chart_layout(f"All chunks together: {nats(found.reliance_nats)} nats", height=110 + 40 * len(labels))
    )
    _name_rows(figure, labels)
    figure.update_xaxes(title_text="log-probability, nats", fixedrange=True)
    return figure


def weights(found: Explained) -> go.Figure:
    """What each source did, with its interval."""
    shown = bars(found)
    labels = [f"{_short(bar.name)}<br>{bar.words}" for bar in shown]
    values = [bar.nats for bar in shown]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            y=list(range(len(shown))),
            x=values,
            marker={"color": [FOR if value >= 0 else AGAINST for value in values]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [bar.reach_nats[0] for bar in shown],
                "arrayminus": [bar.reach_nats[1] for bar in shown],
                "color": ink(),
                "thickness": 1.2,
            },
            customdata=labels,
            hovertemplate="%{customdata} nats<extra></extra>",
        )
    )
    figure.update_layout(**chart_layout(weights_title(found), height=110 + 40 * len(labels)))
    _name_rows(figure, labels)
    figure.update_xaxes(title_text="log-odds, nats", fixedrange=True)
    return figure


def pairs(found: Explanation) -> go.Figure:
    """The interaction matrix."""
    names = [f"chunk {chunk.rank}" for chunk in found.chunks]
    return _heat(found.interactions_nats, names, names, pairs_title(found), colour_limit_nats(found))


def by_token(found: Explained) -> go.Figure:
    """Chunks × tokens."""
    tokens = [
        f"{place + 1}. {_short(token.strip())}" for place, token in enumerate(spoken_tokens(found.answer, found.tokens))
    ]
    order = chunk_order(found)[:MOST_BARS]
    rows = [f"chunk {found.chunks[i].rank}" for i in order]
    return _heat(found.chunk_token_nats[order], tokens, rows, "Which chunk each token came from")


def reliability(found: Calibration) -> go.Figure:
    """What scores promise against what came true, as they are and recalibrated; the diagonal is honest."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="honest",
        mode="lines",
        line={"color": ink(), "dash": "dot", "width": 1},
        hoverinfo="skip",
    )
    for name, bins, colour in (("as it is", found.before, "#8c96a0"), ("recalibrated", found.after, FOR)):
        figure.add_scatter(
            x=[each.mean_score for each in bins],
            y=[each.accuracy for each in bins],
            customdata=[each.count for each in bins],
            name=name,
            mode="lines+markers",
            line={"color": colour},
            hovertemplate="promised %{x:.2f}, came true %{y:.2f}, %{customdata} answers<extra>" + name + "</extra>",
        )
    figure.update_layout(**chart_layout("Reliability: promised against come true", height=320, legend=True))
    figure.update_xaxes(title="score", range=[0, 1], fixedrange=True)
    figure.update_yaxes(title="share right", range=[0, 1], fixedrange=True)
    return figure


def risk_coverage(found: Calibration) -> go.Figure:
    """What goes wrong if only the surest answers are given."""
    figure = go.Figure()
    figure.add_scatter(
        x=[coverage for coverage, _ in found.risk],
        y=[risk for _, risk in found.risk],
        mode="lines",
        line={"color": AGAINST, "shape": "hv"},
        hovertemplate="answering %{x:.0%}, %{y:.1%} of them wrong<extra></extra>",
    )
    figure.update_layout(**chart_layout("Risk: what is wrong among the surest", height=320))
    figure.update_xaxes(title="share of questions answered", range=[0, 1], tickformat=".0%", fixedrange=True)
    figure.update_yaxes(title="share wrong", rangemode="tozero", tickformat=".0%", fixedrange=True)
    return figure


def _heat(
    values: object, columns: list[str], rows: list[str], title: str, limit_nats: float | None = None
) -> go.Figure:
    """limit_nats: what gets the deepest colour, either way; None for the largest value."""
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=columns,
            y=rows,
            zmid=0 if limit_nats is None else None,
            zmin=None if limit_nats is None else -limit_nats,
            zmax=limit_nats,
            colorscale=[[0, AGAINST], [0.5, "rgba(128,128,128,.12)"], [1, FOR]],
            colorbar={"title": "nats", "tickfont": {"color": ink()}, "nticks": 3, "lenmode": "pixels", "len": 120},
            hovertemplate="%{y}, %{x}: %{z:.3g} nats<extra></extra>",
        )
    )
    slanted = max(map(len, columns)) > UPRIGHT
    figure.update_layout(**chart_layout(title, height=150 + 34 * len(rows) + slanted * 80))
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    # Slanted, a label ends at its column: one that began there would run out of the picture on the right.
    figure.update_xaxes(fixedrange=True, showgrid=False, tickangle=-45 if slanted else None)
    return figure


def _name_rows(figure: go.Figure, labels: list[str]) -> None:
    """Rows from the top, each with its label; numbers underneath, since two may read alike."""
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, tickmode="array", tickvals=list(range(len(labels))), ticktext=labels
    )


def _chunk_name(found: Explained, place: int) -> str:
    return f"{found.chunks[place].rank}. {_short(chunk_name(found.chunks[place]))}"


def _short(words: str) -> str:
    """Words for a label; Plotly would read markup in them."""
    cut = words if len(words) <= SHORT else f"{words[: SHORT - 1]}…"
    return chart_text(cut)
