"""A run by question type: means, spread, similarity and length, counts; by nine types or three groups, as one toggle says."""

from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from app.runs.by_type import (
    BOX_HEADS,
    MISSING,
    ByType,
    association_rows,
    box_rows,
    by_type_csv,
    counts_title,
    points_csv,
    scatter_title,
    spread_title,
    spread_words,
)
from app.runs.measure_names import NAMES
from app.runs.rows import (
    NO_INTERVAL,
    dots,
    groups_words,
    interval_words,
    is_share,
    measure_words,
    types_words,
)
from app.views.kit.charts import Behind, chart_layout, chart_text, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.interval_plot import PERCENT, Row, interval_plot
from app.views.kit.markdown import literal
from app.views.runs.kept import run_by_type, run_groups, run_types
from evaluation.lab.by_type import STUDIED, Box, Point, TypeCount, boxes
from evaluation.scoring import Scored
from evaluation.summary import Summary, in_groups
from metrics.runs import StoredRun

BY_TYPE = (
    "correct",
    "f1",
    "recall",
    "ndcg",
    "mean cosine",
    "margin",
    "redundancy",
    "abstained",
    "abstained wrongly",
    "overconfidence",
    "reliance, nats",
    "judge: right",
    "judge: faithful",
    "answer words",
    "duration, ms",
)
"""Measures that can be drawn by type."""

SPREAD = (
    "f1",
    "mean cosine",
    "margin",
    "redundancy",
    "overconfidence",
    "reliance, nats",
    "answer words",
    "duration, ms",
)
"""Of these, those that are more than yes or no."""

DOT, WHOLE, WRONG = "#0072b2", "#e69f00", "#d55e00"

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c96a0", "#f0e442", "#5b4fa2")
"""Of types in the scatter: Okabe and Ito's set (2008), and a grey and a violet."""

SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "pentagon", "star", "hexagon")
"""So that types are told apart without their colour, too."""

MOST_DRAWN = 100
"""Values beyond the whiskers of a box that are drawn."""

VIEWS: tuple[str, ...] = ("Means", "Spread", "Similarity and length", "Counts")


def show_types(run: StoredRun, summaries: list[Summary], scores: list[Scored]) -> None:
    """The section of a run with more than one type."""
    st.header("By question type", anchor=False)
    groups = run_groups(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control("Show", VIEWS, default=VIEWS[0], key="run-by-type") or VIEWS[0]
        grouped = bool(st.toggle("In three groups", disabled=not groups, key="run-grouped") and groups)
    if grouped:
        show(note_html(groups_words()))
    if view == VIEWS[0]:
        _show_means(run, summaries, groups if grouped else summaries[1:], scores, grouped=grouped)
        return
    found = run_by_type(run, grouped=grouped)
    SHOWN[view](found)
    with st.container(horizontal=True):
        name = f"run-{run.run_id}-{'groups' if grouped else 'types'}"
        show_download("Download boxes as CSV", lambda: by_type_csv(found), f"{name}.csv", key="by-type-csv")
        show_download("Download points as CSV", lambda: points_csv(found), f"{name}-points.csv", key="by-type-points")


def _show_means(
    run: StoredRun, summaries: list[Summary], parts: list[Summary], scores: list[Scored], *, grouped: bool
) -> None:
    name = st.selectbox("Measure", BY_TYPE, format_func=lambda each: NAMES[each], key="run-measure", width=260)
    figure = dot_plot(summaries[0], parts, name)
    show_chart(figure, key="run-types", alt="By question type")
    drawn = [each.measures[name] for each in parts]
    if any(each.value is not None and each.low is None for each in drawn):
        show(note_html(NO_INTERVAL))
    st.write(literal(types_words(run_types(run, name, grouped=grouped), "group" if grouped else "type")))
    if name in SPREAD:
        held = boxes(in_groups(scores) if grouped else scores, name)
        title = f"{NAMES[name]}: the middle half of each {'group' if grouped else 'type'}, and what lies far out"
        figure = box_plot(held, in_percent=is_share(name))
        show_chart(figure, title=title, key="run-spread", alt="Spread by question type")


def _show_spread(found: ByType) -> None:
    for measure in STUDIED:
        held = found.boxes[measure]
        if not held:
            show(note_html(f"{NAMES[measure]}: {MISSING[measure]}"))
            continue
        alt = f"{NAMES[measure]} by question type"
        behind = Behind(BOX_HEADS, box_rows(held))
        show_chart(box_plot(held), title=spread_title(measure, found), key=f"run-box-{measure}", alt=alt, behind=behind)
        show(note_html(spread_words(measure, found)))
    show(
        note_html(
            "A box holds the middle half, its line is the median, the diamond the mean; whiskers reach to the last value within 1.5 boxes, "
            "and dots lie beyond. Cosine is higher where question and chunk are more alike; embedders cannot be compared by it."
        )
    )


def _show_scatter(found: ByType) -> None:
    if not found.points:
        st.info("No answer has both a similarity and words.")
        return
    title, alt = scatter_title(found.associations), "Similarity and length of answers"
    show_chart(scatter(found.points), title=title, key="run-scatter", alt=alt)
    show(
        note_html(
            "Each mark is an answer; hollow ones are not right. Spearman’s ρ is told with a 95 % interval over articles. What holds over "
            "all may come of types that differ in both: look at ρ within each. An extractive reader’s words are those that it quotes."
        )
    )
    show(table_html(("Type", "Answers", "Spearman’s ρ"), association_rows(found.associations), "associations"))


def _show_counts(found: ByType) -> None:
    alt = "Questions of each type, right and not right"
    show_chart(count_plot(found.counts), title=counts_title(found.counts), key="run-counts", alt=alt)
    show(note_html("An abstention is right where the documents have no answer, and not right where they have one."))


SHOWN: Mapping[str, Callable[[ByType], None]] = dict(
    zip(VIEWS[1:], (_show_spread, _show_scatter, _show_counts), strict=True)
)
"""What draws each view but the means."""


def box_plot(found: Sequence[Box], *, in_percent: bool = False) -> go.Figure:
    """A box for each type, from its figures alone; values beyond the whiskers as dots, MOST_DRAWN of each at most."""
    names = [chart_text(f"{each.name} ({each.questions:,})") for each in found]
    figure = go.Figure(
        go.Box(
            y=names,
            q1=[each.q1 for each in found],
            median=[each.median for each in found],
            q3=[each.q3 for each in found],
            lowerfence=[each.low for each in found],
            upperfence=[each.high for each in found],
            mean=[each.mean for each in found],
            orientation="h",
            marker={"color": DOT},
        )
    )
    beyond = [(value, name) for each, name in zip(found, names, strict=True) for value in _drawn(each.outside)]
    figure.add_scatter(
        x=[each.mean for each in found],
        y=names,
        mode="markers",
        marker={"color": WHOLE, "symbol": "diamond", "size": 8},
        hovertemplate="mean %{x:.3g}<extra></extra>",
    )
    figure.add_scatter(
        x=[value for value, _ in beyond],
        y=[name for _, name in beyond],
        mode="markers",
        marker={"color": DOT, "size": 4, "opacity": 0.6},
        hovertemplate="%{x:.3g}<extra></extra>",
    )
    figure.update_layout(**chart_layout("", height=70 + 36 * len(found)))
    figure.update_yaxes(autorange="reversed", fixedrange=True, type="category")
    figure.update_xaxes(fixedrange=True, tickformat=PERCENT if in_percent else None)
    return figure


def _drawn(values: Sequence[float]) -> Sequence[float]:
    """The farthest on both sides."""
    half = MOST_DRAWN // 2
    return values if len(values) <= MOST_DRAWN else [*values[:half], *values[-half:]]


def scatter(points: Sequence[Point]) -> go.Figure:
    """Cosine of the best chunk against words of the answer, a colour and a mark for each type; hollow where it is not right."""
    figure = go.Figure()
    for place, kind in enumerate(dict.fromkeys(each.type for each in points)):
        mine = [each for each in points if each.type == kind]
        symbol = SYMBOLS[place % len(SYMBOLS)]
        figure.add_scatter(
            x=[each.cosine for each in mine],
            y=[each.words for each in mine],
            mode="markers",
            name=chart_text(kind),
            marker={
                "color": COLOURS[place % len(COLOURS)],
                "symbol": [symbol if each.correct else f"{symbol}-open" for each in mine],
                "size": 8,
                "opacity": 0.75,
            },
            text=[chart_text(each.question_id) for each in mine],
            hovertemplate="%{text}: cosine %{x:.3f}, %{y} words<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(**chart_layout("", height=430, legend=True))
    figure.update_xaxes(fixedrange=True, title_text="cosine of the best chunk")
    figure.update_yaxes(fixedrange=True, title_text="words of the answer", rangemode="tozero")
    return figure


def count_plot(found: Sequence[TypeCount]) -> go.Figure:
    """Bars of the questions of each type, by whether they were answered rightly."""
    names = [chart_text(each.name) for each in found]
    figure = go.Figure()
    for label, values, colour in (
        ("right", [each.right for each in found], DOT),
        ("not right", [each.questions - each.right for each in found], WRONG),
    ):
        figure.add_bar(y=names, x=values, name=label, orientation="h", marker={"color": colour})
    figure.update_layout(**chart_layout("", height=110 + 32 * len(found), legend=True), barmode="stack")
    figure.update_yaxes(autorange="reversed", fixedrange=True, type="category")
    figure.update_xaxes(fixedrange=True, title_text="questions")
    return figure


def dot_plot(whole: Summary, types: list[Summary], name: str) -> go.Figure:
    """A mean and its interval for all questions and each type."""
    rows = [
        Row(
            f"{chart_text(dot.name)}<br>{measure_words(name, dot.found)}",
            dot.found.value,
            dot.found.low,
            dot.found.high,
            DOT if number else WHOLE,
            f"{chart_text(dot.name)}: {measure_words(name, dot.found)}, {interval_words(name, dot.found)}",
        )
        for number, dot in enumerate(dots(whole, types, name))
    ]
    return interval_plot(f"{NAMES[name]}, with 95 % intervals", rows, in_percent=is_share(name))
