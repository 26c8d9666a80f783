"""Questions asked in other words and over other chunks: what is found and answered then, by perturbation and question type."""

import json
from contextlib import closing

import plotly.graph_objects as go
import streamlit as st

from app.kit.numbers import fixed
from app.stability.perturbed import ALL_KINDS, LIMIT, StabilityPlan, StabilityStep, check_stability
from app.stability.perturbed_words import counted_types, heat_rows, notes, progress_words, stability_to_dict
from app.views.kit import state
from app.views.kit.charts import chart_layout, chart_text, show_chart
from app.views.kit.downloads import show_download
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal
from app.views.kit.style import ink
from app.views.kit.work import shown_work
from evaluation.datasets import BUILTIN
from evaluation.perturbations import SEEDS
from evaluation.stability import summarise_stability
from pipeline.errors import RaglassError

HEATS = {
    "answer changed": ("Answers changed", "the share of answers that say something else. Amber: many", True),
    "overlap": ("Chunks found again (overlap)", "the share of the same chunks. Amber: few", False),
    "rbo": ("The same order (RBO)", "rank-biased overlap, in which the first ranks count most. Amber: little", False),
    "overlap beyond chance": ("Beyond chance", "chunks found again; 1: the same, 0: as at random. Amber: few", False),
}
"""Measures that are drawn: title, what a figure is, and whether high is bad."""

FAINT, BAD = "rgba(128,128,128,.10)", "rgba(230,159,0,.75)"


def show_stability() -> None:
    """The form, the work while it goes on, and what came of it."""
    plan = _form()
    if plan is not None:
        st.session_state["stability_found"] = None
        _measure(plan)
    kept = st.session_state.get("stability_found")
    if kept is not None:
        _show(*kept)
    elif plan is None:
        st.info("Nothing measured yet. The built-in questions need no file; nothing is stored.")


def _form() -> StabilityPlan | None:
    services = state.services()
    usable = [name for name, problem in services.backend_names().items() if problem is None]
    usual = services.settings.backend_name
    with st.form("stability", border=False):
        kinds = st.multiselect("What to change", list(ALL_KINDS), default=list(ALL_KINDS))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            backend = st.selectbox("Backend", usable, index=usable.index(usual) if usual in usable else None)
            limit = st.number_input(
                "Questions", 1, 650, LIMIT, width=130, help="Of the built-in ones, drawn at random."
            )
            top_k = st.number_input("Chunks", 1, 100, services.settings.top_k, width=110)
            variants = st.number_input("Variants of each", 1, len(SEEDS), len(SEEDS), width=150)
        pressed = st.form_submit_button("Measure", type="primary", icon=":material/play_arrow:")
    if not pressed:
        return None
    if not kinds or backend is None:
        st.info("Choose a backend and something to change first.")
        return None
    return StabilityPlan(
        BUILTIN,
        backend,
        int(top_k),
        services.settings.deadline_s,
        kinds=tuple(kinds),
        limit=int(limit),
        variants=int(variants),
    )


def _measure(plan: StabilityPlan) -> None:
    """See it through; a press of Stop ends the page's run here, and what was kept stays."""
    steps = check_stability(state.services().evaluations, plan)
    try:
        with (
            closing(steps),
            shown_work("Timing a few questions …", "What was measured so far is shown.", "stability") as tell,
        ):
            for step in steps:
                tell(len(step.results), step.total, progress_words(step))
                if step.results:
                    st.session_state["stability_found"] = (plan, step)
    except RaglassError as error:
        st.error(literal(str(error)), icon=":material/error:")


def _show(plan: StabilityPlan, step: StabilityStep) -> None:
    if len(step.results) < step.total:
        st.warning(f"Stopped after {len(step.results):,} of {step.total:,} questions.", icon=":material/pause:")
    cells = summarise_stability(step.results, seed=plan.seed)
    name = st.segmented_control(
        "Measure",
        list(HEATS),
        default="answer changed",
        format_func=lambda each: HEATS[each][0],
        key="stability-measure",
    )
    name = name or "answer changed"
    show(note_html(f"Each figure: {HEATS[name][1]}. In brackets: questions."))
    kinds, types, values = heat_rows(cells, name)
    show_chart(heat((kinds, counted_types(cells, types), values), name), key="heat", alt=HEATS[name][0])
    for line in notes(step.results, cells):
        show(note_html(line))
    show_download("Download JSON", json.dumps(stability_to_dict(plan, step), indent=1), "stability.json")


def heat(rows: tuple[list[str], list[str], list[list[float | None]]], name: str) -> go.Figure:
    """Kinds × types, the figure in each cell."""
    kinds, types, values = rows
    title, _, high_is_bad = HEATS[name]
    low, high = (FAINT, BAD) if high_is_bad else (BAD, FAINT)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(map(chart_text, types)),
            y=kinds,
            zmin=0,
            zmax=1,
            colorscale=[[0, low], [1, high]],
            text=[["" if value is None else fixed(value) for value in row] for row in values],
            texttemplate="%{text}",
            textfont={"color": ink()},
            showscale=False,
            hovertemplate="%{y}, %{x}: %{z:.2f}<extra></extra>",
        )
    )
    figure.update_layout(**chart_layout(title, height=150 + 34 * len(kinds)))
    figure.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    figure.update_xaxes(fixedrange=True, showgrid=False)
    return figure
