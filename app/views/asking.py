"""How a question is asked: the settings in the sidebar, the box with its examples, and the answer as it comes in."""

from collections.abc import Callable

import streamlit as st

from app.services import Asked, Question, Services
from app.views import text
from pipeline.pipeline import MAX_TOP_K
from pipeline.types import ChunksFound, StageEnded, StageStarted, TokenMade

EXAMPLES = (
    "Who proposed that continents drift?",
    "Why were the first Hubble images out of focus?",
    "How do clouds form?",
    "What is the phone number of the moon?",
)
"""Examples shown while no trace is open."""

DOING = {
    "embed": "Embedding the question …",
    "retrieve": "Looking for chunks …",
    "rerank": "Reranking …",
    "generate": "Writing the answer …",
}


def asking_settings(services: Services) -> Callable[[str], Question]:
    """The settings, in the sidebar and in the address; returns what makes a question of a text."""
    settings = services.settings
    known = services.backend_names()
    installed = [name for name, missing in known.items() if missing is None]
    default = settings.backend_name if settings.backend_name in installed else installed[0]
    with st.sidebar:
        backend = st.selectbox("Backend", installed, index=installed.index(default), key="backend", bind="query-params")
        for missing in known.values():
            if missing is not None:
                st.caption(text.literal(missing))
        top_k = st.number_input(
            "Chunks to retrieve",
            1,
            MAX_TOP_K,
            settings.top_k,
            key="top_k",
            bind="query-params",
            help="More chunks give the answer more to stand on and take longer to read.",
        )
        rerank = st.toggle(
            "Rerank",
            key="rerank",
            bind="query-params",
            help="Compare the question with each retrieved chunk a second time, sentence by sentence.",
        )
        deadline_s = st.number_input(
            "Deadline, seconds",
            0.1,
            900.0,
            float(settings.deadline_s),
            key="deadline_s",
            bind="query-params",
            help="A question that takes longer is ended, and what it found so far is kept.",
        )
    return lambda typed: Question(typed, backend, int(top_k), float(deadline_s), rerank)


def question_box(services: Services) -> str | None:
    """The box and, while no trace is open, its examples; returns a question that was just put, or None."""
    with st.form("ask", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Question",
            key="question",
            placeholder="Ask the corpus a question",
            label_visibility="collapsed",
            autocomplete="off",
            max_chars=None,
        )
        put = st.form_submit_button("Ask", type="primary", icon=":material/arrow_forward:")
    if put:
        return typed
    if not services.settings.builtin_corpus or "trace" in st.query_params:
        return None
    with st.container(horizontal=True, gap="xsmall"):
        for number, example in enumerate(EXAMPLES):
            if st.button(text.literal(example), key=f"example-{number}", on_click=_take, args=(example,), wrap=True):
                return example
    return None


def answer_live(services: Services, question: Question) -> Asked:
    """Ask, and show what is known as it becomes known. Raises RaglassError as `Services.ask` does."""
    place = st.empty()
    with place.container():
        text.show(text.question_html(question.text))
        answer, doing, chunks = st.empty(), st.empty(), st.empty()
        said = ""
        for event in services.ask_events(question):
            match event:
                case StageStarted(stage, _):
                    doing.html(text.note_html(DOING.get(stage, f"{stage} …")))
                case ChunksFound(found):
                    chunks.html(text.chunks_html(found, ()))
                case TokenMade(token):
                    said += token.text
                    answer.html(text.answer_html(said))
                case StageEnded(_):
                    pass
                case Asked():
                    place.empty()
                    return event
    raise AssertionError("ask_events always ends with an outcome")


def _take(example: str) -> None:
    st.session_state["question"] = example
