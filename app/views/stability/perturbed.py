"""Questions asked in other words and over other chunks: the form, the work while it goes on, and what came of it."""

import streamlit as st

from app.permitting.roles import Role
from app.stability.measuring import go_on, measure
from app.stability.perturbed import ALL_KINDS, LIMIT, StabilityPlan, StabilityStep
from app.stability.perturbed_words import part_words, progress_words
from app.views.kit import state
from app.views.kit.following import REFRESH_S, show_going_on
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only
from app.views.stability.kept import PROBLEM, RESULT, kept_result, kept_results, show_kept, shown_id
from app.views.stability.result import show_result
from evaluation.datasets import BUILTIN
from evaluation.perturbations import SEEDS
from pipeline.errors import RaglassError


def show_stability() -> None:
    """The form, the measurement that goes on, what came of it, and what was kept of earlier ones."""
    plan = _form()
    if plan is not None:
        _start(plan)
    job = state.services().stability_jobs.job
    problem = st.session_state.pop(PROBLEM, None) or (job.problem if job is not None and not job.running else "")
    if problem:
        st.error(message(problem), icon=":material/error:")
    going = job is not None and job.running
    if going:
        _follow()
    found = _found()
    if found is not None:
        _show_part(*found, busy=going)
        show_result(*found)
    elif not going and not kept_results().listed():
        st.info("Nothing measured yet. The built-in questions need no file, and no trace is stored.")
    show_kept()


@st.fragment(run_every=REFRESH_S)
def _follow() -> None:
    job = state.services().stability_jobs.job
    if job is None or not job.running:
        st.rerun()
    step = None if job.step is None else job.step.step
    share = 0.0 if step is None else len(step.results) / max(step.total, 1)
    show_going_on(job, share, "Timing a few questions …" if step is None else progress_words(step))
    show(note_html("It goes on when you leave this page; its progress and its result are here when you come back."))


def _found() -> tuple[StabilityPlan, StabilityStep] | None:
    """What is shown: the result that the address names, else the last one that was measured by this process."""
    job = state.services().stability_jobs.job
    named = shown_id()
    if not named:
        return None
    if job is not None and job.step is not None and job.step.run_id == named and not kept_results().version(named):
        return job.step.plan, job.step.step  # which could not be kept
    return kept_result(named)


def _show_part(plan: StabilityPlan, step: StabilityStep, *, busy: bool) -> None:
    """That a result is of a part of the questions, with a way to go on with it."""
    if len(step.results) == step.total:
        return
    named = shown_id()
    if state.services().stability_jobs.is_at(named):
        st.info(literal(part_words(step)), icon=":material/sync:")
        return
    st.warning(literal(part_words(step)), icon=":material/pause:")
    if kept_results().version(named):
        st.button(
            "Go on with it",
            icon=":material/play_arrow:",
            on_click=_go_on,
            args=(named,),
            **only(Role.EDITOR, disabled=busy),
        )


def _start(plan: StabilityPlan) -> None:
    services, kept = state.services(), kept_results()
    st.query_params.pop(RESULT, None)
    try:
        services.stability_jobs.start(lambda stop: measure(services.evaluations, kept, plan, stop))
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)


def _go_on(kept_id: str) -> None:
    services, kept = state.services(), kept_results()
    try:
        services.stability_jobs.start(lambda stop: go_on(services.evaluations, kept, kept_id, stop))
        st.query_params.pop(RESULT, None)
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)


def _form() -> StabilityPlan | None:
    services = state.services()
    usable = services.backends.usable()
    usual = services.settings.backend_name
    with backstage("stability"), st.form("stability", border=False):
        kinds = st.multiselect("What to change", list(ALL_KINDS), default=list(ALL_KINDS))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            backend = st.selectbox("Backend", usable, index=usable.index(usual) if usual in usable else None)
            limit = st.number_input(
                "Questions", 1, 650, LIMIT, width=130, help="Of the built-in ones, drawn at random."
            )
            top_k = st.number_input("Chunks", 1, 100, services.settings.top_k, width=110)
            variants = st.number_input("Variants of each", 1, len(SEEDS), len(SEEDS), width=150)
        pressed = st.form_submit_button("Measure", type="primary", icon=":material/play_arrow:", **only(Role.EDITOR))
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
