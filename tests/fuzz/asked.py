"""Targets that a person types into: the question box, and the filter's expressions."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from app.asking.questions import Asking
from app.config import Settings
from app.kit.streaming import InFlight
from backends import registry
from backends.fake import ScriptedBackend
from backends.local.backend import LocalBackend
from metrics.expressions.fields import describe_fields
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.protocols import Backend
from tests.factories import QUESTION, make_failed_trace, make_trace
from tests.fuzz.material import mutated_text
from tests.fuzz.trying import Target, TryOne

QUESTIONS = [
    QUESTION,
    "Wie groß ist der Mond?",
    "大陸漂移說是誰提出的?",
    "من اقترح انجراف القارات؟",
    "e\u0301\u0323? 👩‍👩‍👧 ½",
    "'; DROP TABLE traces; --",
]


def questions() -> st.SearchStrategy[str]:
    """Questions made wrong, words of any script, and long ones."""
    long = st.builds(lambda word, times: word * times, st.text(min_size=1, max_size=6), st.integers(1, 3_000))
    return st.one_of(mutated_text(QUESTIONS), st.text(max_size=120), long)


@contextmanager
def _asking(folder: Path, backend: Backend) -> Iterator[TryOne]:
    settings = Settings(data_dir=folder)
    with TraceStore.open(f"sqlite:///{folder}/traces.sqlite") as store:
        asking = Asking(settings, lambda _: backend, lambda: store, InFlight(), lambda _: None)

        def ask(text: str) -> None:
            asked = asking.ask(asking.question(text))
            assert asked.not_stored is None, asked.not_stored
            kept = store.get(asked.trace.trace_id)
            assert kept is not None
            assert kept.trace == asked.trace
            assert asked.trace.error is None, asked.trace.error
            assert unicodedata.is_normalized("NFC", asked.trace.question)

        yield ask


@contextmanager
def scripted(folder: Path) -> Iterator[TryOne]:
    """The pipeline over stages that do as they are told, with a store."""
    with _asking(folder, ScriptedBackend()) as ask:
        yield ask


@contextmanager
def embedded(folder: Path) -> Iterator[TryOne]:
    """The backend that every installation has, over the built-in corpus."""
    backend = registry.open_backend("local/embedded", Settings(data_dir=folder).backend_config())
    assert isinstance(backend, LocalBackend)
    backend.corpus.build()
    try:
        with _asking(folder, backend) as ask:
            yield ask
    finally:
        backend.close()


def expressions() -> st.SearchStrategy[str]:
    """Expressions that the grammar allows, mostly, and those made wrong."""
    names = st.sampled_from([field.name for field in describe_fields()] + ["stage.generate.ms", "label", "x"])
    verbs = st.sampled_from(["<", "<=", "=", "!=", ">", ">=", "in", "not in", "is", "is not", "~"])
    quoted = st.text(max_size=12).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    words = st.sampled_from(
        ["none", "any", "up", "now-2h", "2026-10-01", "2s", "1e999", "-.5", "yes", "true", "llm", "9" * 30]
    )
    value = st.one_of(
        quoted, words, st.integers().map(str), st.floats().map(str), st.lists(words).map(lambda w: f"({', '.join(w)})")
    )
    claim = st.one_of(
        st.tuples(names, verbs, value).map(" ".join),
        st.tuples(quoted, st.sampled_from(["in", "not in"]), names).map(" ".join),
    )
    whole = st.recursive(
        claim,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join), inner.map("not ({})".format)
        ),
        max_leaves=8,
    )
    known = [
        'latency_ms > 2000 and stage.retrieve.top_score < .8 and "refund" in question',
        "asked_at > now-2h or not tag = 'it'",
    ]
    return st.one_of(whole, whole, mutated_text(known))


@contextmanager
def filtered(folder: Path) -> Iterator[TryOne]:
    """The list of traces under an expression."""
    with TraceStore.open(f"sqlite:///{folder}/traces.sqlite") as store:
        store.put_all([make_trace(), make_failed_trace()])
        yield lambda text: store.page(TraceQuery(expression=text))


QUESTION_BOX = Target(
    "question box, scripted stages, stored",
    (
        "app/asking/questions.py",
        "pipeline/pipeline.py",
        "pipeline/checks.py",
        "pipeline/recording.py",
        "pipeline/deadline.py",
        "metrics/payloads.py",
        "metrics/search.py",
    ),
    questions,
    scripted,
)
QUESTION_EMBEDDED = Target(
    "question box, local/embedded, stored",
    ("app/asking/questions.py", "pipeline/pipeline.py", "pipeline/checks.py", "pipeline/recording.py",
     "backends/local/backend.py", "backends/local/features.py", "backends/local/reader.py",
     "backends/local/lexical.py", "backends/local/nano*.py", "backends/local/spans/*.py"),
    questions,
    embedded,
)  # fmt: skip
EXPRESSION = Target("expression filter, run on a store", ("metrics/expressions/*.py",), expressions, filtered)
