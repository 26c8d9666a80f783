"""Above the list of runs: the one that is going on, and a form that starts one."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import streamlit as st

from app.permitting.roles import Role
from app.runs.estimate import estimate_words
from app.runs.evaluations import RunStep
from app.runs.record import RunPlan
from app.runs.words import progress_words, step_words
from app.services import Services
from app.views.asking.page import choose_prompt, saved_prompts
from app.views.kit import address, state
from app.views.kit.following import REFRESH_S, begun_problem, note_begun, show_going_on, show_problem
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import message
from app.views.kit.visitor import only, refused
from app.views.runs.listed import open_runs
from app.views.runs.profile import show_preview
from app.views.runs.source import Source, source_fields
from backends.registry import ENDPOINT
from pipeline.errors import RaglassError
from pipeline.prompts import PromptTemplate

BEGUN = "run"
"""A run, among jobs that a session began."""

LINKED = ("prompt", "backend")
"""What a link to the form can name beside its fields."""


def begin(steps: Callable[[threading.Event], Iterator[RunStep]]) -> None:
    """Start a run, or go on with one; how it ends is told to this session. Raises InputError, NotPermitted."""
    note_begun(BEGUN, state.services().run_jobs.start(steps))


def follow_run() -> None:
    """The run that is going on in this process, followed; how the last one ended."""
    job = state.services().run_jobs.job
    if job is not None and job.running:
        _follow()
        return
    show_problem(BEGUN)
    if job is not None and not job.problem and job.step is not None and job.step.progress is not None:
        st.success(message(f"Run {job.step.run_id}: {progress_words(job.step.progress)}"), icon=":material/checklist:")
        st.button("Open this run", on_click=open_runs, args=(job.step.run_id,), icon=":material/open_in_new:")


@st.fragment(run_every=REFRESH_S)
def _follow() -> None:
    job = state.services().run_jobs.job
    if job is None or not job.running:
        st.rerun()
    progress = None if job.step is None else job.step.progress
    share = 0.0 if progress is None else progress.done / max(progress.total, 1)
    words = "Opening the backend …" if job.step is None else step_words(job.step)
    show_going_on(job, share, words)


def start_form() -> None:
    """What to ask, and of what."""
    services = state.services()
    usable = services.backends.usable()
    saved, prompted, wanted = _prefilled(services)
    fields = _fields(services, usable, wanted) | {"run-prompt": address.choice(["", *saved], prompted)}
    said = any(name in st.query_params for name in (*fields, *source_fields(), *LINKED))
    expanded = said or bool(begun_problem(BEGUN)) or not services.evaluations.newest(1)
    # Its key keeps it as it is, whatever is told above it.
    with backstage("run"), st.expander("Start a run", expanded=expanded, key="run-form"):
        source = Source()
        write = address.follow("run-form", fields)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            backend = st.selectbox("Backend", usable, key="run_backend", on_change=write)
            top_k = st.number_input("Chunks", 1, 100, key="run_top_k", on_change=write, width=120)
            limit = st.number_input(
                "Questions, at most",
                1,
                100_000,
                key="run_limit",
                on_change=write,
                width=160,
                help="Drawn at random, the same every time.",
            )
            workers = st.number_input("At once", 1, 16, key="run_workers", on_change=write, width=110)
            rerank = st.toggle("Rerank", disabled=_is_remote(backend), key="run_rerank", on_change=write)
        prompt = choose_prompt("Prompt", "run-prompt", backend or "", saved, write)
        show_preview(source, backend, int(top_k))
        show(note_html(estimate_words(services.store, backend or "", int(limit), int(workers))))
        if st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            **(refused(source.refusal) | only(Role.EDITOR, disabled=backend is None or bool(source.refusal))),
        ):
            plan = {
                "backend": backend,
                "top_k": int(top_k),
                "limit": int(limit),
                "rerank": rerank,
                "workers": int(workers),
            }
            _start(source, plan, prompt)


def _fields(services: Services, usable: list[str], wanted: str) -> dict[str, address.Field]:
    """The form's values, but for its source and prompt, as the address keeps them. wanted: the backend unless another is chosen."""
    usual = wanted if wanted in usable else services.settings.backend_name
    usual = usual if usual in usable else next(iter(usable), "")
    backends = address.choice(usable, usual or None)
    workers = 4 if _is_remote(backends.value(st.query_params.get_all("run_backend"))) else 1
    return {
        "run_backend": backends,
        "run_top_k": address.number(services.settings.top_k, 1, 100),
        "run_limit": address.number(200, 1, 100_000),
        "run_workers": address.number(workers, 1, 16),
        "run_rerank": address.flag(),
    }


def _is_remote(backend: str | None) -> bool:
    return backend is not None and (backend == "aws" or backend.startswith(ENDPOINT))


def _prefilled(services: Services) -> tuple[dict[str, PromptTemplate], str, str]:
    """The prompts to choose from; which of them, and which backend, the address of a link names, empty if none."""
    saved, named = saved_prompts(services), st.query_params.get("prompt", "")
    found = services.store.prompts.find(named) if named else None
    if found is not None:
        names = [name for name, prompt in saved.items() if prompt == found.prompt]
        if not names:
            saved = {found.prompt.version: found.prompt, **saved}
        return saved, names[0] if names else found.prompt.version, st.query_params.get("backend", "")
    return saved, "", st.query_params.get("backend", "")


def _start(source: Source, plan: dict[str, Any], prompt: PromptTemplate | None) -> None:
    services = state.services()
    try:
        whole = RunPlan(dataset=source.settle(), deadline_s=services.settings.deadline_s, **plan).telling(prompt)
        begin(lambda stop: services.evaluations.run(whole, stop))
    except RaglassError as error:
        st.error(message(str(error)), icon=":material/error:")
        return
    st.rerun()
