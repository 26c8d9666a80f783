"""How one question is put to two sides: a box, two sets of settings, both answers as they come in, and what the address opens."""

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.asking.questions import Asked, Question
from app.comparing.side_by_side import SIDES, Side, ask_sides, asked_as, counterpart
from app.kit.wording import asked_how, backend_words, listed
from app.services import Services
from app.views.asking.page import (
    DOING,
    MAX_DEADLINE_S,
    MIN_DEADLINE_S,
    box_with_examples,
    choose_prompt,
    saved_prompts,
    say_what_is_missing,
    usual_backend,
)
from app.views.comparing.comparison import show_comparison
from app.views.comparing.html import side_html
from app.views.kit import address, state
from app.views.kit.html import note_html, show
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal
from app.views.traces.detail import MISSING_TRACE, show_answer
from app.views.traces.html import answer_html, chunks_html, question_html
from app.views.traces.recent import choose_recent
from pipeline.checks import MAX_TOP_K
from pipeline.prompts import PromptTemplate
from pipeline.types import ChunksFound, Event, StageEnded, StageStarted, TokenMade, Trace

Opened = dict[Side, Trace | None]
"""The sides whose trace the address names; None for a trace that is not in this store."""


def opened_traces() -> Opened:
    """The traces that the address names. Raises StoreError."""
    named = {side: st.query_params.get(side) for side in SIDES}
    found = {side: state.find_trace(trace_id) for side, trace_id in named.items() if trace_id}
    return {side: None if trace is None else trace[0] for side, trace in found.items()}


def put_question(services: Services, opened: Opened) -> dict[Side, Question] | None:
    """The box and both sides' settings, kept in the address; returns what was just put, for either side, or None.

    What the address does not say is as the opened traces were asked, so that a link to two traces is enough to ask again.
    Beside another application's trace, only its own question can be put, to the other side.
    """
    backends = services.backends.usable()
    kept = {side: trace for side, trace in opened.items() if trace is not None and trace.origin == "application"}
    if kept:
        return _put_beside(services, backends, opened, kept)
    usual = _usual(services, backends, opened)
    prompts = {side: _prompts(services, usual[side]) for side in SIDES}
    fields = {"ask": address.words(usual["first"].text or usual["second"].text)}
    for side in SIDES:
        fields |= _fields(side, usual[side], backends, prompts[side])
    write = address.follow("compare", fields)
    typed = box_with_examples("ask", "Compare", with_examples=services.settings.builtin_corpus and not opened)
    choose_recent(_begin_with)
    chosen = {}
    # A key of its own for each, since an expander keeps the state that it began with.
    folded = backstage("sides").expander(
        "Settings of both sides", expanded=not opened, key=f"sides-{'kept' if opened else 'new'}"
    )
    with folded:
        for column, side in zip(st.columns(2, gap="medium"), SIDES, strict=True):
            with column:
                chosen[side] = _choose(side, backends, prompts[side], write)
        say_what_is_missing(services)
    _say_what_to_know(services, backends, chosen, opened)
    return None if typed is None else {side: replace(question, text=typed) for side, question in chosen.items()}


def _begin_with(trace_id: str) -> None:
    """Open a trace as the first side; the second is to be asked."""
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in ("first", "second", "ask")}
    st.query_params.from_dict({**kept, "first": [trace_id]})


def _put_beside(
    services: Services, backends: list[str], opened: Opened, kept: dict[Side, Trace]
) -> dict[Side, Question] | None:
    """The settings of the side beside another application's; returns its question put to it, or None."""
    names = listed(sorted({backend_words(trace.backend) for trace in kept.values()}))
    free = [side for side in SIDES if side not in kept]
    if not free:
        show(note_html(f"Nothing can be asked here: both are answers of {names}."))
        return None
    side, beside = free[0], next(iter(kept.values()))
    if not beside.question.strip():
        show(note_html(f"{names}, did not send its question, so that it cannot be asked here."))
        return None
    usual = replace(services.asking.question(""), backend=usual_backend(services, backends))
    there = opened.get(side)
    question = asked_as(beside, usual) if there is None else replace(asked_as(there, usual), text=beside.question)
    prompts = _prompts(services, question)
    write = address.follow("compare", _fields(side, question, backends, prompts))
    show(
        note_html(
            f"The answer of {names}, stays as it is. Its question can be asked here, and the answer set beside it."
        )
    )
    with backstage("side"), st.container(width=480):
        chosen = _choose(side, backends, prompts, write)
    say_what_is_missing(services)
    if st.button("Ask it here", type="primary", icon=":material/arrow_forward:", key="ask-beside"):
        return {side: replace(chosen, text=beside.question)}
    return None


def _usual(services: Services, backends: list[str], opened: Opened) -> dict[Side, Question]:
    """Each side's question where the address says nothing."""
    first = replace(services.asking.question(""), backend=usual_backend(services, backends))
    one, other = opened.get("first"), opened.get("second")
    if one is not None:
        first = asked_as(one, first)
    second = counterpart(first, backends)
    return {"first": first, "second": second if other is None else asked_as(other, second)}


def _prompts(services: Services, usual: Question) -> dict[str, PromptTemplate]:
    """What a side may tell its generator: the saved prompts, and what the opened trace was asked with."""
    saved = saved_prompts(services)
    own = usual.prompt
    return saved if own is None or own in saved.values() else {own.version: own, **saved}


def _fields(
    side: Side, usual: Question, backends: list[str], prompts: dict[str, PromptTemplate]
) -> dict[str, address.Field]:
    backend = usual.backend if usual.backend in backends else backends[0]
    deadline_s = min(max(float(usual.deadline_s), MIN_DEADLINE_S), MAX_DEADLINE_S)
    return {
        f"{side}_backend": address.choice(backends, backend),
        f"{side}_top_k": address.number(usual.top_k, 1, MAX_TOP_K),
        f"{side}_rerank": address.flag(usual.rerank),
        f"{side}_deadline_s": address.number(deadline_s, MIN_DEADLINE_S, MAX_DEADLINE_S),
        f"{side}_prompt": address.choice(
            ["", *prompts], next((name for name, prompt in prompts.items() if prompt == usual.prompt), "")
        ),
    }


def _choose(side: Side, backends: list[str], prompts: dict[str, PromptTemplate], write: address.Write) -> Question:
    """One side's settings."""
    backend = st.selectbox(f"{side.capitalize()} backend", backends, key=f"{side}_backend", on_change=write)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        narrow: dict[str, Any] = {"on_change": write, "width": 112}
        top_k = st.number_input("Chunks", 1, MAX_TOP_K, key=f"{side}_top_k", **narrow)
        deadline_s = st.number_input(
            "Deadline, s", MIN_DEADLINE_S, MAX_DEADLINE_S, key=f"{side}_deadline_s", format="%.4g", **narrow
        )
        rerank = st.toggle("Rerank", key=f"{side}_rerank", on_change=write)
    prompt = choose_prompt(f"{side.capitalize()} prompt", f"{side}_prompt", backend or backends[0], prompts, write)
    return Question("", backend or backends[0], int(top_k), float(deadline_s), rerank, prompt)


def _say_what_to_know(services: Services, backends: list[str], chosen: dict[Side, Question], opened: Opened) -> None:
    for backend in dict.fromkeys(question.backend for question in chosen.values()):
        if services.backends.is_stale(backend):
            st.warning(
                f"Documents changed since the index of {literal(backend)} was built: press Index now on the Corpus page."
            )
    shown = [trace for trace in opened.values() if trace is not None]
    gone = sorted({trace.backend for trace in shown} - set(backends))
    if gone:
        show(note_html(f"{listed(gone)} cannot be used here now: the settings name another backend in its place."))
    elif len(shown) == 2 and any(_differs(chosen[side], opened[side]) for side in SIDES):
        show(note_html("These settings are not those of the answers below. Press Compare to ask with them."))
    elif chosen["first"] == chosen["second"]:
        show(note_html("Both sides have the same settings: this shows how much one backend varies by itself."))


def _differs(chosen: Question, trace: Trace | None) -> bool:
    return trace is not None and chosen != replace(asked_as(trace, chosen), text=chosen.text)


@dataclass(slots=True)
class _Pane:
    """Where one side's answer comes in."""

    answer: DeltaGenerator
    doing: DeltaGenerator
    chunks: DeltaGenerator
    said: str = ""

    def tell(self, event: Event) -> None:
        match event:
            case StageStarted(stage, _):
                show(note_html(DOING.get(stage, f"{stage} …")), self.doing)
            case ChunksFound(found):
                show(chunks_html(found, ()), self.chunks)
            case TokenMade(token):
                self.said += token.text
                show(answer_html(self.said), self.answer)
            case StageEnded(_):
                pass

    def end(self, trace: Trace) -> None:
        self.doing.empty()
        with self.answer.container():
            show_answer(trace)


def answer_live(services: Services, questions: dict[Side, Question], opened: Opened, place: DeltaGenerator) -> None:
    """Ask the sides that have a question, show in `place` what is known as it becomes known, and put their traces into the address.

    opened: what is set beside a side that is not asked. Raises InputError as `ask_sides` does; `place` is empty in the end.
    """
    told = ask_sides(services.asking, questions)
    outcomes: dict[Side, Asked] = {}
    with place.container():
        show(question_html(next(iter(questions.values())).text))
        panes = _panes(questions, opened)
        for side, event in told:
            if not isinstance(event, Asked):
                panes[side].tell(event)
                continue
            outcomes[side] = event
            panes[side].end(event.trace)
            if side == "first" and "second" in questions:
                show(note_html("Asking …"), panes["second"].doing)
    place.empty()
    _open(outcomes)


def _panes(questions: dict[Side, Question], opened: Opened) -> dict[Side, _Pane]:
    panes: dict[Side, _Pane] = {}
    for column, side in zip(st.columns(2, gap="large"), SIDES, strict=True):
        with column:
            beside = opened.get(side)
            if side in questions:
                show(side_html(side, questions[side].backend))
                panes[side] = _Pane(st.empty(), st.empty(), st.empty())
            elif beside is not None:
                show(side_html(side, asked_how(beside)))
                show_answer(beside)
    first, *others = panes.values()
    show(note_html("Asking …"), first.doing)
    for pane in others:
        show(
            note_html("Waits for the first: one after the other, neither takes processor time from the other."),
            pane.doing,
        )
    return panes


def _open(outcomes: dict[Side, Asked]) -> None:
    """Put the new traces into the address in one step, so that back returns to what was there before."""
    for asked in outcomes.values():
        if asked.not_stored is not None:
            state.remember_unstored(asked.trace, asked.not_stored)
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in (*outcomes, "ask")}
    named = {str(side): [asked.trace.trace_id] for side, asked in outcomes.items()}
    st.query_params.from_dict({**kept, **named})


def show_opened(opened: Opened, verdict: DeltaGenerator) -> None:
    """What the address opens: two traces compared, what there is of them, or what to do. verdict: its place."""
    found = {side: trace for side, trace in opened.items() if trace is not None}
    for side in opened:
        if side not in found:
            st.info(f"{side.capitalize()}: {MISSING_TRACE}")
    for side, trace in found.items():
        why = state.why_unstored(trace.trace_id)
        if why is not None:
            st.warning(
                f"The {side} trace is kept only while this page is open. {literal(why)}", icon=":material/warning:"
            )
    if len(found) == 2:
        show_comparison(found["first"], found["second"], verdict)
        return
    for side, trace in found.items():
        show(question_html(trace.question))
        show(side_html(side, asked_how(trace)))
        show_answer(trace)
    if any(trace.origin == "application" for trace in found.values()):
        return
    show(
        note_html(
            "Choose what to compare, two backends or one backend with two settings, and put a question. Both sides are asked, one after "
            "the other so that neither takes processor time from the other, and you will see their answers, the chunks that both "
            "retrieved, and each stage's time. Both traces are kept."
        )
    )
