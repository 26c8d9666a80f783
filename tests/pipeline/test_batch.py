"""Several questions at once: each trace as if its question had been asked alone, but for how long shared stages took."""

from collections.abc import Sequence
from typing import Any

import pytest

from backends.fake import Script, ScriptedStages
from pipeline.batch import answer_together
from pipeline.deadline import Deadline
from pipeline.errors import InputError, Unavailable
from pipeline.pipeline import Pipeline
from pipeline.protocols import Vectors
from pipeline.types import Chunk, GenerateOptions, Generation, Kind, Trace

QUESTIONS = ["one?", "two?", "three?", "four?"]


class Stages(ScriptedStages):
    """Scripted stages that remember how they were called."""

    def __init__(self, script: Script | None = None, *, known: Sequence[str] = ()) -> None:
        super().__init__(script or Script())
        self.embedded: list[int] = []
        self.known = set(known)

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> Vectors:
        self.embedded.append(len(texts))
        return super().embed(texts, kind, deadline=deadline)

    def knows_all(self, questions: Sequence[str]) -> list[bool]:
        return [question in self.known for question in questions]


class BatchStages(Stages):
    """The same with a generator that writes several answers in one go."""

    def __init__(self, script: Script | None = None, *, fails: Exception | None = None) -> None:
        super().__init__(script)
        self.written: list[list[str]] = []
        self._fails = fails

    def generate_batch(
        self,
        requests: Sequence[tuple[str, Sequence[Chunk]]],
        options: GenerateOptions,
        *,
        deadline: Deadline | None = None,
    ) -> list[Generation]:
        self.written.append([question for question, _ in requests])
        if self._fails is not None:
            raise self._fails
        self._sleep(0.04)
        return [Generation(f"To {question} from {len(chunks)}", (), 0, "stop") for question, chunks in requests]


def ask(stages: Stages, questions: Sequence[str] = QUESTIONS, **given: Any) -> list[Trace]:
    pipeline = Pipeline(stages, stages, stages, stages)
    return answer_together(
        pipeline, questions, **{"backend": "fake", "top_k": 2, "deadline_s": 10.0, "settings": {"index": "x"}, **given}
    )


def check_times(trace: Trace) -> None:
    """Spans lie one after the other and within the trace."""
    end_ms = 0.0
    for span in trace.spans:
        assert span.start_ms >= end_ms - 1e-6
        end_ms = span.start_ms + span.duration_ms
    assert end_ms <= trace.duration_ms


@pytest.mark.parametrize("rerank", [False, True])
def test_each_trace_is_as_if_its_question_had_been_asked_alone(rerank: bool) -> None:
    stages = Stages()
    alone = Pipeline(stages, stages, stages, stages)
    for question, trace in zip(QUESTIONS, ask(stages, rerank=rerank), strict=True):
        expected = alone.answer(question, backend="fake", top_k=2, deadline_s=10.0, rerank=rerank)
        assert (trace.question, trace.backend, trace.chunks, trace.generation, trace.error) == (
            question,
            "fake",
            expected.chunks,
            expected.generation,
            None,
        )
        assert [span.stage for span in trace.spans] == [span.stage for span in expected.spans]
        assert trace.settings == {"index": "x", "top_k": 2, "deadline_s": 10.0, "rerank": rerank, "batch": 4}
        check_times(trace)


def test_questions_are_embedded_in_one_go_and_share_the_time_evenly() -> None:
    stages = Stages(Script(delays_s={"embed": 0.08}))
    traces = ask(stages)
    assert stages.embedded == [4]
    spans = [trace.spans[0] for trace in traces]
    assert len({span.duration_ms for span in spans}) == 1
    assert spans[0].duration_ms >= 20
    assert spans[0].duration_ms * 4 < 20 * 4 + 60  # 80 ms in all, and not 80 each
    assert all(span.attributes["batch"] == 4 for span in spans)
    assert len({trace.trace_id for trace in traces}) == 4


@pytest.mark.slow
def test_a_question_does_not_wait_on_the_clock_for_the_others() -> None:
    """Each retrieves for 30 ms; the last would have 120 ms if the others' time were its own."""
    traces = ask(Stages(Script(delays_s={"retrieve": 0.03})))
    assert all(30 <= trace.spans[1].duration_ms <= trace.duration_ms < 100 for trace in traces)


def test_known_vectors_are_marked_and_the_others_are_not() -> None:
    traces = ask(Stages(known=["two?"]))
    assert [trace.spans[0].attributes.get("cached") for trace in traces] == [None, True, None, None]


def test_a_generator_that_takes_several_is_given_all_at_once() -> None:
    stages = BatchStages()
    traces = ask(stages)
    assert stages.written == [QUESTIONS]
    assert [trace.generation.answer if trace.generation else None for trace in traces] == [
        f"To {question} from 2" for question in QUESTIONS
    ]
    last = [trace.spans[-1] for trace in traces]
    assert {span.stage for span in last} == {"generate"}
    assert all(10 <= span.duration_ms < 40 and span.attributes["batch"] == 4 for span in last)
    for trace in traces:
        check_times(trace)


def test_where_writing_together_fails_each_answer_is_written_by_itself() -> None:
    traces = ask(BatchStages(fails=RuntimeError("out of memory")))
    assert [trace.error for trace in traces] == [None] * 4
    assert {trace.generation.answer if trace.generation else "" for trace in traces} == {"Sentence 1 of the script."}
    assert all("batch" not in trace.spans[-1].attributes for trace in traces)


def test_where_embedding_together_fails_each_question_is_asked_by_itself() -> None:
    class Picky(Stages):
        def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> Vectors:
            if len(texts) > 1:
                raise Unavailable("Too many at once.")
            return super().embed(texts, kind, deadline=deadline)

    traces = ask(Picky())
    assert [(trace.question, trace.error) for trace in traces] == [(question, None) for question in QUESTIONS]
    assert all(trace.settings["batch"] == 1 for trace in traces)


def test_a_stage_that_fails_for_one_question_fails_for_that_one() -> None:
    class OneMissing(Stages):
        def search(self, vectors: Vectors, top_k: int, *, texts: Any = None, deadline: Any = None) -> list[list[Chunk]]:
            if texts == ["two?"]:
                raise Unavailable("This shard is away.")
            return super().search(vectors, top_k, texts=texts, deadline=deadline)

    for stages in (OneMissing(), type("Together", (OneMissing, BatchStages), {})()):
        traces = ask(stages)
        failed = traces[1]
        assert failed.error is not None
        assert (failed.error.kind, failed.error.stage, failed.generation) == ("Unavailable", "retrieve", None)
        assert [span.stage for span in failed.spans] == ["embed", "retrieve"]
        assert [trace.error for place, trace in enumerate(traces) if place != 1] == [None] * 3
        assert all(trace.generation for place, trace in enumerate(traces) if place != 1)


def test_a_deadline_that_is_up_is_each_questions_own() -> None:
    traces = ask(Stages(), deadline_s=0.0)
    assert [trace.error.kind if trace.error else None for trace in traces] == ["Timeout"] * 4


@pytest.mark.parametrize(
    ("given", "message"),
    [({"questions": ["one?", "  "]}, "blank"), ({"top_k": 0}, "top_k"), ({"deadline_s": float("nan")}, "deadline")],
)
def test_misuse_raises_before_anything_is_asked(given: dict[str, Any], message: str) -> None:
    stages = Stages()
    with pytest.raises(InputError, match=message):
        ask(stages, **given)
    assert stages.embedded == []


def test_reranking_without_a_reranker_is_refused() -> None:
    stages = Stages()
    with pytest.raises(InputError, match="no reranker"):
        answer_together(
            Pipeline(stages, stages, stages), QUESTIONS, backend="fake", top_k=2, deadline_s=1.0, rerank=True
        )
