"""The latency study: its form, the times of each question, and the ratio of each stage."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import milliseconds, three_figures
from app.kit.wording import listed, when
from app.lab.catalogue import Lab
from app.lab.latency import QUESTIONS, WARM_UP
from app.lab.latency_words import END_TO_END, MODELS, heads, ratios, times
from app.lab.records import LabRecord
from app.lab.tables import Table
from app.views.kit import address, state
from app.views.kit.charts import CHART_CONFIG, chart_layout, chart_text, show_chart
from app.views.kit.interval_plot import Row, interval_plot
from app.views.kit.layout import backstage
from app.views.kit.style import LATENCY_COLOUR, STAGE_COLOURS, ink
from app.views.lab import frame

NAME = "latency"

MOST_TARGETS = 2

SECOND_COLOUR = "#d55e00"

PICTURE: dict[str, Any] = {
    **CHART_CONFIG,
    "displayModeBar": True,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "raglass-latency"},
}
"""A chart that can be saved as a picture, to be put into a report."""


def show_study(lab: Lab) -> None:
    """The form, then what came out of the study that is chosen."""
    with (
        backstage("study"),
        st.expander("Start a study", expanded=not lab.records.newest(NAME)),
    ):
        _show_form(lab)
    record = frame.choose_record(lab, NAME)
    if record is None:
        frame.show_none(NAME, "No target was timed yet.", "Press Plan: the backend in use needs no further setting.")
        return
    tables = frame.show_record(lab, record, charts)
    if not tables or record.result is None:
        return
    taken, *compared = charts(record)
    _draw(taken, "times", tables[0])
    frame.show_table(tables[0])
    for figure in compared:
        _draw(figure, "ratios", tables[0])
    for table in tables[1:]:
        frame.show_table(table)


def charts(record: LabRecord) -> list[go.Figure]:
    """Times, and the ratios of two targets."""
    if record.result is None:
        return []
    compared = {part: ratio for part, ratio in ratios(record.result).items() if ratio is not None}
    against = [ratio_chart(compared, sittings=bool(record.plan["before"]))] if compared else []
    return [times_chart(record.result), *against]


def _show_form(lab: Lab) -> None:
    usable = state.services().backends.usable()
    kept = [record for record in lab.records.newest(NAME) if record.result is not None]
    named = {record.record_id: _named(record) for record in kept}
    write = address.follow(
        "lab-latency",
        {
            "latency_targets": address.several(usable, usable[:1], MOST_TARGETS),
            "latency_before": address.choice(["", *named], ""),
            "latency_questions": address.number(QUESTIONS, 1, 500),
            "latency_warm_up": address.number(WARM_UP, 0, 100),
        },
    )
    targets = st.multiselect(
        "Targets",
        usable,
        max_selections=MOST_TARGETS,
        key="latency_targets",
        on_change=write,
        help="One, or two to hold against each other.",
    )
    before = st.selectbox(
        "Or against an earlier study",
        ["", *named],
        format_func=lambda each: named.get(each, "none"),
        key="latency_before",
        on_change=write,
        help="Its questions are asked again: measure, change the deployment, measure again.",
    )
    left, right = st.columns(2)
    questions = left.number_input("Questions", 1, 500, key="latency_questions", on_change=write)
    warm_up = right.number_input("Calls to warm up", 0, 100, key="latency_warm_up", on_change=write)
    plan: dict[str, Any] = {"targets": targets, "before": before}
    frame.offer_start(lab, NAME, plan if before else {**plan, "questions": int(questions), "warm_up": int(warm_up)})


def _named(record: LabRecord) -> str:
    return f"{', '.join(record.plan['targets'])} · {when(record.started_at)} · {record.record_id}"


def _draw(figure: go.Figure, key: str, table: Table) -> None:
    show_chart(figure, config=PICTURE, key=f"lab-latency-{key}", alt=table.title)


def times_chart(result: Any) -> go.Figure:
    """Every call on the warm path as a dot, end to end, a row a target; a line from dot to dot would say more than is known."""
    figure = go.Figure()
    names = [chart_text(head) for head in heads(result)]
    for place, target in enumerate(result["targets"]):
        values = [value for each in times(target, END_TO_END).values() for value in each]
        figure.add_box(
            x=values,
            y=[names[place]] * len(values),
            name=names[place],
            orientation="h",
            boxpoints="all",
            jitter=0.5,
            pointpos=0,
            fillcolor="rgba(0,0,0,0)",
            line={"color": ink(), "width": 1},
            marker={"color": (LATENCY_COLOUR, SECOND_COLOUR)[place], "size": 7},
            text=[milliseconds(value) for value in values],
            hovertemplate="%{text}<extra></extra>",
        )
    slowest_ms = max(value for trace in figure.data for value in trace.x)
    title = f"Every call on the warm path: the slowest took {milliseconds(slowest_ms)}"
    figure.update_layout(**chart_layout(title, height=150 + 70 * len(names)))
    figure.update_xaxes(title="ms, end to end", rangemode="tozero", fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    return figure


def ratio_chart(compared: dict[str, Any], *, sittings: bool) -> go.Figure:
    """The ratio of each stage with its interval, around a line at 1. sittings: whether the two were measured at different times."""
    rows = [
        Row(
            chart_text(part),
            ratio.value,
            ratio.low,
            ratio.high,
            _colour(part),
            f"{three_figures(ratio.value)} times, p {three_figures(ratio.p)}",
        )
        for part, ratio in compared.items()
    ]
    figure = interval_plot(chart_text(_ratio_title(compared, sittings=sittings)), rows)
    figure.add_vline(x=1, line={"color": ink(), "width": 1, "dash": "dot"})
    figure.update_xaxes(title="times as long on the second target")
    return figure


def _ratio_title(compared: dict[str, Any], *, sittings: bool) -> str:
    stages = {part: ratio for part, ratio in compared.items() if part not in (END_TO_END, MODELS)}
    sure = [part for part, ratio in stages.items() if ratio.p < 0.05]
    beyond = "between the two sittings" if sittings else "beyond chance"
    return f"What differs {beyond}: {listed(sure)}" if sure else f"No stage differs {beyond}"


def _colour(part: str) -> str:
    return STAGE_COLOURS.get(part, LATENCY_COLOUR)
