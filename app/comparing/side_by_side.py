"""The use case of the Compare page: one question asked on two sides, which differ in backend or in settings.

The sides are asked one after the other: on one machine two at once would contend for its processor, and the times would say
more about that than about the sides. Owns the order and what becomes of a side that fails. Refuses to judge: that is
`app.comparing.comparison`.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from app.asking.questions import Asked, Asking, Question
from pipeline.errors import BackendError, RaglassError
from pipeline.pipeline import check_deadline, check_top_k, clean_question, failed_trace
from pipeline.prompts import DEFAULT, recorded_prompt
from pipeline.types import Event, Failure, Trace

log = logging.getLogger(__name__)

Side = Literal["first", "second"]

SIDES: tuple[Side, Side] = ("first", "second")

Told = tuple[Side, Event | Asked]
"""What one side has come to: events while it is asked, then its outcome."""


def ask_both(asking: Asking, first: Question, second: Question) -> Iterator[Told]:
    """Ask the first side, then the second, in a thread of its own; both are asked even if the reader goes away.

    Each side ends with an `Asked`. Raises InputError, before anything is asked, for a question, `top_k` or deadline that no
    backend would take, Unavailable once the process is stopping. Whatever else keeps one side from answering is in its trace and
    costs the other nothing.
    """
    for question in (first, second):
        clean_question(question.text)
        check_top_k(question.top_k)
        check_deadline(question.deadline_s)

    def work(put: Callable[[Told], None]) -> None:
        for side, question in zip(SIDES, (first, second), strict=True):
            put((side, _ask(asking, question, _teller(put, side))))

    return asking.in_flight.stream(work, "compare")


def _teller(put: Callable[[Told], None], side: Side) -> Callable[[Event], None]:
    return lambda event: put((side, event))


def _ask(asking: Asking, question: Question, on_event: Callable[[Event], None]) -> Asked:
    """Ask one side. A backend that does not know a setting, or is not configured, leaves a trace as a failed stage does."""
    try:
        return asking.ask(question, on_event)
    except RaglassError as error:
        log.warning("%s cannot be asked: %s", question.backend, error)
        return asking.keep(_refused(question, error))


def _refused(question: Question, error: RaglassError) -> Trace:
    trace = failed_trace(
        question.text,
        backend=question.backend,
        top_k=question.top_k,
        deadline_s=question.deadline_s,
        error=BackendError(str(error)),
    )
    return replace(
        trace,
        settings={**trace.settings, "rerank": question.rerank},
        error=Failure(type(error).__name__, str(error)),
    )


def asked_as(trace: Trace, usual: Question) -> Question:
    """How a trace was asked, so that it can be asked again. usual: for what the trace does not tell.

    Raises InputError where the prompt that it was asked with is not known.
    """
    told, prompt = trace.settings, recorded_prompt(trace.settings)
    top_k, deadline_s = told.get("top_k"), told.get("deadline_s")
    return Question(
        trace.question,
        trace.backend,
        int(top_k) if top_k else usual.top_k,
        float(deadline_s) if deadline_s else usual.deadline_s,
        bool(told.get("rerank", usual.rerank)),
        None if prompt == DEFAULT else prompt,
    )


def counterpart(first: Question, backends: list[str]) -> Question:
    """What to set beside a question if nothing is said: the backend that ships first, or reranking the other way round."""
    if first.backend != backends[0]:
        return replace(first, backend=backends[0])
    return replace(first, rerank=not first.rerank)
