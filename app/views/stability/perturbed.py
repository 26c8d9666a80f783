"""Questions asked in other words and over other chunks: the form, the work while it goes on, and what came of it."""

import streamlit as st

from app.permitting.roles import Role
from app.stability.measuring import go_on, measure
from app.stability.perturbed import ALL_KINDS, LIMIT, StabilityPlan, StabilityStep
from app.stability.perturbed_words import ahead_words, part_words, progress_words
from app.views.kit import address, state
from app.views.kit.following import REFRESH_S, begun_problem, note_begun, show_going_on
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only, refused
from app.views.stability.kept import PROBLEM, RESULT, kept_result, kept_results, show_kept, shown_id
from app.views.stability.result import show_result
from evaluation.datasets import BUILTIN
from evaluation.perturbations import SEEDS
from pipeline.errors import RaglassError

MOST_QUESTIONS = 650
"""Built-in questions."""

BEGUN = "measurement"
"""One of Stability, among jobs that a session began."""


def show_stability() -> None:
    """The form, the measurement that goes on, what came of it, and what was kept of earlier ones."""
    job = state.services().stability_jobs.job
    going = job is not None and job.running
    _form(folded=bool(shown_id()) and not going)
    # Where there is a part to see, everyone is told why it ended; else only who began it.
    unkept = job.problem if job is not None and not going and job.step is not None else ""
    problem = st.session_state.pop(PROBLEM, None) or begun_problem(BEGUN) or unkept
    if problem:
        st.error(message(problem), icon=":material/error:")
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


def _start() -> None:
    """Measure what the form says now: it may have changed in the same moment as the button was pressed."""
    services, kept, plan = state.services(), kept_results(), _plan()
    why = _why_not(plan)
    if why:
        st.session_state[PROBLEM] = why
        return
    st.query_params.pop(RESULT, None)
    try:
        note_begun(BEGUN, services.stability_jobs.start(lambda stop: measure(services.evaluations, kept, plan, stop)))
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)


def _go_on(kept_id: str) -> None:
    services, kept = state.services(), kept_results()
    try:
        note_begun(BEGUN, services.stability_jobs.start(lambda stop: go_on(services.evaluations, kept, kept_id, stop)))
        st.query_params.pop(RESULT, None)
    except RaglassError as error:
        st.session_state[PROBLEM] = str(error)


def _form(*, folded: bool) -> None:
    """What to ask; kept in the address. folded: whether it begins so, to leave the first screen to a result."""
    services = state.services()
    usable = services.backends.usable()
    write = _follow_form(usable)
    # A key of its own for each, since an expander keeps the state that it began with.
    key = f"stability-what-{'kept' if folded else 'new'}"
    with backstage("stability"), st.expander("What to measure", expanded=not folded, key=key):
        st.multiselect("What to change", list(ALL_KINDS), key="stability_kinds", on_change=write)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.selectbox("Backend", usable, key="stability_backend", on_change=write)
            st.number_input(
                "Questions",
                1,
                MOST_QUESTIONS,
                key="stability_limit",
                on_change=write,
                width=130,
                help="Of the built-in ones, drawn at random.",
            )
            st.number_input("Chunks", 1, 100, key="stability_top_k", on_change=write, width=110)
            st.number_input("Variants of each", 1, len(SEEDS), key="stability_variants", on_change=write, width=150)
        plan = _plan()
        why = _why_not(plan)
        show(note_html(why or ahead_words(services.store, plan)))
        st.button(
            "Measure",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_start,
            **(refused(why) | only(Role.EDITOR)),
        )


def _follow_form(usable: list[str]) -> address.Write:
    settings = state.services().settings
    usual = settings.backend_name if settings.backend_name in usable else next(iter(usable), None)
    return address.follow(
        "stability-form",
        {
            "stability_kinds": address.several(ALL_KINDS, ALL_KINDS),
            "stability_backend": address.choice(usable, usual),
            "stability_limit": address.number(LIMIT, 1, MOST_QUESTIONS),
            "stability_top_k": address.number(settings.top_k, 1, 100),
            "stability_variants": address.number(len(SEEDS), 1, len(SEEDS)),
        },
    )


def _plan() -> StabilityPlan:
    """What the form says."""
    said = st.session_state
    return StabilityPlan(
        BUILTIN,
        said["stability_backend"] or "",
        int(said["stability_top_k"]),
        state.services().settings.deadline_s,
        kinds=tuple(said["stability_kinds"]),
        limit=int(said["stability_limit"]),
        variants=int(said["stability_variants"]),
    )


def _why_not(plan: StabilityPlan) -> str:
    """Why nothing can be measured now; empty where it can."""
    job = state.services().stability_jobs.job
    if job is not None and job.running:
        return "A measurement is going on. Another can start once it has ended or was stopped."
    if not plan.kinds or not plan.backend:
        return "Choose a backend and something to change first."
    return ""
