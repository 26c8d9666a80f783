"""The factorial on the Lab page: a plan, what it would take, and what each choice turned out to account for."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import percent
from app.lab.catalogue import Lab
from app.lab.factorial import plan_lines
from app.lab.factorial_plan import EXAMPLE, read_plan
from app.lab.factorial_tables import NAMES, errors_title, levels_title, shares_title
from app.lab.records import LabRecord
from app.views.kit import address
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.html import note_html, show
from app.views.kit.interval_plot import Row, interval_plot
from app.views.kit.layout import backstage
from app.views.kit.style import STAGE_COLOURS
from app.views.lab import frame
from app.views.lab.asked import MOST_CHARS
from pipeline.errors import RaglassError

COLOURS = tuple(STAGE_COLOURS.values())
"""Of lines and bars, one after the other."""

LABEL_CHARS = 30
"""In a line of a cell's name beside its bar: on a narrow screen the bars have as much room."""

IN_PERCENT = ("right", "f1", "recall")
"""Outcomes that are shares."""

KINDS = {
    "right": ("right", "#009e73"),
    "not_retrieved": ("not retrieved", "#0072b2"),
    "misread": ("misread", "#d55e00"),
    "abstained": ("abstained", "#e69f00"),
    "made_up": ("made up", "#cc79a7"),
    "failed": ("failed", "#8c96a0"),
}
"""What becomes of questions, with its words and colour."""


def show_study(lab: Lab) -> None:
    """The plan's form, and the result that is chosen."""
    _plan(lab)
    record = frame.choose_record(lab, "study")
    if record is None:
        frame.show_none(
            "study",
            "No study yet.",
            "Press Plan: what stands above is one to begin with, 12 cells over 60 of the built-in questions, a minute or two.",
        )
        return
    tables = frame.show_record(lab, record, charts)
    told = _told(record)
    if told:
        _charts(record.result or {}, told)
    for table in tables:
        frame.show_table(table)


def _told(record: LabRecord) -> dict[str, Any]:
    """The outcomes that something is known of."""
    outcomes = (record.result or {}).get("outcomes") or {}
    return {name: each for name, each in outcomes.items() if not each.get("why_not")}


def charts(record: LabRecord) -> list[go.Figure]:
    """What each choice accounts for, by its levels, of every outcome; and the errors of each cell."""
    told = _told(record)
    made = [
        chart
        for name, found in told.items()
        for chart in (share_chart(name, found), level_chart(name, found, name in IN_PERCENT))
    ]
    return [*made, error_chart((record.result or {})["errors"])] if told else []


def _plan(lab: Lab) -> None:
    with (
        backstage("study"),
        st.expander("Start a study", expanded=not lab.records.newest("study")),
    ):
        write = address.follow("lab-study", {"study_plan": address.words(EXAMPLE, MOST_CHARS)})
        text = st.text_area(
            "Factors and their levels, in TOML",
            height=260,
            key="study_plan",
            on_change=write,
            help='Factors: embedder, chunking, index, rerank, generator, prompt, top_k. `fraction = "1/2"`: a balanced half of the cells.',
        )
        plan, problem = {}, ""
        try:
            plan = read_plan(text, "The plan")
        except RaglassError as error:
            problem = str(error)
        frame.offer_start(lab, "study", plan, lines=plan_lines, problem=problem)


def _charts(result: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    write = address.follow("lab-study-shown", {"study_outcome": address.choice(list(told), next(iter(told)))})
    name = st.selectbox("Outcome", list(told), format_func=NAMES.__getitem__, key="study_outcome", on_change=write)
    found = told[name]
    percent = name in IN_PERCENT
    show(
        note_html(
            "What each choice accounts for on average, with its 95 % interval over articles; the question itself is left out."
        )
    )
    show_chart(share_chart(name, found), key="lab-study-shares", alt="Shares of variance by factor")
    show(
        note_html(
            "Each level against the mean of its factor. A point whose interval crosses the line is not told from the mean."
        )
    )
    show_chart(level_chart(name, found, percent), key="lab-study-levels", alt="Main effects of levels")
    pairs = {f"{each['first']} × {each['second']}": each for each in found["pair_means"]}
    if pairs:
        chosen = st.selectbox("Together", list(pairs), key="lab-study-pair")
        show(
            note_html(
                "Lines that run alike: the two factors do not work together. Lines that cross: which level is better depends on the other."
            )
        )
        show_chart(
            pair_chart(name, pairs[chosen], percent),
            key="lab-study-pairs",
            alt="Means of two factors' levels",
        )
    show(note_html("Where wrong answers come in, cell by cell; right answers are the rest."))
    show_chart(error_chart(result["errors"]), key="lab-study-errors", alt="Errors by cell")


def share_chart(name: str, found: Mapping[str, Any]) -> go.Figure:
    """Shares of the variance that factors and pairs account for on average."""
    parts = {**found["factors"], **{f"{each['first']} × {each['second']}": each for each in found["pairs"]}}
    ordered = sorted(parts, key=lambda source: -parts[source]["value"])
    rows = [
        Row(
            chart_text(source),
            parts[source]["value"],
            parts[source]["low"],
            parts[source]["high"],
            COLOURS[0] if source in found["factors"] else COLOURS[2],
            chart_text(f"{source}: {percent(parts[source]['value'], 2)} of the variance"),
        )
        for source in ordered
    ]
    title = shares_title(name, found)
    figure = interval_plot(chart_text(title), rows, row_height=30, at_zero=True, in_percent=True)
    figure.update_xaxes(tickformat=".1%")
    return figure


def level_chart(name: str, found: Mapping[str, Any], percent: bool) -> go.Figure:
    """Main effects: levels against the mean of their factor."""
    factors = list(found["factors"])
    rows = [
        Row(
            chart_text(f"{each['factor']} {each['level']}"),
            each["difference"],
            each["low"],
            each["high"],
            COLOURS[factors.index(each["factor"]) % len(COLOURS)],
            chart_text(f"{each['factor']} {each['level']}: mean {each['mean']:.3g}"),
        )
        for each in found["levels"]
    ]
    return interval_plot(chart_text(levels_title(name, found)), rows, row_height=30, at_zero=True, in_percent=percent)


def pair_chart(name: str, pair: Mapping[str, Any], percent: bool) -> go.Figure:
    """Means over two factors' levels, a line for each level of the first."""
    figure = go.Figure(
        [
            go.Scatter(
                x=[chart_text(level) for level in pair["second_levels"]],
                y=row,
                name=chart_text(f"{pair['first']} {level}"),
                mode="lines+markers",
                line={"color": COLOURS[place % len(COLOURS)]},
            )
            for place, (level, row) in enumerate(zip(pair["first_levels"], pair["means"], strict=True))
        ]
    )
    title = f"{NAMES[name]} by {pair['second']}, a line for each {pair['first']}"
    figure.update_layout(**chart_layout(chart_text(title), height=340, legend=True))
    figure.update_xaxes(type="category", fixedrange=True)
    figure.update_yaxes(fixedrange=True, tickformat=".1%" if percent else None)
    return figure


def error_chart(errors: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Shares of questions by what became of them, a bar for each cell; right answers are left out."""
    named = [wrap(f"{place}. {each['cell']}", LABEL_CHARS) for place, each in enumerate(errors, start=1)]
    cells = ["<br>".join(map(chart_text, lines)) for lines in named]
    rows_px = sum(12 + 14 * len(lines) for lines in named)
    figure = go.Figure(
        [
            go.Bar(y=cells, x=[each[kind] for each in errors], name=words, orientation="h", marker={"color": colour})
            for kind, (words, colour) in KINDS.items()
            if kind != "right"
        ]
    )
    figure.update_layout(
        **chart_layout(chart_text(errors_title(errors)), height=150 + rows_px, legend=True), barmode="stack"
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_xaxes(fixedrange=True, tickformat=".0%")
    return figure
