"""What each framework's instrumentation sent of the example in docs/examples is read as that example's question, documents and answer."""

import pytest

from metrics.otlp.assembly import assemble
from metrics.otlp.content import read_content
from pipeline.schema import trace_from_json, trace_to_json
from pipeline.types import Trace
from tests.otlp.recordings import ANSWER, EXAMPLES, RECORDED, STAND_IN, question_spans

TEXTS = {name: text for name, _, text in STAND_IN.DOCUMENTS}
TITLES = {name: title for name, title, _ in STAND_IN.DOCUMENTS}

ALL = sorted(path.name.removesuffix(".pb.gz") for path in RECORDED.glob("*.pb.gz"))
GENAI = [name for name in ALL if name.startswith("genai_")]
NAMES_DOCUMENTS = [name for name in ALL if name not in ("dspy_rag", "genai_dspy_rag", "openllmetry_langchain_rag")]
SENDS_TEXTS = [name for name in ALL if name not in GENAI or name == "genai_openai_rag"]
SENDS_TITLES = [name for name in SENDS_TEXTS if name != "dspy_rag"]
COUNTS_TOKENS = [name for name in ALL if name != "dspy_rag"]
WRITES_FIELDS = ["dspy_rag", "genai_dspy_rag"]
RERANKS = ["haystack_rag", "llama_index_rag"]
EMBEDS = ["genai_openai_rag", "llama_index_rag", "openai_rag"]


def question_trace(name: str) -> Trace:
    return assemble(question_spans(name))


def similarity(text: str) -> float:
    """What the examples' embedding makes of the question and a text."""
    pairs = zip(STAND_IN.embed(STAND_IN.QUESTION), STAND_IN.embed(text), strict=True)
    return float(sum(a * b for a, b in pairs))


def test_every_example_has_its_recording() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*_rag.py")) == ALL


@pytest.mark.parametrize("name", ALL)
def test_question_and_answer_are_what_the_application_was_asked_and_said(name: str) -> None:
    trace = question_trace(name)
    assert trace.question == STAND_IN.QUESTION
    assert trace.generation is not None
    assert trace.generation.answer == ANSWER
    assert trace.error is None


@pytest.mark.parametrize("name", ALL)
def test_model_saw_the_prompt_that_is_kept(name: str) -> None:
    trace = question_trace(name)
    assert trace.generation is not None
    assert trace.generation.prompt is not None
    assert trace.settings["generator"] == "stand-in"
    assert STAND_IN.QUESTION in trace.generation.prompt
    assert all(TEXTS[chunk] in trace.generation.prompt for chunk in ("refunds", "cards"))
    assert trace.generation.used_chunk_ids == tuple(chunk.chunk_id for chunk in trace.chunks)


@pytest.mark.parametrize("name", COUNTS_TOKENS)
def test_tokens_are_those_that_the_model_counted(name: str) -> None:
    generation = question_trace(name).generation
    assert generation is not None
    assert generation.prompt is not None
    # The stand-in counts words: of the prompt all but the two roles, of the answer eight, and of DSPy's fields all.
    written = 27 if name in WRITES_FIELDS else 8
    assert (generation.prompt_tokens, generation.completion_tokens) == (len(generation.prompt.split()) - 2, written)


@pytest.mark.parametrize("name", NAMES_DOCUMENTS)
def test_documents_have_the_ids_that_the_application_gave_them(name: str) -> None:
    assert {chunk.chunk_id for chunk in question_trace(name).chunks} == {"refunds", "cards"}


@pytest.mark.parametrize("name", SENDS_TEXTS)
def test_documents_have_their_texts(name: str) -> None:
    assert {chunk.text for chunk in question_trace(name).chunks} == {TEXTS["refunds"], TEXTS["cards"]}


@pytest.mark.parametrize("name", SENDS_TITLES)
def test_documents_have_their_titles(name: str) -> None:
    named = {chunk.title: chunk.text for chunk in question_trace(name).chunks}
    assert named == {TITLES[document]: TEXTS[document] for document in ("refunds", "cards")}


@pytest.mark.parametrize(
    ("name", "as_embedded"),
    [
        ("openai_rag", "{text}"),
        ("genai_openai_rag", "{text}"),
        ("llama_index_rag", "title: {title}\n\n{text}"),
        ("genai_llama_index_rag", "title: {title}\n\n{text}"),
    ],
)
def test_scores_are_the_retrievers(name: str, as_embedded: str) -> None:
    chunks = question_trace(name).chunks
    assert len(chunks) == 2
    texts = {name: as_embedded.format(title=TITLES[name], text=TEXTS[name]) for name in TEXTS}
    assert {c.chunk_id: c.score for c in chunks} == pytest.approx(
        {c.chunk_id: similarity(texts[c.chunk_id]) for c in chunks}
    )


@pytest.mark.parametrize("name", ["langchain_rag", "genai_langchain_rag", "openllmetry_langchain_rag", *WRITES_FIELDS])
def test_score_that_was_not_sent_is_none(name: str) -> None:
    assert [chunk.score for chunk in question_trace(name).chunks] == [None, None]


@pytest.mark.parametrize("name", RERANKS)
def test_order_before_the_reranker_is_kept_beside_the_one_after(name: str) -> None:
    trace = question_trace(name)
    before = [chunk.score for chunk in trace.retrieved if chunk.score is not None]
    after = [chunk.signals["rerank"] for chunk in trace.chunks]
    assert len(before) == len(trace.retrieved) > len(after) == 2
    assert before == sorted(before, reverse=True)
    assert after == sorted(after, reverse=True)
    scores = {chunk.chunk_id: chunk.score for chunk in trace.retrieved}
    assert [chunk.score for chunk in trace.chunks] == [scores[chunk.chunk_id] for chunk in trace.chunks]
    assert [chunk.chunk_id for chunk in trace.chunks] != [chunk.chunk_id for chunk in trace.retrieved[:2]]


@pytest.mark.parametrize("name", ALL)
def test_each_stage_is_told_once(name: str) -> None:
    stages = sorted(span.stage for span in question_trace(name).spans if span.stage)
    expected = {
        "retrieve",
        "generate",
        *(["rerank"] if name in RERANKS else []),
        *(["embed"] if name in EMBEDS else []),
    }
    assert stages == sorted(expected)


@pytest.mark.parametrize("name", ALL)
def test_times_are_the_spans_own(name: str) -> None:
    spans = question_spans(name)
    trace = assemble(spans)
    [root] = (span for span in spans if not span.parent_id)
    assert trace.asked_at == pytest.approx(root.start_ns / 1e9, abs=2e-6)
    assert trace.duration_ms == (root.end_ns - root.start_ns) / 1e6
    sent = {span.span_id: span for span in spans}
    assert {span.span_id for span in trace.spans} == sent.keys()
    for span in trace.spans:
        record = sent[span.span_id]
        assert trace.asked_at * 1e3 + span.start_ms == pytest.approx(record.start_ns / 1e6, abs=2e-3)
        assert span.duration_ms == (record.end_ns - record.start_ns) / 1e6
        assert record.attributes.items() <= span.attributes.items()


@pytest.mark.parametrize("name", [name for name in ALL if name.endswith(("langchain_rag", "openai_rag"))])
def test_session_is_the_conversation_that_the_application_named(name: str) -> None:
    assert question_trace(name).session == "example"


@pytest.mark.parametrize("name", ALL)
def test_backend_and_service_are_the_application(name: str) -> None:
    trace = question_trace(name)
    service = {"openllmetry_langchain_rag": "openllmetry-rag", "genai_langchain_rag": "genai-rag"}.get(
        name, name.replace("_", "-")
    )
    assert (trace.backend, trace.service, trace.origin) == (f"otlp/{service}", service, "application")


@pytest.mark.parametrize(
    ("name", "convention"),
    [
        (name, {"genai": "gen_ai", "openllmetry": "openllmetry"}.get(name.split("_")[0], "openinference"))
        for name in ALL
    ],
)
def test_convention_is_known_from_every_span_but_the_applications_own(name: str, convention: str) -> None:
    found = {read_content(span.attributes).convention for span in question_spans(name) if span.name != "ask"}
    assert found == {convention}


@pytest.mark.parametrize("name", ALL)
def test_recorded_trace_is_kept_whole_by_the_schema(name: str) -> None:
    trace = question_trace(name)
    assert trace_from_json(trace_to_json(trace)) == trace
