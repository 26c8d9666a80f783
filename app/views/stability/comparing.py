"""A comparison that goes on in the background, on the page: how far it is, how it ended, what came of it."""

from typing import TypeVar

import streamlit as st

from app.runs.job import RunJobs
from app.stability.comparing import NOTHING_KEPT, ComparingStep, compare_on
from app.stability.drift_words import progress_words
from app.stability.steps import Steps
from app.views.kit.following import REFRESH_S, show_going_on
from app.views.kit.html import note_html, show
from app.views.kit.markdown import message

Found = TypeVar("Found")


def why_busy(jobs: RunJobs[ComparingStep[Found]]) -> str:
    """Why no other can be begun now; empty where one can."""
    going = jobs.job is not None and jobs.job.running
    return "A comparison is going on. Another can start once it has ended or was stopped." if going else ""


def show_comparison(jobs: RunJobs[ComparingStep[Found]], first: str, key: str) -> Found | None:
    """Follow the one that goes on, or say why the last one came to nothing; what came of it. first: said before the first step."""
    job = jobs.job
    if job is None:
        return None
    if job.running:
        _follow(jobs, first, key)
        return None
    found, lacking = (None, "") if job.step is None else (job.step.found, job.step.lacking)
    if job.problem:
        st.error(message(job.problem), icon=":material/error:")
    elif lacking:
        st.info(message(lacking), icon=":material/hourglass_empty:")
    elif found is None:
        st.info(f"Stopped. {NOTHING_KEPT}", icon=":material/pause:")
    return found


@st.fragment(run_every=REFRESH_S)
def _follow(jobs: RunJobs[ComparingStep[Found]], first: str, key: str) -> None:
    job = jobs.job
    if job is None or not job.running:
        st.rerun()
    step = job.step
    share = 0.0 if step is None else step.done / max(step.total, 1)
    show_going_on(job, share, first if step is None else progress_words(step.done, step.total), key=f"-{key}")
    show(note_html("It goes on when you leave this page; what came of it is here when you come back."))


def begin(jobs: RunJobs[ComparingStep[Found]], steps: Steps[Found]) -> None:
    """Begin one, and draw the page anew. Raises InputError while another is going on."""
    jobs.start(lambda stop: compare_on(steps, stop))
    st.rerun()
