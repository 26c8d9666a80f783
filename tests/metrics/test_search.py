"""Search takes its text literally, in any case, wherever it stands."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.queries import TraceQuery
from metrics.search import MAX_REST_CHARS, gather_rest
from metrics.store import TraceStore
from pipeline.schema import trace_to_dict
from pipeline.spans import Failure, Span
from tests.factories import make_chunk, make_generation, make_trace

TEXTS = {
    "question": "What is (a|b)* in a regex? C:\\path\\100%",
    "percent": "100 % of it_self; 'quoted' and \"double\"",
    "case": "ÜBER Straße, ΑΘΗΝΑ and İstanbul",
    "emoji": "a rock 🪨 and a map 🗺️",
    "asian": "大陸移動説を唱えたのは誰ですか",
    "nul": "before\0after",
    "fts": 'NEAR(one two) AND "x" OR y* -z ^w col:v',
    "short": "zq",
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> TraceStore:
    """A SQLite store that holds TEXTS as questions."""
    with TraceStore.open(f"sqlite:///{tmp_path_factory.mktemp('search') / 'traces.sqlite'}") as store:
        fill(store)
        yield store


def fill(store: TraceStore) -> None:
    for name, text in TEXTS.items():
        store.put(make_trace(question=text, generation=None, backend=name))


def found(store: TraceStore, search: str) -> set[str]:
    page = store.page(TraceQuery(search=search))
    assert page.matched.value == len(page.rows)
    return {row.backend for row in page.rows}


CASES = [
    ("what is (a", {"question"}),
    ("(a|b)*", {"question"}),
    ("100%", {"question"}),
    ("100 %", {"percent"}),
    ("%", {"question", "percent"}),
    ("_", {"percent"}),
    ("t_s", {"percent"}),
    ("tXs", set()),
    ("\\path\\1", {"question"}),
    ("'quoted'", {"percent"}),
    ('"double"', {"percent"}),
    ("über STRASSE", {"case"}),
    ("αθηνα", {"case"}),
    ("🪨", {"emoji"}),
    ("🗺️", {"emoji"}),
    ("🌍", set()),
    ("大陸", {"asian"}),
    ("か", {"asian"}),
    ("移動説を唱", {"asian"}),
    ("before\0after", {"nul"}),
    ("\0", {"nul"}),
    ("near(one two) and", {"fts"}),
    ('" OR', {"fts"}),
    ("y* -z", {"fts"}),
    ("col:v", {"fts"}),
    (":v", {"fts"}),
    ("zq", {"short"}),
    ("ZQ", {"short"}),
    ("q", {"short", "percent"}),
    ("zqx", set()),
    ("zq ", set()),
    ("; DROP TABLE traces", set()),
    (".*", set()),
]


@pytest.mark.parametrize(("search", "expected"), CASES)
def test_search_is_literal_and_in_any_case(texts: TraceStore, search: str, expected: set[str]) -> None:
    assert found(texts, search) == expected


@pytest.mark.slow
def test_search_finds_the_same_on_every_database(store: TraceStore) -> None:
    fill(store)
    assert {search: found(store, search) for search, _ in CASES} == dict(CASES)


def test_search_looks_into_answers_and_notes_but_not_across(store: TraceStore) -> None:
    trace = make_trace(question="the question ends", generation=make_generation("begins the answer"))
    store.put(trace)
    store.annotate(trace.trace_id, 0, "a remark of mine")
    for text in ("question ends", "begins the", "REMARK"):
        assert store.page(TraceQuery(search=text)).matched.value == 1, text
    for text in ("ends begins", "ends\x1fbegins", "answera remark"):
        assert store.page(TraceQuery(search=text)).matched.value == 0, text


def test_search_forgets_a_note_that_was_replaced(store: TraceStore) -> None:
    trace = make_trace()
    store.put(trace)
    store.annotate(trace.trace_id, 1, "first thought")
    store.annotate(trace.trace_id, 1, "better idea")
    assert store.page(TraceQuery(search="first thought")).matched.value == 0
    assert store.page(TraceQuery(search="better idea")).matched.value == 1


def test_search_sees_what_was_put_a_moment_ago(store: TraceStore) -> None:
    store.put(make_trace(question="a brand new question"))
    assert store.page(TraceQuery(search="brand new")).matched.value == 1


def test_search_looks_into_all_that_another_application_sent(store: TraceStore) -> None:
    span = Span("", 0.0, 1.0, {"input.value": "what went in", "n": 3}, span_id="a" * 16, name="Sequence Runner")
    failed = Span("generate", 0.0, 1.0, {}, Failure("Oops", "quota used up"), span_id="b" * 16)
    store.put(
        make_trace(
            origin="application",
            spans=(span, failed),
            tags=("refund desk",),
            chunks=(make_chunk(title="Tariffs", text="Parcels to Lisbon"),),
            retrieved=(make_chunk(text="Letters to Porto"),),
            generation=make_generation("Yes.", prompt="You are a helpful clerk"),
        )
    )
    sent = "WENT IN", "sequence r", "quota", "refund", "tariffs", "to lisbon", "to porto", "helpful clerk"
    assert [text for text in sent if store.page(TraceQuery(search=text)).matched.value != 1] == []


def test_search_does_not_look_into_the_corpus_through_our_own_traces(store: TraceStore) -> None:
    store.put(make_trace(chunks=(make_chunk(text="Parcels to Lisbon"),)))
    assert store.page(TraceQuery(search="parcels")).matched.value == 0


def test_what_is_searched_of_another_application_is_bounded_and_holds_each_text_once() -> None:
    names = [f"{letter} {'x' * 2_000}" for letter in string.ascii_letters]
    spans = [Span("", 0.0, 1.0, {"input.value": name}, span_id=name, name=name) for name in names]
    gathered = gather_rest(trace_to_dict(make_trace(origin="application", spans=tuple(spans))))
    assert 7_000 < len(gathered) <= MAX_REST_CHARS
    assert gathered.count("a x") == 1


def test_a_blank_search_matches_all_and_a_space_is_text(store: TraceStore) -> None:
    store.put(make_trace(question="one", generation=None))
    store.put(make_trace(question="one two", generation=None))
    assert store.page(TraceQuery(search="")).matched.value == 2
    assert store.page(TraceQuery(search=" ")).matched.value == 1


ALPHABET = string.ascii_letters + "éß %_\\\"'*(🪨"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_search_agrees_with_python(sample: tuple[TraceStore, list[str]], data: st.DataObject) -> None:
    store, questions = sample
    text = data.draw(
        st.one_of(st.text(ALPHABET, min_size=1, max_size=5), st.sampled_from(questions).map(lambda q: q[2:6]))
    )
    expected = sorted(question for question in questions if text.casefold() in question.casefold())
    rows = store.page(TraceQuery(search=text), limit=1_000).rows
    assert sorted(row.question for row in rows) == (expected if text else sorted(questions))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[TraceStore, list[str]]:
    """A SQLite store of 60 short questions over a small alphabet."""
    folder: Path = tmp_path_factory.mktemp("sample")
    questions = [
        "".join(ALPHABET[(place * 7 + step * step) % len(ALPHABET)] for step in range(12)) for place in range(60)
    ]
    with TraceStore.open(f"sqlite:///{folder / 'traces.sqlite'}") as store:
        for question in questions:
            store.put(make_trace(question=question, generation=None))
        yield store, questions
