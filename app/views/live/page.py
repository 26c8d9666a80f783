"""The Live page: what somebody on call reads first, then where time goes, how answers go, quality, the stack, costs."""

import time
from typing import Any

import streamlit as st

from app.alerting.levels import Level, levels_of
from app.kit.wording import APPLICATION, backend_words
from app.live.empty import find_elsewhere
from app.live.reading import MEASURES, LiveChoice, describe_left_out, describe_stages, describe_use, describe_window
from app.live.rows import LiveView, live_csv
from app.views.kit import state
from app.views.kit.charts import show_chart
from app.views.kit.clock import their_clock
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.layout import Heading
from app.views.kit.markdown import literal, message
from app.views.live.alerts import show_open
from app.views.live.backends import show_backends
from app.views.live.charts import answers_chart, overview_chart, parts_chart, stages_chart
from app.views.live.controls import Controls
from app.views.live.gauges import show_gauges
from app.views.live.html import stack_html
from app.views.live.kept import live_view
from app.views.live.period import show_all, show_period
from app.views.live.quality import show_quality
from app.views.live.spending import show_spending
from pipeline.errors import RaglassError

WATCHED = ("latency_p95", "latency_p99", "latency_p50", "errors")
"""Series whose bounds are shown."""


OVER_TIME = "Over time, quality and costs"
"""What a window with few questions has folded behind one heading."""


def parts_of(choice: LiveChoice, *, few: bool) -> dict[str, str]:
    """The parts of the page, by their anchors. few: whether there are so few questions that charts are folded."""
    own = {"now": "Now"} if few else {"now": "Now", **_charts_of(choice)}
    log = {"log": "Log"} if choice.source == "cloudwatch" else {}
    return {**own, "alerts": "Alerts and rules", **log}


def _charts_of(choice: LiveChoice) -> dict[str, str]:
    """The parts with charts, by their anchors."""
    stack = {"stack": "The stack"} if choice.source == "cloudwatch" else {}
    answers = {"answers": "Answers"} if choice.source == "local" else {}
    return {"stages": "Where time goes", **answers, "quality": "Quality", **stack, "costs": "Costs"}


def has_few(choice: LiveChoice) -> bool:
    """Whether the window has too few questions for charts; not where it cannot be read, which the page says."""
    try:
        return bool(choice.backend) and live_view(choice).is_few
    except RaglassError:
        return False


def show_live(controls: Controls, head: Heading, *, few: bool) -> None:
    """Everything that refreshes by itself. few: as `has_few` said when the page was drawn."""
    choice = controls.choice
    show_open()
    view = read_view(choice)
    if view is None:
        return
    if not choice.backend:
        st.info(_empty_words(choice))
        return
    if has_few(choice) != few:
        st.rerun()  # all of the page, whose outline is another
    if few:
        _show_few(view, controls)
    else:
        _show_many(view, controls, head)


def _show_few(view: LiveView, controls: Controls) -> None:
    """The figures and every question; the rest behind one heading."""
    if view.questions:
        _show_gauges(view)
        show_all(view, controls)
        _say_whence(view, controls)
    else:
        _show_elsewhere(controls)
    show_backends(controls)
    parts = _charts_of(controls.choice)

    def head(part: str) -> None:
        st.header(parts[part], anchor=False)

    with st.expander(OVER_TIME, expanded=bool(st.session_state.get("at"))):
        if view.questions:
            _show_over_time(view, controls)
            show(note_html(_overview_meaning(view)))
        _show_parts(view, controls, head)


def _show_many(view: LiveView, controls: Controls, head: Heading) -> None:
    """Figures and charts, a part below the other."""
    if view.questions or view.rows:
        _show_gauges(view)
        _show_over_time(view, controls)
        _say_whence(view, controls, _overview_meaning(view))
    else:
        _show_elsewhere(controls)
    show_backends(controls)
    _show_parts(view, controls, head)


def _show_parts(view: LiveView, controls: Controls, head: Heading) -> None:
    """Where time goes, answers, quality, the stack and costs, each below its heading."""
    choice = controls.choice
    if view.questions or view.rows:
        head("stages")
        show_stages(view, controls)
        if view.answers is not None:
            head("answers")
            show_answers(view)
    head("quality")
    show_quality(choice)
    if choice.source == "cloudwatch":
        head("stack")
        show_stack(view)
    head("costs")
    show_spending()
    show_small_print(view, controls)


def read_view(choice: LiveChoice) -> LiveView | None:
    """The view; where it cannot be read now, the last one of the same choice beside the reason."""
    try:
        view = live_view(choice)
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        kept: tuple[LiveChoice, LiveView] | None = st.session_state.get("live-kept")
        return kept[1] if kept is not None and kept[0] == choice else None
    st.session_state["live-kept"] = (choice, view)
    return view


def _show_elsewhere(controls: Controls) -> None:
    """In place of charts without a question: where there are some, and the way there."""
    found = find_elsewhere(controls.choice, state.store(), time.time())
    if found is None:
        st.info(_empty_words(controls.choice))
        return

    def follow() -> None:
        st.session_state["asked_by"], st.session_state["window"] = found.choice.asked_by, found.choice.window
        controls.write()

    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(message(found.words), icon=":material/filter_alt:")
        if st.button(found.label, type="primary", on_click=follow):
            st.rerun()  # all of the page: this part of it began with the other choice


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
    other = (
        "Choose another backend, or ask one." if len(state.services().live.backends(choice.source)) > 1 else "Ask one."
    )
    return f"No question to {literal(choice.backend)} in the longest window, whoever asks. {other}"


def _show_gauges(view: LiveView) -> None:
    """The window in all, and where most of its time went, which is shown further down."""
    show_gauges(view, _levels(view.backend))
    if view.stages:
        show(note_html(f"{view.stages_title}."))


def _show_over_time(view: LiveView, controls: Controls) -> None:
    """Latency and questions on one axis of time, and the way into a period."""
    _show_overview(view, controls, _levels(view.backend))
    show_period(view, controls)


def _say_whence(view: LiveView, controls: Controls, more: str = "") -> None:
    """Which window this is, and how fresh. more: what the charts show, where there are some."""
    words = f"{describe_window(view, controls.refresh_s, their_clock())} {describe_left_out(view)}".strip()
    show(note_html(words, more))


def _levels(backend: str) -> list[Level]:
    """Bounds of this store's rules; none where they cannot be read, which the alerts say."""
    try:
        return levels_of(state.services().alarms.rules(), backend, *WATCHED)
    except RaglassError:
        return []


def _overview_meaning(view: LiveView) -> str:
    near = " Of the trace store each is within 1 %." if view.source == "local" else ""
    return (
        f"Half of the questions took less than p50, 95 of 100 less than p95, 99 of 100 less than p99.{near} A dashed line is the bound "
        "of a rule that raises alerts. Each bar counts the questions of a period: answered (an abstention is an answer), or failed."
    )


def _show_overview(view: LiveView, controls: Controls, levels: list[Level]) -> None:
    """Latency and questions; a click chooses a period."""
    chosen_s = int(st.session_state.get("at") or 0) or None
    periods = list(view.window.periods)

    def pick() -> None:
        points = st.session_state["latency-chart"]["selection"]["points"]
        places = [point["point_index"] for point in points if point["point_index"] < len(periods)]
        st.session_state["at"] = periods[places[0]] if places else 0
        controls.write()

    show_chart(
        overview_chart(view, levels, chosen_s, their_clock()),
        key="latency-chart",
        on_select=pick,
        selection_mode="points",
        alt="Latency end to end, and questions, over time",
    )


def show_stages(view: LiveView, controls: Controls) -> None:
    """Where the time goes, and which stage fails."""
    _draw(stages_chart(view, their_clock()), "stages", "Time by stage, and errors by the stage that failed")
    st.segmented_control(
        "Of each stage",
        list(MEASURES),
        key="measure",
        on_change=controls.write,
        label_visibility="collapsed",
        required=True,
    )
    errors = (
        " Below, each bar counts the questions of a period that failed, by the stage that failed."
        if view.failed
        else ""
    )
    show(note_html("A click on a stage in the legend hides it.", f"{describe_stages(view)}{errors}"))


def show_answers(view: LiveView) -> None:
    """Abstentions, confidence and ratings."""
    if view.answers is None or view.answers.empty:
        show(note_html("No answer has been counted in this window."))
        return
    _draw(answers_chart(view.answers, their_clock()), "answers", "Abstentions, confidence and ratings over time")


def show_stack(view: LiveView) -> None:
    """AWS's own figures of the stack's parts."""
    _draw(parts_chart(view, their_clock()), "parts", "SageMaker, Lambda and the network")
    words = f"{view.parts_words}, by AWS's own clocks." if view.parts_words else "By AWS's own clocks."
    show(
        note_html(
            words,
            "What the endpoints took, what the orchestrator took beside them (Pinecone included), and what lay "
            "between it and this dashboard (API Gateway included). Calls are everybody's: looks at the stack's health and other "
            "dashboards' questions among them.",
        )
    )
    show(stack_html(view.rows))


def show_small_print(view: LiveView, controls: Controls) -> None:
    """The data, what asking for it costs, and what became of what this dashboard sends."""
    show_download("Download CSV", lambda: live_csv(view), "live.csv")
    services = state.services()
    if view.source == "cloudwatch":
        show(note_html(describe_use(services.live.use, len(view.series), controls.refresh_s)))
    sent = services.reporting.emitted
    if sent is not None:
        show(
            note_html(
                f"This dashboard sent {sent.sent:,} measures to CloudWatch, {sent.waiting:,} wait, {sent.dropped:,} were dropped."
            )
        )
        if sent.problem:
            st.warning(message(sent.problem), icon=":material/warning:")


def _draw(figure: Any, key: str, alt: str) -> None:
    show_chart(figure, key=f"{key}-chart", alt=alt)
