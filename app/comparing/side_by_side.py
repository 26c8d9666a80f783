"""The use case of the Compare page: one question asked on two sides, which differ in backend or in settings.

The sides are asked one after the other: on one machine two at once would contend for its processor, and the times would say
more about that than about the sides. Owns the order and what becomes of a side that fails. Refuses to judge: that is
`app.comparing.comparison`.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, TypeGuard

from app.asking.questions import Asked, Asking, Question
from pipeline.checks import MAX_TOP_K, check_deadline, check_top_k, clean_question
from pipeline.errors import BackendError, RaglassError
from pipeline.prompts import DEFAULT, recorded_prompt
from pipeline.recording import failed_trace
from pipeline.types import Event, Failure, Setting, Trace

log = logging.getLogger(__name__)

Side = Literal["first", "second"]

SIDES: tuple[Side, Side] = ("first", "second")

Told = tuple[Side, Event | Asked]
"""What one side has come to: events while it is asked, then its outcome."""


def ask_sides(asking: Asking, questions: Mapping[Side, Question]) -> Iterator[Told]:
    """Ask the first side, then the second, in a thread of its own; each is asked even if the reader goes away.

    questions: of the sides to ask; another application's answer is kept as it is. Each side ends with an `Asked`. Raises InputError,
    before anything is asked, for a question, `top_k` or deadline that no backend would take, Unavailable once the process is stopping.
    Whatever else keeps one side from answering is in its trace and costs the other nothing.
    """
    for question in questions.values():
        clean_question(question.text)
        check_top_k(question.top_k)
        check_deadline(question.deadline_s)

    def work(put: Callable[[Told], None]) -> None:
        for side in SIDES:
            if side in questions:
                put((side, _ask(asking, questions[side], _teller(put, side))))

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

    Of another application's only the question and the number of chunks are taken over: nobody asks it from here.
    Raises InputError where the prompt that it was asked with is not known.
    """
    told = trace.settings
    top_k, deadline_s = told.get("top_k"), told.get("deadline_s")
    asked = replace(
        usual, text=trace.question, top_k=min(max(int(top_k), 1), MAX_TOP_K) if _is_number(top_k) else usual.top_k
    )
    if trace.origin == "application":
        return asked
    prompt = recorded_prompt(told)
    return replace(
        asked,
        prompt=None if prompt == DEFAULT else prompt,
        backend=trace.backend,
        deadline_s=float(deadline_s) if deadline_s else usual.deadline_s,
        rerank=bool(told.get("rerank", usual.rerank)),
    )


def _is_number(value: Setting) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and value > 0


def counterpart(first: Question, backends: list[str]) -> Question:
    """What to set beside a question if nothing is said: the backend that ships first, or reranking the other way round."""
    if first.backend != backends[0]:
        return replace(first, backend=backends[0])
    return replace(first, rerank=not first.rerank)
