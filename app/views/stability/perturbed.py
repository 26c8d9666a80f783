"""Questions asked in other words and over other chunks: the form, the work while it goes on, and what came of it."""

from contextlib import closing

import streamlit as st

from app.permitting.roles import Role
from app.stability.perturbed import ALL_KINDS, LIMIT, StabilityPlan, StabilityStep, check_stability
from app.stability.perturbed_words import progress_words
from app.views.kit import state
from app.views.kit.layout import backstage
from app.views.kit.markdown import message
from app.views.kit.visitor import only
from app.views.kit.work import shown_work
from app.views.stability.kept import RESULT, kept_result, kept_results, show_kept
from app.views.stability.result import show_result
from evaluation.datasets import BUILTIN
from evaluation.perturbations import SEEDS
from pipeline.errors import RaglassError


def show_stability() -> None:
    """The form, the work while it goes on, what came of it, and what was kept of earlier ones."""
    plan = _form()
    if plan is not None:
        for name in ("stability_found", "stability_shown", "stability_problem"):
            st.session_state.pop(name, None)
        st.query_params.pop(RESULT, None)
        _measure(plan)
    problem = st.session_state.get("stability_problem")
    if problem:
        st.error(message(problem), icon=":material/error:")
    found = _found()
    if found is not None:
        show_result(*found)
    elif plan is None and not kept_results().listed():
        st.info("Nothing measured yet. The built-in questions need no file, and no trace is stored.")
    show_kept()


def _found() -> tuple[StabilityPlan, StabilityStep] | None:
    """What is shown: the result that the address names, else the one that was measured here last."""
    named = st.query_params.get(RESULT)
    return kept_result(named) if named else st.session_state.get("stability_found")


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


def _measure(plan: StabilityPlan) -> None:
    """See it through, and keep what came of it; a press of Stop ends the page's run here, and what was measured is kept too."""
    steps, last = check_stability(state.services().evaluations, plan), None
    try:
        with (
            closing(steps),
            shown_work("Timing a few questions …", "What was measured so far is kept.", "stability") as tell,
        ):
            for step in steps:
                # First: once Stop is pressed, all that touches the session ends the page's run.
                if step.results:
                    st.session_state["stability_found"] = (plan, step)
                last = step
                tell(len(step.results), step.total, progress_words(step))
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
    finally:
        if last is not None and last.results:
            _keep(plan, last)


def _keep(plan: StabilityPlan, step: StabilityStep) -> None:
    """Draws nothing, and keeps the file first: a page's run that was stopped may neither draw nor touch the session."""
    try:
        st.session_state["stability_shown"] = kept_results().keep(plan, step).kept_id
    except RaglassError as error:
        st.session_state["stability_problem"] = str(error)
