"""The load study: its form, and throughput, latency and errors by ten seconds, live while it goes on."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import milliseconds
from app.lab.catalogue import Lab
from app.lab.load_words import load_tables, windows_of
from app.lab.records import LabRecord
from app.lab.tables import Table
from app.lab.targets import is_own
from app.views.kit import address, state
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.layout import backstage
from app.views.kit.style import LATENCY_COLOUR, OUTCOME_COLOURS
from app.views.lab import frame
from evaluation.lab.load import WINDOW_S, Window

NAME = "load"

LIVE_S = 2.0
"""How often the charts of a load that goes on are drawn anew."""

ARRIVALS = ("poisson", "constant")

LEAST_RATE, MOST_RATE = 0.01, 200.0
"""Questions a second."""

LEAST_MINUTES, MOST_MINUTES = 0.05, 240.0

MOST_WORKERS = 64

HEIGHT = 300

STROKES = {"p50": "dot", "p95": "solid"}


MOST_TICKS = 8
"""Of the time's axis, where each is the second at which a window begins."""


def show_study(lab: Lab) -> None:
    """The form; what goes on now; else the study that is chosen."""
    job = lab.jobs.job
    if job is not None and job.running and job.record.study == NAME:
        _show_live()
        return
    with (
        backstage("study"),
        st.expander("Start a study", expanded=not lab.records.newest(NAME)),
    ):
        _show_form(lab)
    record = frame.choose_record(lab, NAME)
    if record is None:
        frame.show_none(
            NAME, "No target was put under load yet.", "Press Plan: the backend in use needs no further setting."
        )
        return
    tables = frame.show_record(lab, record, charts)
    if tables and record.result is not None:
        _show_result(record.result, tables)


@st.fragment(run_every=LIVE_S)
def _show_live() -> None:
    job = state.services().lab.jobs.job
    if job is None or not job.running:
        st.rerun()
    result = None if job.step is None else job.step.result
    tables = () if result is None else load_tables(result)
    if result is not None and tables:
        _show_result(result, tables)


def _show_result(result: Any, tables: Any) -> None:
    whole, *others = tables
    throughput, latency = _charts(result)
    left, right = st.columns(2, gap="large")
    with left:
        _draw(throughput, "throughput", whole)
    with right:
        _draw(latency, "latency", whole)
    for table in (whole, *others):
        frame.show_table(table)


def charts(record: LabRecord) -> list[go.Figure]:
    """Throughput and latency, window by window."""
    return [] if record.result is None else [*_charts(record.result)]


def _charts(result: Any) -> tuple[go.Figure, go.Figure]:
    found = windows_of(result)
    return throughput_chart(found, result["plan"]["rate"]), latency_chart(found)


def _draw(figure: go.Figure, key: str, table: Table) -> None:
    show_chart(figure, key=f"lab-load-{key}", alt=table.title)


def _show_form(lab: Lab) -> None:
    usable = state.services().backends.usable()
    write = address.follow(
        "lab-load",
        {
            "load_target": address.choice(usable, next(iter(usable), None)),
            "load_rate": address.number(1.0, LEAST_RATE, MOST_RATE),
            "load_minutes": address.number(1.0, LEAST_MINUTES, MOST_MINUTES),
            "load_workers": address.number(4, 1, MOST_WORKERS),
            "load_arrivals": address.choice(ARRIVALS, ARRIVALS[0]),
        },
    )
    target = st.selectbox("Target", usable, key="load_target", on_change=write)
    left, middle, right = st.columns(3)
    rate = left.number_input("Questions a second", LEAST_RATE, MOST_RATE, key="load_rate", on_change=write)
    minutes = middle.number_input("Minutes", LEAST_MINUTES, MOST_MINUTES, key="load_minutes", on_change=write)
    workers = right.number_input("At once, at most", 1, MOST_WORKERS, key="load_workers", on_change=write)
    arrivals = st.segmented_control(
        "Arrivals",
        ARRIVALS,
        key="load_arrivals",
        on_change=write,
        help="As of people who know nothing of each other, or at even gaps.",
    )
    confirmed = ""
    if target is not None and not is_own(target, lab.parts.settings):
        confirmed = st.text_input(
            "Type the target's name to load it",
            help="It is not of this machine: load costs whoever runs it, and may keep others off.",
        )
    plan = {"target": target, "confirmed": confirmed.strip(), "rate": rate, "minutes": minutes, "arrivals": arrivals}
    frame.offer_start(lab, NAME, {**plan, "workers": int(workers)})


def throughput_chart(found: list[Window], rate: float) -> go.Figure:
    """Answers and failures a second, window by window, against the rate."""
    middles = [each.start_s + each.length_s / 2 for each in found]
    figure = go.Figure()
    for name, values in (
        ("answered", [each.answered / each.length_s for each in found]),
        ("failed", [each.failed / each.length_s for each in found]),
    ):
        figure.add_bar(
            x=middles,
            y=values,
            width=[each.length_s * 0.88 for each in found],
            name=name,
            marker={"color": OUTCOME_COLOURS[name]},
            hovertemplate="%{y:.3~r} a second<extra>" + name + "</extra>",
        )
    figure.add_hline(y=rate, line={"color": LATENCY_COLOUR, "width": 1, "dash": "dot"})
    answered, failed = sum(each.answered for each in found), sum(each.failed for each in found)
    title = f"{answered:,} answered, {failed or 'none'} failed"
    return _laid_out(figure, found, title, "a second; dotted: asked", barmode="stack")


def latency_chart(found: list[Window]) -> go.Figure:
    """p50 and p95 of what was due in each window."""
    figure = go.Figure()
    known = [each for each in found if each.latency is not None]
    for name, stroke in STROKES.items():
        figure.add_scatter(
            x=[each.start_s + each.length_s / 2 for each in known],
            y=[getattr(each.latency, f"{name}_ms") for each in known],
            mode="lines+markers",
            name=name,
            line={"color": LATENCY_COLOUR, "dash": stroke},
            hovertemplate="%{y:,.3~r} ms<extra>" + name + "</extra>",
        )
    highest_ms = max((each.latency.p95_ms for each in known if each.latency is not None), default=0.0)
    title = f"p95 is {milliseconds(highest_ms)} at most" if known else "Nothing is answered yet"
    return _laid_out(figure, found, title, "ms from when due; dotted: p50")


def edges(found: Sequence[Window]) -> list[float]:
    """Seconds at which windows begin, every so many that a chart has room for: at most MOST_TICKS."""
    starts = [each.start_s for each in found]
    return starts[:: -(-len(starts) // MOST_TICKS) or 1]


def _laid_out(figure: go.Figure, found: list[Window], title: str, unit: str, **more: Any) -> go.Figure:
    figure.update_layout(**chart_layout(chart_text(title), height=HEIGHT, legend=True), **more)
    end_s = found[-1].start_s + found[-1].length_s if found else WINDOW_S
    figure.update_xaxes(title="seconds from the beginning", range=[0, end_s], tickvals=edges(found), fixedrange=True)
    figure.update_yaxes(title=unit, rangemode="tozero", fixedrange=True)
    return figure
