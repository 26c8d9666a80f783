"""The playground below a trace: its chunks, its prompt and the backend, to change and to ask again with; and what that did.

A fragment of the page: what is changed here draws nothing else anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from app.asking.prompts import save_prompt
from app.comparing.comparison import compare
from app.explaining.words import level_text
from app.kit.difference import MARKED, differ
from app.kit.numbers import count, milliseconds
from app.kit.plain import one_line, shortened
from app.permitting.roles import Role
from app.services import Services
from app.traces.playground import Attempt, Draft, Scores, drafts_of, explain_failure
from app.views.kit import state
from app.views.kit.html import note_html, show, table_html
from app.views.kit.layout import backstage
from app.views.kit.markdown import literal, message
from app.views.kit.visitor import only
from app.views.traces.html import answers_html
from backends.registry import may_be_prompted
from pipeline.errors import InputError, RaglassError
from pipeline.prompts import DEFAULT, PromptTemplate, prompt_of, recorded_prompt
from pipeline.types import Trace

AS_ASKED, USUAL = "as this trace was asked", "the usual prompt"
"""Texts to begin a prompt from, beside the saved ones."""

CHANGED = "changed"
"""What a prompt is called that a person changed and has not saved."""

TITLE_CHARS = 70
"""Of a chunk's title, on its line."""


@dataclass(slots=True)
class _Board:
    """What a person has laid out, for one trace, while the page is open."""

    drafts: list[Draft]
    """The chunks, in order."""
    keys: list[int]
    """What tells their widgets apart, whatever their order."""
    outcome: tuple[Trace, str | None] | None = None
    """The last attempt's trace, and why it could not be stored."""
    problem: str = ""
    """What kept the last attempt from being made."""
    scores: Scores | str | None = field(default=None)
    """Of the last attempt; a text says why there are none."""


def show_playground(trace: Trace) -> None:
    """An expander with all of it, drawn once it is opened. Nothing for a trace without a question."""
    if not trace.question.strip():
        return
    board = backstage("playground").expander(
        "Change something and ask again", on_change="rerun", key=f"play-{trace.trace_id}"
    )
    if board.open:
        with board:
            _show(trace)


@st.fragment
def _show(trace: Trace) -> None:
    services = state.services()
    board: _Board = st.session_state.setdefault(f"board-{trace.trace_id}", _new_board(trace))
    show(note_html("Nothing is retrieved again: the answer is written over the chunks below, in this order."))
    usable = services.backends.usable()
    usual = trace.backend if trace.backend in usable else services.settings.backend_name
    place = usable.index(usual) if usual in usable else 0
    backend = st.selectbox("Answered by", usable, index=place, key=f"play-backend-{trace.trace_id}")
    _show_chunks(trace, board)
    text = _show_prompt(services, trace, backend)
    with st.container(horizontal=True):
        if st.button("Ask again", type="primary", icon=":material/refresh:", key=f"play-ask-{trace.trace_id}"):
            with st.spinner("Writing the answer …"):
                _ask(services, trace, board, backend, text)
        st.button("As it was", key=f"play-reset-{trace.trace_id}", on_click=_reset, args=(trace,))
    if board.problem:
        st.error(message(board.problem), icon=":material/error:")
    if board.outcome is not None:
        _show_outcome(services, trace, board, board.outcome)


def _new_board(trace: Trace) -> _Board:
    drafts = drafts_of(trace)
    return _Board(drafts, list(range(len(drafts))))


def _reset(trace: Trace) -> None:
    for key in [key for key in st.session_state if str(key).startswith("play-") and trace.trace_id in str(key)]:
        if key != f"play-{trace.trace_id}":
            del st.session_state[key]
    st.session_state[f"board-{trace.trace_id}"] = _new_board(trace)


def _show_chunks(trace: Trace, board: _Board) -> None:
    for place, (key, draft) in enumerate(zip(board.keys, board.drafts, strict=True)):
        board.drafts[place] = _show_draft(trace, board, place, f"{key}-{trace.trace_id}", draft)
    st.button("Add a chunk", icon=":material/add:", key=f"play-add-{trace.trace_id}", on_click=_add, args=(board,))


def _show_draft(trace: Trace, board: _Board, place: int, key: str, draft: Draft) -> Draft:
    name = shortened(one_line(draft.title or draft.text), TITLE_CHARS) or "written by you: press the pencil"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        used = st.checkbox(literal(f"{place + 1}. {name}"), draft.used, key=f"play-use-{key}", width="stretch")
        with st.popover("", icon=":material/edit:", key=f"play-text-{key}", help=f"Edit chunk {place + 1}"):
            title = st.text_input("Title", draft.title, key=f"play-title-{key}", max_chars=300)
            text = st.text_area("Text", draft.text, key=f"play-words-{key}", height=200)
        for icon, step, words in (("arrow_upward", -1, "up"), ("arrow_downward", 1, "down")):
            st.button(
                "",
                icon=f":material/{icon}:",
                key=f"play-{words}-{key}",
                help=f"Move chunk {place + 1} {words}",
                disabled=not 0 <= place + step < len(board.drafts),
                on_click=_move,
                args=(board, place, step),
            )
    return Draft(title, text, draft.origin, used)


def _move(board: _Board, place: int, step: int) -> None:
    board.drafts.insert(place + step, board.drafts.pop(place))
    board.keys.insert(place + step, board.keys.pop(place))


def _add(board: _Board) -> None:
    board.drafts.append(Draft("", ""))
    board.keys.append(max(board.keys, default=-1) + 1)


def _show_prompt(services: Services, trace: Trace, backend: str) -> PromptTemplate | str | None:
    """The box with the prompt: the template that it holds, its words where they are none, and None where a backend takes none."""
    if not may_be_prompted(backend):
        show(note_html(f"The generator of {backend} is told nothing from here: it reads question and chunks alone."))
        return None
    known = _known_prompts(services, trace)
    begin, words = f"play-begin-{trace.trace_id}", f"play-prompt-{trace.trace_id}"

    def take() -> None:
        st.session_state[words] = known[st.session_state[begin]].text

    chosen = st.selectbox("Prompt, beginning from", list(known), key=begin, on_change=take, format_func=literal)
    st.session_state.setdefault(words, known[chosen].text)
    text = st.text_area(
        "What the generator is told",
        key=words,
        height=160,
        help="{question} stands in it once, {context} once or not at all.",
    )
    if text == known[chosen].text:
        return known[chosen]
    return text


def _known_prompts(services: Services, trace: Trace) -> dict[str, PromptTemplate]:
    """Prompts to begin from, by what they are called."""
    found: dict[str, PromptTemplate] = {}
    try:
        own = recorded_prompt(trace.settings)
        if own is not None and own != DEFAULT:
            found[f"{AS_ASKED}: {own.version}"] = own
    except InputError:
        pass
    found[USUAL] = DEFAULT
    return found | {each.prompt.name: each.prompt for each in services.store.prompts.newest()}


def _ask(services: Services, trace: Trace, board: _Board, backend: str, told: PromptTemplate | str | None) -> None:
    board.problem, board.outcome, board.scores = "", None, None
    try:
        prompt = PromptTemplate(CHANGED, told) if isinstance(told, str) else told
        if prompt == DEFAULT and prompt_of(services.backends.open(backend)) is None:
            prompt = None  # one that reads none, as was not known before it was opened
        board.outcome = services.playground.ask(trace, Attempt(backend, tuple(board.drafts), prompt))
    except RaglassError as error:
        board.problem = str(error)
        return
    made, not_stored = board.outcome
    if not_stored is not None:
        state.remember_unstored(made, not_stored)
    try:
        board.scores = services.playground.score(trace, made)
    except RaglassError as error:
        board.scores = explain_failure(error)


def _show_outcome(services: Services, trace: Trace, board: _Board, outcome: tuple[Trace, str | None]) -> None:
    made, not_stored = outcome
    st.header("What that did", anchor=False)
    if made.error is not None:
        st.error(f"**{made.error.kind}**: {literal(made.error.message)}", icon=":material/error:")
    before, now = ("" if each.generation is None else each.generation.answer for each in (trace, made))
    found = differ(before, now)
    compared = compare(trace, made)
    st.markdown(
        f"**{literal(compared.outcome)}; {len(compared.shared)} of {count(len(compared.matches), 'chunk')} in both.**"
    )
    show(answers_html(before, now, found))
    if found.any:
        show(note_html(MARKED))
    show(note_html(f"Written by {made.backend} in {milliseconds(made.duration_ms)}."))
    _show_scores(board.scores)
    if not_stored is not None:
        st.warning(message(not_stored), icon=":material/warning:")
    else:
        with st.container(horizontal=True):
            st.page_link(
                "../pages/traces.py",
                label="The new trace",
                icon=":material/link:",
                query_params={"trace": made.trace_id},
            )
            st.page_link(
                "../pages/traces.py",
                label="Both side by side",
                icon=":material/compare_arrows:",
                query_params={"trace": trace.trace_id, "with": made.trace_id},
            )
    _show_saving(services, trace, made)


def _show_scores(scores: Scores | str | None) -> None:
    if isinstance(scores, str):
        show(note_html(scores))
        return
    if scores is None:
        return
    rows: Sequence[tuple[str, float, float]] = (
        ("the earlier answer", scores.before_then, scores.before_now),
        ("the new answer", scores.now_then, scores.now_now),
    )
    show(
        table_html(
            ("log p of the answer, nats", "over what was read then", "over what is read now"),
            [(name, level_text(then), level_text(now)) for name, then, now in rows],
            "playground-scores",
        )
    )
    show(
        note_html(
            "All four by the generator that wrote the new answer. Compare along a row: how much more, or less, probable the change made "
            "that answer. Longer answers are less probable."
        )
    )


def _show_saving(services: Services, trace: Trace, made: Trace) -> None:
    """Saving the prompt of the attempt, and running a dataset with it."""
    prompt = recorded_prompt(made.settings)
    if prompt is None:
        return
    saved = next((each for each in services.store.prompts.all() if each.prompt.text == prompt.text), None)
    if prompt != DEFAULT and saved is None:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                "Save this prompt as",
                "" if prompt.name == CHANGED else prompt.name,
                key=f"play-name-{trace.trace_id}",
                placeholder="name",
                width=260,
            )
            pressed = st.button(
                "Save as version", icon=":material/save:", key=f"play-save-{trace.trace_id}", **only(Role.EDITOR)
            )
        if not pressed:
            return
        try:
            saved = save_prompt(services.store.prompts, PromptTemplate(name.strip(), prompt.text))
        except RaglassError as error:
            st.error(message(str(error)), icon=":material/error:")
            return
        st.success(message(f"{saved.prompt.version} is version {saved.number} of {saved.prompt.name}."))
    st.page_link(
        "../pages/runs.py",
        label="Run a dataset with this prompt",
        icon=":material/checklist:",
        query_params={"backend": made.backend, **({} if saved is None else {"prompt": saved.prompt.version})},
    )
