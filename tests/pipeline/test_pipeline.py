"""The pipeline over scripted stages: order, spans, events, errors, deadline, misuse."""

import copy
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from backends.fake import CHUNKS, Script, ScriptedStages
from pipeline import errors
from pipeline.deadline import Deadline
from pipeline.pipeline import RERANK_DEPTH, Pipeline
from pipeline.types import (
    ChunksFound,
    Event,
    GenerateOptions,
    Generation,
    Sample,
    StageEnded,
    StageStarted,
    Token,
    TokenMade,
    Trace,
)

QUESTION = "Who proposed that continents drift?"


def make_pipeline(script: Script, *, reranker: bool = True, **options: Any) -> Pipeline:
    stages = ScriptedStages(script)
    return Pipeline(stages, stages, stages, stages if reranker else None, **options)


def ask(script: Script | None = None, question: str = QUESTION, **given_: Any) -> Trace:
    arguments: dict[str, Any] = {"backend": "test", "top_k": 3, "deadline_s": 10.0, **given_}
    return make_pipeline(script or Script()).answer(question, **arguments)


def stages_of(trace: Trace) -> list[str]:
    return [span.stage for span in trace.spans]


def test_stages_run_in_order_and_the_answer_is_the_tokens_joined() -> None:
    trace = ask()
    assert stages_of(trace) == ["embed", "retrieve", "generate"]
    assert trace.error is None
    assert trace.generation is not None
    assert trace.generation.answer == "".join(token.text for token in trace.generation.tokens)
    assert trace.chunks == CHUNKS[:3]
    assert len(trace.trace_id) == 32
    assert int(trace.trace_id, 16) >= 0


def test_spans_follow_each_other_and_leave_only_unaccounted_time() -> None:
    trace = ask(Script(delays_s={"embed": 0.01, "retrieve": 0.005, "generate": 0.002}))
    ends = [span.start_ms + span.duration_ms for span in trace.spans]
    assert all(span.duration_ms >= 0 for span in trace.spans)
    assert all(span.start_ms >= end for span, end in zip(trace.spans[1:], ends, strict=False))
    assert ends[-1] <= trace.duration_ms
    assert sum(span.duration_ms for span in trace.spans) <= trace.duration_ms
    assert trace.unaccounted_ms == pytest.approx(trace.duration_ms - sum(span.duration_ms for span in trace.spans))
    assert trace.spans[0].duration_ms >= 10  # the script's delay


def test_nested_spans_are_not_counted_twice() -> None:
    trace = ask()
    nested = replace(trace.spans[0], parent_id="network")
    assert replace(trace, spans=(*trace.spans, nested)).unaccounted_ms == pytest.approx(trace.unaccounted_ms)


def test_events_come_in_order_in_the_asking_thread() -> None:
    seen: list[Event] = []
    trace = ask(Script(tokens=("a", "b")), on_event=seen.append)
    shape = [(type(event).__name__, getattr(event, "stage", None)) for event in seen]
    assert shape == [
        ("StageStarted", "embed"),
        ("StageEnded", None),
        ("StageStarted", "retrieve"),
        ("ChunksFound", None),
        ("StageEnded", None),
        ("StageStarted", "generate"),
        ("TokenMade", None),
        ("TokenMade", None),
        ("StageEnded", None),
    ]
    assert tuple(event.span for event in seen if isinstance(event, StageEnded)) == trace.spans
    assert [event.chunks for event in seen if isinstance(event, ChunksFound)] == [trace.chunks]
    assert [event.token.text for event in seen if isinstance(event, TokenMade)] == ["a", "b"]
    assert [event.start_ms for event in seen if isinstance(event, StageStarted)] == [s.start_ms for s in trace.spans]


def test_spans_tell_the_model_and_the_counts() -> None:
    embed, retrieve, generate = ask(top_k=2).spans
    assert embed.attributes == {"model": "script"}
    assert retrieve.attributes == {"top_k": 2, "returned": 2}
    assert generate.attributes == {"model": "script", "tokens": 5}


def test_settings_of_the_call_win_over_those_of_the_backend() -> None:
    trace = ask(settings={"embedder": "e5", "top_k": "overwritten"})
    assert trace.settings == {"embedder": "e5", "top_k": 3, "deadline_s": 10.0, "rerank": False}


@pytest.mark.parametrize("stage", ["embed", "retrieve", "rerank", "generate"])
@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (errors.Throttled("Slow down. Try again in 2 s."), "Throttled"),
        (errors.IndexMismatch("Another embedder. Run it again."), "IndexMismatch"),
        (errors.DimensionMismatch("384 is not 1024."), "DimensionMismatch"),
        (ZeroDivisionError("secret upstream text"), "StageFailed"),
        (errors.InputError("a stage has no business raising this"), "StageFailed"),
    ],
)
def test_failed_stage_leaves_a_trace_that_names_it(stage: str, raised: Exception, kind: str) -> None:
    trace = ask(Script(failures={stage: copy.copy(raised)}), rerank=True)
    order = ["embed", "retrieve", "rerank", "generate"]
    assert stages_of(trace) == order[: order.index(stage) + 1]
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == (kind, stage)
    assert trace.spans[-1].error == trace.error
    assert all(span.error is None for span in trace.spans[:-1])
    assert "secret upstream text" not in trace.error.message
    assert bool(trace.chunks) == (stage in ("rerank", "generate"))
    assert trace.generation is None


def test_unforeseen_failure_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    ask(Script(failures={"retrieve": ZeroDivisionError("the cause")}))
    assert "the cause" in caplog.text


def test_stage_that_an_error_already_names_is_kept() -> None:
    raised = errors.Unavailable("The endpoint is gone.", stage="network")
    trace = ask(Script(failures={"generate": raised}))
    assert trace.error is not None
    assert trace.error.stage == "network"


def test_failed_generation_keeps_the_tokens_so_far() -> None:
    trace = ask(Script(failures={"token": RuntimeError("broke")}))
    assert trace.generation is not None
    assert trace.generation.answer == "Sentence"
    assert trace.generation.finish_reason == "failed"
    assert trace.generation.confidence is None
    assert len(trace.chunks) == 3


def test_generator_that_never_sums_up_is_a_bad_response() -> None:
    class Silent(ScriptedStages):
        def generate(self, *_: Any, **__: Any) -> Iterator[Token | Generation]:
            yield Token("half", -0.5)

    stages = Silent(Script())
    trace = Pipeline(stages, stages, stages).answer(QUESTION, backend="test", top_k=1, deadline_s=10)
    assert trace.error is not None
    assert trace.error.kind == "BadResponse"
    assert trace.generation is not None
    assert trace.generation.answer == "half"


def test_index_that_answers_for_another_number_of_questions_is_a_failed_stage() -> None:
    class Odd(ScriptedStages):
        def search(self, *_: Any, **__: Any) -> list[Any]:
            return []

    stages = Odd(Script())
    trace = Pipeline(stages, stages, stages).answer(QUESTION, backend="test", top_k=1, deadline_s=10)
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == ("StageFailed", "retrieve")


@pytest.mark.parametrize("deadline_s", [0, -1])
def test_deadline_that_has_passed_stops_before_the_first_stage(deadline_s: float) -> None:
    trace = ask(Script(failures={"embed": AssertionError("ran after the deadline")}), deadline_s=deadline_s)
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == ("Timeout", "embed")
    assert "RAGLASS_DEADLINE_S" in trace.error.message
    assert stages_of(trace) == ["embed"]


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, float]], Trace]:
    """Ask with a deadline of 1 s, of stages that take the given seconds of a clock of their own."""

    def ask_slowly(delays_s: dict[str, float]) -> Trace:
        clock = Clock()
        monkeypatch.setattr("pipeline.pipeline.Deadline", partial(Deadline, clock=clock))
        stages = ScriptedStages(Script(delays_s=delays_s), sleep=clock.sleep)
        return Pipeline(stages, stages, stages).answer(QUESTION, backend="test", top_k=3, deadline_s=1.0)

    return ask_slowly


def test_deadline_that_passes_in_a_stage_stops_the_next_one(slow: Callable[[dict[str, float]], Trace]) -> None:
    trace = slow({"embed": 0.5, "retrieve": 0.6})
    assert stages_of(trace) == ["embed", "retrieve", "generate"]
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == ("Timeout", "generate")
    assert len(trace.chunks) == 3
    assert trace.generation is None


def test_deadline_that_passes_between_tokens_keeps_the_partial_answer(
    slow: Callable[[dict[str, float]], Trace],
) -> None:
    trace = slow({"token": 0.6})  # the third token comes after 1.2 s
    assert trace.error is not None
    assert (trace.error.kind, trace.error.stage) == ("Timeout", "generate")
    assert trace.generation is not None
    assert trace.generation.finish_reason == "deadline"
    assert trace.generation.answer == "Sentence 1 of"
    assert len(trace.generation.tokens) == 3


def test_answer_that_is_whole_before_the_deadline_is_kept_whole(slow: Callable[[dict[str, float]], Trace]) -> None:
    trace = slow({"token": 0.24})  # five tokens: the last is checked at 0.96 s
    assert trace.error is None
    assert trace.generation is not None
    assert trace.generation.finish_reason == "stop"


def test_each_stage_is_given_the_same_deadline() -> None:
    given_deadlines = []

    class Noting(ScriptedStages):
        def embed(self, texts: Sequence[str], kind: Any, *, deadline: Any = None) -> Any:
            given_deadlines.append(deadline)
            return super().embed(texts, kind, deadline=deadline)

        def search(self, *arguments: Any, deadline: Any = None, **given_: Any) -> Any:
            given_deadlines.append(deadline)
            return super().search(*arguments, deadline=deadline, **given_)

        def rerank(self, *arguments: Any, deadline: Any = None) -> Any:
            given_deadlines.append(deadline)
            return super().rerank(*arguments, deadline=deadline)

        def generate(self, *arguments: Any, deadline: Any = None) -> Any:
            given_deadlines.append(deadline)
            return super().generate(*arguments, deadline=deadline)

    stages = Noting(Script())
    Pipeline(stages, stages, stages, stages).answer(QUESTION, backend="test", top_k=1, deadline_s=9, rerank=True)
    assert len(given_deadlines) == 4
    assert given_deadlines[0].seconds == 9
    assert len({id(deadline) for deadline in given_deadlines}) == 1


def test_listener_that_raises_is_told_nothing_more_and_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []

    def listen(event: Event) -> None:
        seen.append(event)
        raise RuntimeError("the page went away")

    trace = ask(on_event=listen)
    assert trace.error is None
    assert len(seen) == 1
    assert "the page went away" in caplog.text


def test_reranking_looks_at_more_candidates_and_keeps_top_k() -> None:
    script = Script(chunks=[replace(CHUNKS[0], chunk_id=f"c{n}", rank=n) for n in range(1, 31)])
    seen: list[Event] = []
    trace = ask(script, rerank=True, top_k=3, on_event=seen.append)
    assert stages_of(trace) == ["embed", "retrieve", "rerank", "generate"]
    assert trace.spans[1].attributes["top_k"] == RERANK_DEPTH
    assert trace.spans[2].attributes["candidates"] == RERANK_DEPTH
    assert [chunk.chunk_id for chunk in trace.chunks] == ["c20", "c19", "c18"]
    assert [chunk.rank for chunk in trace.chunks] == [1, 2, 3]
    assert [len(event.chunks) for event in seen if isinstance(event, ChunksFound)] == [RERANK_DEPTH, 3]


def test_reranking_does_not_narrow_a_large_top_k() -> None:
    trace = ask(Script(chunks=[replace(CHUNKS[0], chunk_id=str(n)) for n in range(60)]), rerank=True, top_k=50)
    assert len(trace.chunks) == 50


def test_reranking_without_a_reranker_is_misuse() -> None:
    pipeline = make_pipeline(Script(), reranker=False)
    with pytest.raises(errors.InputError, match="no reranker"):
        pipeline.answer(QUESTION, backend="test", top_k=1, deadline_s=1, rerank=True)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_interruption_passes_through(raised: type[BaseException]) -> None:
    script = Script(failures={"generate": raised()})  # type: ignore[dict-item]
    with pytest.raises(raised):
        ask(script)


def test_found_chunks_are_those_that_would_be_answered_from() -> None:
    pipeline = make_pipeline(Script())
    for rerank in (False, True):
        found = pipeline.find_chunks(QUESTION, backend="test", top_k=3, deadline_s=10, rerank=rerank)
        assert tuple(found) == ask(rerank=rerank).chunks
    assert [chunk.rank for chunk in found] == [1, 2, 3]


def test_answer_from_chunks_is_the_answer_to_a_question_that_finds_them() -> None:
    assert make_pipeline(Script()).answer_from(QUESTION, CHUNKS[:3], deadline_s=10) == ask().generation


def test_answer_may_be_asked_from_no_chunks() -> None:
    generation = make_pipeline(Script()).answer_from(QUESTION, [], deadline_s=10)
    assert (generation.used_chunk_ids, generation.prompt_tokens) == ((), 0)


@pytest.mark.parametrize("stage", ["embed", "retrieve", "rerank", "generate"])
def test_failed_stage_without_a_trace_raises_and_is_named(stage: str) -> None:
    pipeline = make_pipeline(Script(failures={stage: ZeroDivisionError("secret upstream text")}))
    find = partial(pipeline.find_chunks, QUESTION, backend="test", top_k=1, rerank=True)
    run = partial(pipeline.answer_from, QUESTION, CHUNKS) if stage == "generate" else find
    with pytest.raises(errors.StageFailed, match=f"The {stage} stage failed") as caught:
        run(deadline_s=10)
    assert caught.value.stage == stage
    assert "secret" not in str(caught.value)


def test_deadline_without_a_trace_is_a_timeout_between_tokens_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("pipeline.pipeline.Deadline", partial(Deadline, clock=clock))
    stages = ScriptedStages(Script(delays_s={"embed": 2.0, "token": 0.6}), sleep=clock.sleep)
    pipeline = Pipeline(stages, stages, stages)
    with pytest.raises(errors.Timeout) as caught:
        pipeline.find_chunks(QUESTION, backend="test", top_k=1, deadline_s=1)
    assert caught.value.stage == "retrieve"
    with pytest.raises(errors.Timeout) as caught:
        pipeline.answer_from(QUESTION, CHUNKS, deadline_s=1)
    assert caught.value.stage == "generate"


def test_misuse_is_misuse_with_and_without_a_trace() -> None:
    pipeline = make_pipeline(Script(), reranker=False)
    for misuse in ({"question": " "}, {"top_k": 0}, {"deadline_s": float("nan")}, {"rerank": True}):
        given_: dict[str, Any] = {"question": QUESTION, "backend": "test", "top_k": 1, "deadline_s": 1.0, **misuse}
        for ask_for in (pipeline.answer, pipeline.find_chunks):
            with pytest.raises(errors.InputError):
                ask_for(**given_)
    for question, deadline_s in ((" ", 1.0), (QUESTION, float("inf"))):
        with pytest.raises(errors.InputError):
            pipeline.answer_from(question, CHUNKS, deadline_s=deadline_s)


def draw(script: Script | None = None, *, pipeline: Pipeline | None = None, **given_: Any) -> Iterator[Sample]:
    arguments: dict[str, Any] = {"samples": 2, "deadline_s": 10.0, **given_}
    return (pipeline or make_pipeline(script or Script())).sample_answers(QUESTION, CHUNKS, **arguments)


def test_samples_come_as_they_are_drawn() -> None:
    drawn = draw(Script(failures={"sample": ZeroDivisionError("secret upstream text")}))
    assert next(drawn) == Script().samples[0]
    with pytest.raises(errors.StageFailed, match="The generate stage failed") as caught:
        next(drawn)
    assert caught.value.stage == "generate"


def test_deadline_that_passes_between_samples_stops_the_next_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("pipeline.pipeline.Deadline", partial(Deadline, clock=clock))
    stages = ScriptedStages(Script())
    drawn = draw(pipeline=Pipeline(stages, stages, stages), samples=3)
    next(drawn)
    clock.sleep(9)
    next(drawn)
    clock.sleep(2)
    with pytest.raises(errors.Timeout) as caught:
        next(drawn)
    assert caught.value.stage == "generate"
    last = draw(pipeline=Pipeline(stages, stages, stages), samples=1)
    assert len([clock.sleep(11) for _ in last]) == 1  # nothing is left to be stopped


@pytest.mark.parametrize("misuse", [{"samples": 0}, {"deadline_s": float("nan")}], ids=str)
def test_misused_sampling_is_refused_at_once(misuse: dict[str, Any]) -> None:
    with pytest.raises(errors.InputError):
        draw(**misuse)


def test_question_is_asked_as_it_is_cleaned() -> None:
    assert ask(question=" Who founded Ka\u0308rnan?\0 ").question == "Who founded K\u00e4rnan?"


def test_generator_that_draws_nothing_is_told_so() -> None:
    class Sure:
        name = "sure"
        generate = ScriptedStages.generate

    stages: Any = ScriptedStages(Script())
    with pytest.raises(errors.InputError, match="generator sure draws no answers"):
        draw(pipeline=Pipeline(stages, stages, Sure()))  # type: ignore[arg-type]


def test_options_reach_the_generator() -> None:
    pipeline = make_pipeline(Script(), options=GenerateOptions(max_new_tokens=2))
    generation = pipeline.answer(QUESTION, backend="test", top_k=1, deadline_s=10).generation
    assert generation is not None
    assert (generation.answer, generation.finish_reason) == ("Sentence 1", "length")


def test_empty_index_still_reaches_the_generator() -> None:
    trace = ask(Script(chunks=()))
    assert trace.chunks == ()
    assert trace.error is None


def test_failures_are_logged_by_the_pipeline_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(Script(failures={"embed": errors.Throttled("Slow down.")}))
    assert caplog.records == []
