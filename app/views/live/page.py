"""The Live page's parts: what to show, the charts, a closer look at one period, and the log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.kit.numbers import count, milliseconds
from app.kit.wording import APPLICATION, backend_words, moment, when
from app.live.reading import (
    LOG_START_S,
    MEASURES,
    PERIODS,
    REFRESHES,
    WINDOWS,
    LiveChoice,
    describe_stages,
    describe_use,
    describe_window,
)
from app.live.rows import LiveView, clock_time, live_csv, share_text
from app.views.kit import address, state
from app.views.kit.charts import show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from app.views.kit.table import Cell, Column, Row, show_table, status_cell, time_cell, way
from app.views.live.alerts import show_banner
from app.views.live.charts import errors_chart, latency_chart, parts_chart, rate_chart, stages_chart
from app.views.live.html import stack_html
from app.views.live.kept import lines_of, live_view
from app.views.live.quality import show_quality
from app.views.live.spending import show_spending
from metrics.logs import LogLine
from metrics.queries import TraceRow
from pipeline.errors import RaglassError

KEPT_LINES = 500
"""Log lines kept on the page."""

LATEST_S = 4_000_000_000
"""A time that no period begins after."""

TRACES = (
    Column("question", "Question", "question", local=True, width_rem=16),
    Column("time", "Time", "number", local=True),
    Column("outcome", "Outcome", "status", local=True),
    Column("failed", "Failed stage"),
    Column("asked", "Asked", "time", local=True),
)

LINES = (Column("time", "Time, UTC", "time"), Column("from", "From"), Column("line", "Line", "question", width_rem=30))

Write = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Controls:
    """What was chosen, and what writes it into the address."""

    choice: LiveChoice
    """What to show."""
    refresh_s: int | None
    """Seconds between refreshes; None while paused."""
    write: Write
    """For the widgets that are drawn further down."""


def choose() -> Controls:
    """Source, backend, window, period and refresh, kept in the address."""
    live = state.services().live
    sources = live.sources
    source = st.query_params.get("source", sources[0])
    backends = live.backends(source if source in sources else sources[0])
    write = address.follow(
        "live",
        {
            "source": address.choice(sources, sources[0]),
            "answered_by": address.choice(backends, backends[0] if backends else None),
            "window": address.choice(list(WINDOWS), "1 hour"),
            "period": address.choice(list(PERIODS), "auto"),
            "refresh": address.choice(list(REFRESHES), "15 s"),
            "measure": address.choice(list(MEASURES), "mean"),
            "at": address.number(0, 0, LATEST_S),
            "log": address.flag(),
            "find": address.words(),
        },
    )
    change: dict[str, Any] = {"on_change": write, "width": 125}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Window", list(WINDOWS), key="window", **change)
        st.selectbox("Refresh every", list(REFRESHES), key="refresh", **change)
        st.selectbox("Backend", backends, format_func=backend_words, key="answered_by", **(change | {"width": 260}))
        st.selectbox("Period", list(PERIODS), key="period", **change)
        if len(sources) > 1:
            st.selectbox("Read from", sources, key="source", **(change | {"width": 150}))
    chosen = st.session_state
    choice = LiveChoice(
        source=chosen["source"] if chosen["source"] in sources else sources[0],
        backend=chosen["answered_by"] or "",
        window=chosen["window"],
        period=chosen["period"],
        measure=chosen["measure"],
    )
    return Controls(choice, REFRESHES[chosen["refresh"]], write)


def show_live(controls: Controls) -> None:
    """Everything that refreshes by itself."""
    choice = controls.choice
    show_banner()
    view = read_view(choice)
    if view is None:
        return
    if not choice.backend or (not view.questions and not view.rows):
        st.info(_empty_words(choice))
        if not choice.backend:
            return
    show_figures(view)
    _note(describe_window(view, controls.refresh_s))
    left, right = st.columns(2, gap="large")
    with left:
        show_latency(view, controls)
    with right:
        show_rate(view)
    show_period(view, controls)
    left, right = st.columns(2, gap="large")
    with left:
        show_stages(view, controls)
    with right:
        show_errors(view)
    show_quality(choice)
    if choice.source == "cloudwatch":
        show_stack(view)
    show_spending()
    show_small_print(view, controls)


def read_view(choice: LiveChoice) -> LiveView | None:
    """The view; where it cannot be read now, the last one of the same choice beside the reason."""
    try:
        view = live_view(choice)
    except RaglassError as error:
        st.error(literal(str(error)), icon=":material/error:")
        kept: tuple[LiveChoice, LiveView] | None = st.session_state.get("live-kept")
        return kept[1] if kept is not None and kept[0] == choice else None
    st.session_state["live-kept"] = (choice, view)
    return view


def _empty_words(choice: LiveChoice) -> str:
    if not choice.backend:
        return "No question has been asked yet. Ask one on the Ask page, or with `raglass ask`; it appears here at the next refresh."
    if choice.backend.startswith(APPLICATION):
        here = " Read from local: what applications send is counted here." if choice.source == "cloudwatch" else ""
        return (
            f"No trace of {literal(backend_words(choice.backend))}, began in this window. Choose a longer window.{here}"
        )
    if choice.source == "cloudwatch":
        return (
            f"CloudWatch has no question of {literal(choice.backend)} in this window. Choose a longer window, or check "
            "RAGLASS_STACK and RAGLASS_AWS_REGION; dashboards send theirs with RAGLASS_EMIT_METRICS=1."
        )
    return f"No question to {literal(choice.backend)} in this window. Choose a longer window or another backend, or ask one."


def show_figures(view: LiveView) -> None:
    """The window in four figures."""
    worst = milliseconds(view.slowest[0][1]) if view.slowest else "—"
    figures = {
        "Questions": f"{view.questions:,}",
        "Failed": share_text(view.failed, view.questions) if view.questions else "—",
        "Mean time": "—" if view.mean_ms is None else milliseconds(view.mean_ms),
        "Worst p95 of a period": worst,
    }
    with st.container(horizontal=True):
        for label, value in figures.items():
            st.metric(label, value, width=170)


def show_rate(view: LiveView) -> None:
    """How much is asked, and how much of it fails."""
    _draw(rate_chart(view), "rate", "Questions a minute")
    _note("Each bar is a period: questions a minute that were answered (an abstention is an answer), and that failed.")


def show_latency(view: LiveView, controls: Controls) -> None:
    """End-to-end latency; a click chooses a period."""
    chosen_s = int(st.session_state.get("at") or 0) or None
    periods = list(view.window.periods)

    def pick() -> None:
        points = st.session_state["latency-chart"]["selection"]["points"]
        places = [point["point_index"] for point in points if point["point_index"] < len(periods)]
        st.session_state["at"] = periods[places[0]] if places else 0
        controls.write()

    show_chart(
        latency_chart(view, chosen_s),
        key="latency-chart",
        on_select=pick,
        selection_mode="points",
        alt="Latency end to end",
    )
    _note(
        "Half of the questions took less than p50, 95 of 100 less than p95, 99 of 100 less than p99. "
        "Of the trace store each is within 1 %, and so may lie a little above the slowest one. "
        "Click a period to list its traces."
    )


def show_period(view: LiveView, controls: Controls) -> None:
    """A closer look at one period: its traces, and the log lines of the one that is picked."""
    worst = dict(view.slowest)
    at = int(st.session_state.get("at") or 0)

    def label(start_s: int) -> str:
        p95 = f", p95 {milliseconds(worst[start_s])}" if start_s in worst else ""
        return f"{clock_time(start_s, view.window)}{p95}" if start_s else "none"

    offered = {label(start_s): start_s for start_s in (0, *worst, *([at] if at else []))}

    def look() -> None:
        st.session_state["at"] = offered.get(st.session_state["look"], 0)
        controls.write()

    # The labels change with each refresh, so that the widget is told anew which one is chosen.
    st.session_state["look"] = label(at)
    st.selectbox("Look into a period (the slowest first)", list(offered), key="look", on_change=look, width=330)
    if not at:
        return
    page = state.services().live.traces(controls.choice, at)
    if not page.rows:
        elsewhere = " They were asked elsewhere." if controls.choice.source == "cloudwatch" else ""
        _note(f"This dashboard stored no trace of this period.{elsewhere}")
        return
    _note(
        f"{len(page.rows)} of {count(page.matched.value, 'trace')} in this period, the slowest first. A click on one opens it; tick one "
        "for its log lines."
        if controls.choice.source == "cloudwatch"
        else f"{len(page.rows)} of {count(page.matched.value, 'trace')} in this period, the slowest first. A click on one opens it."
    )
    done = show_table(
        TRACES,
        [_row(row) for row in page.rows],
        key="period-traces",
        label="Traces of the period, a row each",
        picks=int(controls.choice.source == "cloudwatch"),
    )
    if done.opened is not None:
        st.switch_page("../pages/traces.py", query_params={"trace": done.opened})
    for trace_id in done.picked:
        show_lines_of(trace_id)


def _row(row: TraceRow) -> Row:
    return Row(
        row.trace_id,
        {
            "question": row.question,
            "time": time_cell(row.duration_ms),
            "outcome": status_cell(row.outcome, "bad" if row.error_kind else "quiet" if row.abstained else "good"),
            "failed": row.error_stage or "",
            "asked": Cell(when(row.asked_at), row.asked_at),
        },
        way("traces", trace=row.trace_id),
    )


def show_lines_of(trace_id: str) -> None:
    """The log lines of a trace."""
    try:
        lines = lines_of(trace_id)
    except RaglassError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    _note(f"{count(len(lines), 'log line')} with the id of this trace.")
    _show_lines(lines, "trace-lines")


def show_stages(view: LiveView, controls: Controls) -> None:
    """Where the time goes."""
    _draw(stages_chart(view), "stages", "Time by stage")
    st.segmented_control(
        "Of each stage",
        list(MEASURES),
        key="measure",
        on_change=controls.write,
        label_visibility="collapsed",
        required=True,
    )
    _note(describe_stages(view))


def show_errors(view: LiveView) -> None:
    """Which stage fails."""
    _draw(errors_chart(view), "errors", "Errors by stage")
    _note("Each bar counts the questions of a period that failed, by the stage that failed.")


def show_stack(view: LiveView) -> None:
    """AWS's own figures of the stack's parts."""
    st.subheader("The stack", anchor=False)
    _draw(parts_chart(view), "parts", "SageMaker, Lambda and the network")
    words = f"{view.parts_words}, by AWS's own clocks" if view.parts_words else "By AWS's own clocks"
    _note(
        f"{words}: what the endpoints took, what the orchestrator took beside them (Pinecone included), and what lay "
        "between it and this dashboard (API Gateway included). Calls are everybody's: looks at the stack's health and other "
        "dashboards' questions among them."
    )
    show(stack_html(view.rows))


def show_log(controls: Controls) -> None:
    """The log tail, if it is wanted; it goes on from where it was."""
    if controls.choice.source != "cloudwatch" or not st.session_state.get("log"):
        return
    find = str(st.session_state.get("find") or "").strip()
    kept: dict[str, Any] = st.session_state.setdefault("log-tail", {})
    if kept.get("find") != find:
        kept.update(find=find, follow=None, lines=[])
    try:
        page = state.services().live.tail(find, kept["follow"])
    except RaglassError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return
    kept["follow"] = page.follow
    kept["lines"] = [*kept["lines"], *page.lines][-KEPT_LINES:]
    if page.missing:
        _note(f"Not there yet: {', '.join(page.missing)}. A part makes its log group with its first line.")
    if not kept["lines"]:
        _note(
            f"No line {'with that ' if find else ''}in the last {LOG_START_S // 60} minutes, where this log begins. "
            "New lines appear with each refresh. For an older question, look into its period above and pick its trace."
        )
        return
    _note(f"{count(len(kept['lines']), 'line')}, the newest first.{' Older lines were left out.' if page.cut else ''}")
    _show_lines(tuple(reversed(kept["lines"])), "log-lines")


def choose_log(controls: Controls) -> None:
    """Whether to follow the log, and what to find in it."""
    st.subheader("Log", anchor=False)
    if controls.choice.source != "cloudwatch":
        _note(
            "Log lines come from CloudWatch. This page reads the dashboard's own traces; a trace that failed says why."
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.toggle("Follow the log", key="log", on_change=controls.write)
        st.text_input(
            "Only lines with (a request id or trace id)", key="find", on_change=controls.write, max_chars=200, width=330
        )


def _show_lines(lines: tuple[LogLine, ...], key: str) -> None:
    rows = [
        Row(
            str(place),
            {"time": moment(line.at_s), "from": line.group.rsplit("/", 1)[-1], "line": line.message},
        )
        for place, line in enumerate(lines)
    ]
    show_table(LINES, rows, key=key, label="Log lines", opens=False)


def show_small_print(view: LiveView, controls: Controls) -> None:
    """The data, what asking for it costs, and what became of what this dashboard sends."""
    show_download("Download CSV", lambda: live_csv(view), "live.csv")
    services = state.services()
    if view.source == "cloudwatch":
        _note(describe_use(services.live.use, len(view.series), controls.refresh_s))
    sent = services.emitted
    if sent is not None:
        _note(
            f"This dashboard sent {sent.sent:,} measures to CloudWatch, {sent.waiting:,} wait, {sent.dropped:,} were dropped."
        )
        if sent.problem:
            st.warning(literal(sent.problem), icon=":material/warning:")


def _draw(figure: Any, key: str, alt: str) -> None:
    show_chart(figure, key=f"{key}-chart", alt=alt)


def _note(words: str) -> None:
    show(note_html(words))
