"""Whether the questions of late are those of before: a form, a control chart of windows, and the tests behind it."""

import json
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from app.kit.wording import backend_words, when
from app.stability.drift import FEWEST, MOST, NEWEST, WINDOW, QuestionDrift, QuestionPlan, question_steps
from app.stability.drift_words import (
    HEADS,
    QUESTION_NOTES,
    drift_headline,
    left_out_words,
    questions_to_dict,
    reference_words,
    window_row,
)
from app.views.kit import address, state
from app.views.kit.charts import chart_layout, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.style import DRIFTED, STEADY, ink
from app.views.kit.visitor import refused
from app.views.stability.comparing import begin, show_comparison, why_busy
from app.views.traces.kept import trace_backends
from evaluation.drift import FEWEST_QUESTIONS, MOST_QUESTIONS


def show_drift() -> None:
    """The form, the work while it goes on, and what came of it."""
    backends = trace_backends()
    if not backends:
        st.info(f"No question is stored yet. Ask {FEWEST} or more, then look whether they change.")
        return
    services = state.services()
    jobs = services.comparisons.questions
    plan = _form(backends, why_busy(jobs))
    if plan is not None:
        begin(jobs, question_steps(services.store, services.backends.corpus, plan))
    found = show_comparison(jobs, "Reading stored questions …", "drift")
    if found is not None:
        _show(found)
    elif jobs.job is None:
        st.info("The newest stored questions, window by window, against those before. Nothing is asked again.")


def _form(backends: list[str], busy: str) -> QuestionPlan | None:
    """What to hold against what, kept in the address; returned once it is pressed."""
    usual = state.services().settings.backend_name
    write = address.follow(
        "drift-form",
        {
            "drift_backend": address.choice(backends, usual if usual in backends else backends[0]),
            "drift_newest": address.number(NEWEST, FEWEST, MOST),
            "drift_window": address.number(WINDOW, FEWEST_QUESTIONS, MOST_QUESTIONS),
        },
    )
    with backstage("drift"), st.container(horizontal=True, vertical_alignment="bottom"):
        backend = st.selectbox("Answered by", backends, format_func=backend_words, key="drift_backend", on_change=write)
        newest = st.number_input(
            "Newest traces",
            FEWEST,
            MOST,
            key="drift_newest",
            on_change=write,
            width=150,
            help="The oldest half of them is the reference.",
        )
        window = st.number_input(
            "In a window", FEWEST_QUESTIONS, MOST_QUESTIONS, key="drift_window", on_change=write, width=140
        )
    pressed = st.button("Look for drift", type="primary", icon=":material/timeline:", **refused(busy))
    return QuestionPlan(backend, int(newest), int(window)) if pressed else None


def _show(found: QuestionDrift) -> None:
    show_chart(control_chart(found), key="drift-chart", alt="Drift of questions by window", behind=False)
    for line in (reference_words(found.reference), *left_out_words(found)):
        show(note_html(f"{line}."))
    show(
        note_html(
            "Dashed: 19 of 20 windows drawn from the reference itself stay below. Orange diamonds drifted, by the tests: one "
            "below the line did so by the scores of its first chunks (KS, in the table)."
        )
    )
    show(table_html(_cells(HEADS), [_cells(window_row(each)) for each in found.windows], "drift"))
    show(note_html(" ".join(QUESTION_NOTES)))
    show_download("Download drift as JSON", json.dumps(questions_to_dict(found), indent=1), "drift.json")


def _cells(row: Sequence[str]) -> list[str]:
    """A row for a narrow table: when a window begins goes without saying, and that it drifted stands beside its name."""
    name, questions, _, until, *figures, mark = row
    return [f"{name}, {mark}" if mark else name, questions, until, *figures]


def control_chart(found: QuestionDrift) -> go.Figure:
    """MMD² by window, those that drifted in another colour and shape, and what chance alone stays below."""
    drifted = [each.drift.drifted for each in found.windows]
    places = list(range(len(drifted)))
    figure = go.Figure(
        go.Scatter(
            x=places,
            y=[each.drift.mmd2 for each in found.windows],
            mode="lines+markers",
            line={"color": ink(), "width": 1},
            marker={
                "size": 12,
                "color": [DRIFTED if each else STEADY for each in drifted],
                "symbol": ["diamond" if each else "circle" for each in drifted],
            },
            customdata=[[each.stretch.questions, when(each.stretch.last_at)] for each in found.windows],
            hovertemplate="%{customdata[0]} questions until %{customdata[1]}: MMD² %{y:.4f}<extra></extra>",
        )
    )
    figure.add_hline(y=found.level, line={"color": ink(), "width": 1, "dash": "dash"})
    figure.update_layout(**chart_layout(drift_headline(found), height=320))
    figure.update_xaxes(
        fixedrange=True,
        tickvals=places,
        ticktext=[when(each.stretch.last_at)[:10] for each in found.windows],
        range=[-0.5, len(places) - 0.5],
    )
    figure.update_yaxes(title={"text": "MMD²"}, fixedrange=True, rangemode="tozero")
    return figure
