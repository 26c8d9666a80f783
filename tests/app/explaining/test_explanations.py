"""What can be asked about a trace, and what of it is kept with the trace."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.services import Services
from backends.fake import CHUNKS, Script, ScriptedBackend
from explain.diagnosis import Failure
from explain.gold import Gold
from metrics.store import TraceStore
from pipeline.errors import StoreError, Throttled, Unavailable
from pipeline.prompts import DEFAULT, PromptTemplate
from pipeline.types import AnswerScores, Chunk, Trace

Make = Callable[..., Services]


def asked(services: Services, top_k: int = 5) -> Trace:
    return services.asking.ask(replace(services.asking.question("Who?"), top_k=top_k)).trace


def explained(services: Services, trace: Trace, unit="chunks"):
    *_, found = services.explanations.explain(trace, unit)
    return found


def test_what_was_scored_is_read_from_the_store_and_not_scored_again(make_services: Make) -> None:
    script = Script()
    services = make_services(script)
    trace = asked(services)
    first = explained(services, trace)
    assert set(services.store.explanations(trace.trace_id)) == {"lattice", "distractors"}
    script.failures["score"] = Throttled("Nothing may be scored now.")
    again = explained(services, trace)
    assert again.shapley_nats == pytest.approx(first.shapley_nats, abs=1e-5)
    assert again.distractor_nats == pytest.approx(first.distractor_nats)


def test_what_was_scored_before_it_was_stopped_is_kept_and_gone_on_with(make_services: Make) -> None:
    services = make_services(Script())
    trace = asked(services)
    steps = services.explanations.explain(trace)
    assert next(steps).scored == (8, 32)
    steps.close()
    assert next(services.explanations.explain(trace)).scored == (16, 32)


def test_more_than_five_chunks_and_sentences_are_explained_by_ablation(make_services: Make) -> None:
    many = [
        *CHUNKS,
        *(Chunk(f"chunk-{n}", f"document-{n}", f"Document {n}", f"More of {n}. And more.", 0.5, n) for n in (6, 7)),
    ]
    services = make_services(Script(chunks=many))
    trace = asked(services, 7)
    by_chunk = explained(services, trace)
    assert (by_chunk.unit, by_chunk.complete, len(by_chunk.sources)) == ("chunks", True, 7)
    by_sentence = explained(services, trace, "sentences")
    assert len(by_sentence.sources) == 9
    assert {"chunks", "sentences"} <= set(services.store.explanations(trace.trace_id))


def test_store_that_cannot_be_used_costs_only_the_scores(
    make_services: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    services = make_services(Script())
    trace = asked(services)
    monkeypatch.setattr(TraceStore, "keep_explanation", fail)
    monkeypatch.setattr(TraceStore, "explanations", fail)
    assert explained(services, trace).complete
    assert "could not be kept: The disk is full." in caplog.text


def test_what_is_kept_but_damaged_is_scored_again(make_services: Make) -> None:
    services = make_services(Script())
    trace = asked(services)
    services.store.keep_explanation(trace.trace_id, "lattice", {"chunk_ids": 3})
    services.store.keep_explanation(trace.trace_id, "distractors", {"logprobs_nats": "x"})
    assert explained(services, trace).complete


def test_another_generator_than_the_one_that_answered_cannot_speak_for_it(make_services: Make) -> None:
    services = make_services(Script())
    trace = replace(asked(services), settings={"generator": "google/flan-t5-base"})
    backend = services.backends.open("fake")
    backend.generator = type("Other", (), {"name": "other"})()
    with pytest.raises(Unavailable, match="google/flan-t5-base gave this answer; the backend fake now has other"):
        explained(services, trace)


def test_answer_is_explained_with_the_prompt_that_it_was_given_with(
    make_services: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(Script(prompt=DEFAULT))
    short = PromptTemplate("short", "{context} {question}")
    trace = services.asking.ask(replace(services.asking.question("Who?"), prompt=short)).trace
    scored_with = []
    score = ScriptedBackend.score_answer

    def note(self: ScriptedBackend, *given: Any) -> AnswerScores:
        scored_with.append(self.prompt)
        return score(self, *given)

    monkeypatch.setattr(ScriptedBackend, "score_answer", note)
    assert explained(services, trace).complete
    assert set(scored_with) == {short}
    unknown = replace(trace, settings={**trace.settings, "prompt_text": "{question}"})
    with pytest.raises(Unavailable, match="cannot be told it again"):
        explained(services, unknown)


def test_wrong_answer_is_diagnosed_on_the_backend_that_gave_it(make_services: Make) -> None:
    services = make_services(Script())
    found = explained(services, asked(services))
    *_, diagnosed = services.explanations.diagnose(found, Gold(("Oslo",)))
    assert "none was found to try" in diagnosed.sentence
    *_, empty = services.explanations.diagnose(found, Gold(()))
    assert empty.diagnosis.label is Failure.UNANSWERABLE_ANSWERED
    *_, right = services.explanations.diagnose(found, Gold(("script",)))
    assert right.correct


def test_diagnosis_is_read_again_as_it_was_made(make_services: Make) -> None:
    services = make_services(Script())
    trace = asked(services)
    found = explained(services, trace)
    assert services.explanations.diagnosis_of(trace.trace_id) is None
    for gold in (
        Gold(("Oslo",), "Document 1"),
        Gold(()),
        Gold((), "Document 9", document_only=True),
        Gold(("script",)),
    ):
        *_, diagnosed = services.explanations.diagnose(found, gold)
        assert services.explanations.diagnosis_of(trace.trace_id) == diagnosed
        assert diagnosed.sentence
    assert explained(services, trace).complete  # a diagnosis is not taken for scores


def test_diagnosis_that_cannot_be_read_is_none_and_logged(
    make_services: Make, caplog: pytest.LogCaptureFixture
) -> None:
    services = make_services(Script())
    trace = asked(services)
    for damaged in ({}, {"gold": 3}, {"gold": {"answers": None}}):
        services.store.keep_explanation(trace.trace_id, "diagnosis", damaged)
        caplog.clear()
        assert services.explanations.diagnosis_of(trace.trace_id) is None
        assert "cannot be read" in caplog.text


def test_answers_are_drawn_and_a_backend_without_an_inside_says_what_has_one(make_services: Make) -> None:
    services = make_services(Script())
    found = explained(services, asked(services))
    assert len(list(services.explanations.sample(found, 3))) == 3
    assert "local/research" in services.explanations.why_no_inside(found)
    with pytest.raises(Unavailable, match="local/research"):
        services.explanations.introspect(found)
    gone = replace(found, trace=replace(found.trace, backend="gone"))
    assert "cannot be opened" in services.explanations.why_no_inside(gone)


def test_a_backend_without_attention_says_what_has_some(make_services: Make) -> None:
    services = make_services(Script())
    found = explained(services, asked(services))
    why = services.explanations.why_no_picture(found)
    assert why is not None
    assert why.startswith("The backend fake has no attention to show")
    assert "local/research" in why
    with pytest.raises(Unavailable, match="local/research"):
        next(services.explanations.picture(found))
    gone = replace(found, trace=replace(found.trace, backend="gone"))
    assert "cannot be opened" in str(services.explanations.why_no_picture(gone))


def test_a_picture_is_drawn_and_nothing_of_it_is_kept_with_the_trace(make_services: Make) -> None:
    services = make_services(Script(), attentive=True)
    trace = asked(services)
    found = explained(services, trace)
    kept = services.store.explanations(trace.trace_id)
    assert services.explanations.why_no_picture(found) is None
    *_, picture = services.explanations.picture(found)
    assert picture.complete
    assert picture.reliance_nats.tolist() == pytest.approx([5 * 2.9, *[0.0] * 9])
    assert services.store.explanations(trace.trace_id) == kept
