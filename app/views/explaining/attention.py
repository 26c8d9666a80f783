"""The panel that shows a generator's attention as a heat map, beside what each token of the context did."""

import time
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.explaining.attention import (
    EVIDENCE,
    NOTE,
    coverage_words,
    picture_csv,
    picture_heads,
    picture_rows,
    picture_title,
    reliance_name,
    reliance_words,
    token_name,
    token_text,
    which_words,
)
from app.explaining.words import nats
from app.kit.numbers import rough_time
from app.views.explaining.charts import AGAINST, FOR
from app.views.explaining.kept import known_picture, remember_picture
from app.views.kit import state
from app.views.kit.address import choice, follow
from app.views.kit.charts import Behind, chart_layout, chart_text, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message
from app.views.kit.style import ink
from explain.attention import Picture
from explain.explained import Explained
from pipeline.errors import RaglassError

LOOKED = "#009e73"
"""Attention: neither of the colours that stand for more and less probable."""

MEAN = "mean"
"""What the address calls the mean over layers, or heads."""

ROW = 19
"""Pixels of a row."""


def show_attention(found: Explained) -> None:
    """The panel: a button, the picture as far as it is known, or why there is none."""
    why_not = state.services().explanations.why_no_picture(found)
    if why_not is not None:
        st.info(message(why_not))
        return
    show(
        note_html(f"Where the generator looked, token by token: {EVIDENCE}. Beside it, what each token was needed for.")
    )
    picture = known_picture(found)
    words = "Picture the attention" if picture is None else "Take out the rest"
    if (picture is None or not picture.complete) and st.button(words, icon=":material/grid_on:"):
        picture = _draw(found, picture) or picture
        if picture is not None and picture.complete:
            st.rerun()
    if picture is not None:
        _show_picture(found, picture)


def _draw(found: Explained, begun: Picture | None) -> Picture | None:
    """Draw it with a bar that can be stopped. What is known is kept at each step: a press on Stop ends this run of the page."""
    picture, started, before = begun, time.monotonic(), 0 if begun is None else len(begun.removed_nats)
    holder = st.empty()
    with holder.container():
        bar = st.progress(0.0, "Looking at the attention …")
        st.button("Stop", key="stop-picture", icon=":material/stop:", help="What is known is kept and shown.")
    try:
        for picture in state.services().explanations.picture(found, begun):
            remember_picture(found, picture)
            done, whole = len(picture.removed_nats), len(picture.to_measure)
            words = f"Took out {done} of {whole} tokens of the context, one at a time"
            if before < done < whole:
                words += f", about {rough_time((time.monotonic() - started) / (done - before) * (whole - done))} left"
            bar.progress(done / whole, words)
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
    holder.empty()
    return picture


def _show_picture(found: Explained, picture: Picture) -> None:
    layer, head = _choose(picture)
    show_chart(
        heat(found, picture, layer, head),
        title=picture_title(picture, layer, head),
        behind=Behind(picture_heads(picture), picture_rows(found, picture, layer, head)),
        key="explain-attention",
        alt="Attention from the answer's tokens to the context's, beside the reliance of the same tokens",
    )
    what = f"Rows are the context's tokens, after the rank of their chunk; columns are the answer's. {coverage_words(picture, layer, head)}"
    for words in (f"Attention: {which_words(picture, layer, head)}. {what}", reliance_words(picture), NOTE):
        show(note_html(words))
    show_download(
        "Download CSV",
        lambda: picture_csv(found, picture, layer, head),
        f"attention-{found.trace.trace_id}.csv",
        key="attention-csv",
        help="Every token of the context, for the layer and head that are shown.",
    )


def _choose(picture: Picture) -> tuple[int | None, int | None]:
    """Layer and head, counted from 0; in the address, so that a link shows the same. None for the mean."""
    named = {
        name: [MEAN, *map(str, range(1, most + 1))]
        for name, most in (("layer", picture.layers), ("head", picture.heads))
    }
    write = follow("attention", {name: choice(each, MEAN) for name, each in named.items()})
    with st.container(horizontal=True):
        layer, head = (
            st.selectbox(name.capitalize(), each, key=name, format_func=_option_words(name), on_change=write, width=200)
            for name, each in named.items()
        )
    return (None if layer == MEAN else int(layer) - 1), (None if head == MEAN else int(head) - 1)


def _option_words(name: str) -> Callable[[str], str]:
    """How a layer or head to choose is called."""
    return lambda value: f"Mean of all {name}s" if value == MEAN else f"{name.capitalize()} {value}"


def heat(found: Explained, picture: Picture, layer: int | None = None, head: int | None = None) -> go.Figure:
    """Context tokens from the top, in their order: attention from each of the answer's tokens, and bars of reliance."""
    places = list(picture.shown)
    rows = list(range(len(places)))
    names = [chart_text(token_name(found, picture, place)) for place in places]
    answer = [f"{number}. {chart_text(token_text(text))}" for number, text in enumerate(picture.seen.answer_tokens, 1)]
    shares = picture.attention(layer, head)[:, places].T
    values = picture.reliance_nats[places]
    figure = go.Figure()
    figure.add_heatmap(
        z=shares,
        x=answer,
        y=rows,
        zmin=0,
        zmax=float(shares.max()) or 1.0,
        colorscale=[[0, "rgba(128,128,128,.1)"], [1, LOOKED]],
        colorbar=_scale(),
        customdata=np.repeat(np.array(names, dtype=object)[:, None], len(answer), axis=1),
        hovertemplate="%{x} looks at %{customdata}: %{z:.2%}<extra></extra>",
    )
    figure.add_bar(
        orientation="h",
        x=values,
        y=rows,
        xaxis="x2",
        marker={"color": [FOR if value >= 0 else AGAINST for value in values]},
        customdata=[f"{name}: {nats(float(value))} nats" for name, value in zip(names, values, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )
    _lay_out(figure, picture, names)
    figure.add_annotation(_heading("Attention", 0, "left"))
    figure.add_annotation(_heading(reliance_name(picture), 1, "right"))
    return figure


def _lay_out(figure: go.Figure, picture: Picture, names: list[str]) -> None:
    figure.update_layout(**chart_layout("", height=190 + ROW * len(names)))
    figure.update_layout(margin={"t": 84, "b": 84}, bargap=0.25)
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, showgrid=False, tickvals=list(range(len(names))), ticktext=names
    )
    figure.update_yaxes(tickfont={"size": 11, "color": ink()}, zeroline=False)
    figure.update_layout(
        xaxis={"domain": [0, 0.62], "fixedrange": True, "showgrid": False, "tickangle": -45},
        xaxis2={
            "domain": [0.68, 1],
            "anchor": "y",
            "fixedrange": True,
            "title": {"text": "nats", "font": {"color": ink()}},
            "tickfont": {"color": ink()},
            "nticks": 4,
            "zerolinecolor": ink(),
        },
    )


def _scale() -> dict[str, object]:
    """The colours' scale, above the heat map: beside it there is no room on a phone."""
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "lenmode": "fraction",
        "len": 0.62,
        "thickness": 8,
        "nticks": 4,
        "tickformat": ".1%",
        "tickfont": {"color": ink(), "size": 10},
    }


def _heading(words: str, x: float, side: str) -> dict[str, object]:
    """What one half of the chart shows, above it."""
    return {
        "text": words,
        "x": x,
        "xanchor": side,
        "xref": "paper",
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 44,
        "showarrow": False,
        "font": {"size": 12, "color": ink()},
    }
