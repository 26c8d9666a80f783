"""How a question is asked: the settings in the sidebar, the box with its examples, and the answer as it comes in."""

from collections.abc import Callable, Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.asking.questions import Asked, Question
from app.services import Services
from app.views.kit import address, state
from app.views.kit.html import note_html, show
from app.views.kit.markdown import literal, message
from app.views.traces.html import answer_html, chunks_html, question_html
from app.views.traces.recent import choose_recent
from backends.registry import may_be_prompted
from pipeline.checks import MAX_TOP_K
from pipeline.errors import StoreError
from pipeline.prompts import PromptTemplate
from pipeline.types import ChunksFound, StageEnded, StageStarted, TokenMade

EXAMPLES = (
    "Who proposed that continents drift?",
    "Why were the first Hubble images out of focus?",
    "How do clouds form?",
    "What is the phone number of the moon?",
)
"""Examples shown while no trace is open."""

MIN_DEADLINE_S, MAX_DEADLINE_S = 0.1, 900.0

DOING = {
    "network": "Asking the stack …",
    "gateway": "Reading its reply …",
    "embed": "Embedding the question …",
    "retrieve": "Looking for chunks …",
    "rerank": "Reranking …",
    "generate": "Writing the answer …",
}


ADDRESS = ("trace", "span", "backend", "top_k", "rerank", "prompt", "deadline_s")
"""Names in the address of the Ask page."""


def follow_old_address() -> None:
    """Lead a link of the time when Ask was the first page to where Ask is now."""
    asked = st.query_params.to_dict()
    if address.is_first_page() and any(name in asked for name in ADDRESS):
        st.switch_page("../pages/ask.py", query_params=asked)


def asking_settings(services: Services) -> Callable[[str], Question]:
    """The settings, in the sidebar and in the address; returns what makes a question of a text."""
    settings, backends, saved = services.settings, services.backends.usable(), saved_prompts(services)
    write = address.follow(
        "ask",
        {
            "backend": address.choice(backends, usual_backend(services, backends)),
            "top_k": address.number(settings.top_k, 1, MAX_TOP_K),
            "rerank": address.flag(),
            "prompt": address.choice(["", *saved], ""),
            "deadline_s": address.number(float(settings.deadline_s), MIN_DEADLINE_S, MAX_DEADLINE_S),
        },
    )
    with st.sidebar:
        backend = choose_backend(services, backends, write)
        top_k = st.number_input(
            "Chunks to retrieve",
            1,
            MAX_TOP_K,
            key="top_k",
            on_change=write,
            help="More chunks give the answer more to stand on and take longer to read.",
        )
        rerank = st.toggle(
            "Rerank",
            key="rerank",
            on_change=write,
            help="Compare the question with each retrieved chunk a second time, sentence by sentence.",
        )
        deadline_s = st.number_input(
            "Deadline, seconds",
            MIN_DEADLINE_S,
            MAX_DEADLINE_S,
            key="deadline_s",
            on_change=write,
            help="A question that takes longer is ended, and what it found so far is kept.",
        )
        prompt = choose_prompt("Prompt", "prompt", backend, saved, write)
    _say_if_behind(services, backend)
    return lambda typed: Question(typed, backend, int(top_k), float(deadline_s), rerank, prompt)


def saved_prompts(services: Services) -> dict[str, PromptTemplate]:
    """The newest version of each saved prompt, by name; none where the store cannot be read."""
    try:
        return {each.prompt.name: each.prompt for each in services.store.prompts.newest()}
    except StoreError:
        return {}


def choose_prompt(
    label: str, key: str, backend: str, saved: Mapping[str, PromptTemplate], write: address.Write | None
) -> PromptTemplate | None:
    """One of the saved prompts, for a backend that may take one; None for what it tells its generator usually, and where none is saved."""
    if not saved:
        return None
    may = may_be_prompted(backend)
    chosen = st.selectbox(
        label,
        ["", *saved],
        key=key,
        on_change=write,
        format_func=lambda name: literal(name or "usual"),
        disabled=not may,
        help="What the generator is told."
        if may
        else f"The generator of {literal(backend)} is told nothing from here.",
    )
    return saved.get(chosen or "") if may else None


def _say_if_behind(services: Services, backend: str) -> None:
    """A line above the question box where documents changed since the index was built, with the way to where it is built."""
    if services.backends.is_stale(backend):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="behind"):
            show(note_html("Documents changed since the index was built."))
            st.page_link("../pages/corpus.py", label="Index now on Corpus", icon=":material/update:")


def usual_backend(services: Services, backends: list[str]) -> str:
    """The backend that the settings name, or the first that is installed."""
    return services.settings.backend_name if services.settings.backend_name in backends else backends[0]


def choose_backend(services: Services, backends: list[str], write: address.Write) -> str:
    """The backends that can be used here; what the others need stands behind the "?"."""
    missing = [message(words) for words in services.backends.names().values() if words is not None]
    chosen = st.selectbox("Backend", backends, key="backend", on_change=write, help="\n\n".join(missing) or None)
    return chosen or backends[0]


def say_what_is_missing(services: Services) -> None:
    """A line for every backend that cannot be used here: why, and what to do."""
    for missing in services.backends.names().values():
        if missing is not None:
            st.caption(message(missing))


def question_box(services: Services, trace_id: str | None) -> str | None:
    """The box and, while no trace is open, its examples; returns a question that was just put, or None."""
    _follow_trace(trace_id)
    handed = state.take_question()
    if handed is not None:
        st.session_state["question"] = handed
    typed = box_with_examples(
        "question", "Ask", with_examples=services.settings.builtin_corpus and trace_id is None and handed is None
    )
    choose_recent(_open_recent)
    return typed if handed is None else handed


def box_with_examples(key: str, action: str, *, with_examples: bool) -> str | None:
    """A box for a question, whose text is the state's `key`; returns a question that was just put, or an example, or None.

    action: what the button says.
    """
    with st.form(f"{key}-form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Question",
            key=key,
            placeholder="Ask the corpus a question",
            label_visibility="collapsed",
            autocomplete="off",
            max_chars=None,
        )
        put = st.form_submit_button(action, type="primary", icon=":material/arrow_forward:")
    if put:
        return typed
    if not with_examples:
        return None
    with st.container(horizontal=True, gap="xsmall"):
        for number, example in enumerate(EXAMPLES):
            name = f"{key}-example-{number}"
            if st.button(literal(example), key=name, on_click=_take, args=(key, example), wrap=True):
                return example
    return None


def answer_live(services: Services, question: Question, place: DeltaGenerator) -> Asked:
    """Ask, and show in `place` what is known as it becomes known; empty it then. Raises RaglassError as `Asking.ask` does."""
    with place.container():
        show(question_html(question.text))
        answer, doing, chunks = st.empty(), st.empty(), st.empty()
        said = ""
        for event in services.asking.ask_events(question):
            match event:
                case StageStarted(stage, _):
                    show(note_html(DOING.get(stage, f"{stage} …")), doing)
                case ChunksFound(found):
                    show(chunks_html(found, ()), chunks)
                case TokenMade(token):
                    said += token.text
                    show(answer_html(said), answer)
                case StageEnded(_):
                    pass
                case Asked():
                    place.empty()
                    return event
    raise AssertionError("ask_events always ends with an outcome")


def _follow_trace(trace_id: str | None) -> None:
    """Show in the box the question of the trace that the address names, after back, forward or a reload."""
    # Elsewhere in the dashboard, the box was forgotten.
    if trace_id == state.trace_in_box() and "question" in st.session_state:
        return
    found = state.find_trace(trace_id) if trace_id else None
    st.session_state["question"] = found[0].question if found else ""
    state.note_trace_in_box(trace_id)


def _open_recent(trace_id: str) -> None:
    st.query_params.pop("span", None)
    st.query_params["trace"] = trace_id


def _take(key: str, example: str) -> None:
    st.session_state[key] = example
