"""Generators side by side: the same questions over the same chunks, those that were retrieved and those that hold the answer."""

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.kit.numbers import count
from app.lab.generator_tables import generator_tables
from app.lab.measured import Resident
from app.lab.one_by_one import Doing, Row, carry_on
from app.lab.pace import find_paces, pace_words
from app.lab.paid import paid_words
from app.lab.parts import Parts
from app.lab.side_by_side import sum_up
from app.lab.study import Data, Step
from app.lab.tables import Table
from app.lab.workplace import (
    EMBEDDED_BACKEND,
    all_chunks,
    check_names,
    check_questions,
    describe_questions,
    find_gold,
    read_dataset,
)
from app.runs.estimate import recent_seconds
from backends.local.chosen import EMBEDDED
from backends.local.protocols import HoldsCorpus
from backends.local.remote.address import is_remote
from evaluation.calibrating import calibrate
from evaluation.datasets import Dataset, LabelledQuestion
from evaluation.scoring import Scored, score_trace
from explain.answers import split_tokens
from explain.explained import scored_answer
from pipeline.errors import BackendError, InputError, Unavailable
from pipeline.protocols import AnswerScorer, Backend, Experimenter
from pipeline.recording import new_trace_id
from pipeline.types import Chunk, Generation, Span, Trace

RESEARCH = "local/research"
"""The backend that other models of this machine are asked through."""

RELIANCE = 100
"""Answers whose reliance is measured, unless told otherwise: each takes two more passes."""

RETRIEVED, GOLD = "", "gold "
"""Before a measure's name: over the chunks that were retrieved; over those that hold the answer."""

TESTED = ("correct", "f1", "gold correct", "gold f1")
"""Of these all pairs are tested."""

ANSWER_S = 600.0
"""Longest that an answer may take here: a slow model is to be measured, and told to be slow."""

MOST_FAILURES = 5
"""Answers that may fail in a row; then the model is taken not to work."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the generators are given for a question."""

    question: LabelledQuestion
    """The question."""
    retrieved: Sequence[Chunk]
    """What was retrieved, best first."""
    gold: Sequence[Chunk]
    """Chunks that hold the gold answer, at most as many as are retrieved; empty where none is known."""


class GeneratorStudy:
    """The same questions over the same chunks, answered by different models."""

    name = "generators"
    title = "Which generator"
    about = (
        "Retrieves once and lets every model answer from the same chunks, and from the chunk that holds the answer alone: that "
        "tells reading apart from retrieval. Do not compare confidences or nats of different models: each has a scale of its "
        "own."
    )

    def check(self, parts: Parts, plan: Data) -> Data:
        """See `Study.check`. What cannot be loaded is found out when it is its turn, and noted."""
        checked = check_questions(parts, plan)
        generators = check_names(plan.get("generators") or (), "a generator: a model id, a path, or embedded")
        reliance = RELIANCE if plan.get("reliance") is None else int(plan["reliance"])
        if reliance < 0:
            raise InputError(f"The reliance of {reliance} answers cannot be measured. Give 0 or more.")
        if not isinstance(parts.backend(checked["backend"]), Experimenter):
            raise InputError(f"{checked['backend']} does not retrieve without answering. Choose a local backend.")
        return {**checked, "generators": generators, "reliance": reliance}

    def estimate(self, parts: Parts, plan: Data) -> str:
        """See `Study.estimate`."""
        questions = len(read_dataset(parts, plan).questions)
        told = pace_words(
            expected_seconds(parts, plan, questions), plan["generators"], "once a model has answered a few questions"
        )
        return (
            f"Each of {count(len(plan['generators']), 'model')} answers {count(questions, 'question')} twice, and the reliance of at most "
            f"{count(plan['reliance'], 'answer')} each is measured. {told} {paid_words(plan['generators'])}"
        )

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """See `Study.run`."""
        dataset = read_dataset(parts, plan)
        reads: list[Read] = []
        yield from _retrieve(parts, plan, dataset, reads, stop)
        if len(reads) < len(dataset.questions):
            return
        about = {
            **describe_questions(dataset.questions),
            "top_k": plan["top_k"],
            "retrieved_gold": [bool(each.question.gold.places(each.retrieved)) for each in reads],
            "with_gold": sum(bool(each.gold) for each in reads),
        }
        measure = partial(_measure, parts, plan, dataset, reads, stop=stop)
        expected = expected_seconds(parts, plan, len(reads))
        yield from carry_on(plan["generators"], before, measure, partial(conclude, about), stop, expected)

    def tables(self, result: Data) -> Sequence[Table]:
        """See `Study.tables`."""
        return generator_tables(result)


def expected_seconds(parts: Parts, plan: Data, questions: int) -> dict[str, float]:
    """Seconds of the generators that were measured here before; of the embedded one, else, by its newest answers."""
    paces = find_paces(
        parts, GeneratorStudy.name, lambda result, row: count_passes(len(result["clusters"]), row["relied"])
    )
    took = recent_seconds(parts.store(), EMBEDDED_BACKEND)
    if took:
        paces.setdefault(EMBEDDED, sum(took) / len(took))
    work = count_passes(questions, plan["reliance"])
    return {name: pace * work for name, pace in paces.items()}


def count_passes(questions: int, relied: int) -> int:
    """Passes of a model: an answer from what was retrieved and one from gold chunks, and two for each answer whose reliance is measured."""
    return 2 * questions + 2 * min(questions, relied)


def conclude(about: Mapping[str, Any], rows: Sequence[Row]) -> Data:
    """The study's result."""
    return sum_up(rows, about, TESTED, by_type=("correct",))


def _retrieve(
    parts: Parts, plan: Data, dataset: Dataset, reads: list[Read], stop: threading.Event
) -> Generator[Step, None, None]:
    """Fill `reads` with what every generator is given, by the backend of the plan; ends early where it is stopped."""
    questions = dataset.questions
    yield Step(0, len(questions), "Indexing, if need be")
    with parts.evaluations.opened_for(plan["backend"], dataset) as backend:
        if not isinstance(backend, Experimenter):
            raise InputError(f"{plan['backend']} does not retrieve without answering. Choose a local backend.")
        gold: list[list[Chunk]] = [[] for _ in questions]
        if isinstance(backend, HoldsCorpus):
            chunks = [each.unranked(0) for each in all_chunks(backend.corpus.index)]
            gold = [[chunks[row] for row in rows[: plan["top_k"]]] for rows in find_gold(questions, chunks)]
        for place, (question, held) in enumerate(zip(questions, gold, strict=True)):
            if stop.is_set():
                return
            yield Step(place, len(questions), "Retrieving once for all")
            given = {"top_k": plan["top_k"], "deadline_s": parts.settings.deadline_s, "rerank": plan["rerank"]}
            found = backend.retrieve(question.text, **given)
            ranked = [replace(chunk, rank=rank, score=1.0) for rank, chunk in enumerate(held, start=1)]
            reads.append(Read(question, found, ranked))


@contextmanager
def _opened(parts: Parts, dataset: Dataset, name: str) -> Iterator[Backend]:
    """A backend that answers with a generator. Raises Unavailable for one that cannot be had."""
    if name == EMBEDDED:
        with parts.evaluations.opened_for(EMBEDDED_BACKEND, dataset) as backend:
            yield backend
        return
    # A model on another server needs nothing of the research profile. The embedder is not asked: the chunks are given.
    profile = EMBEDDED_BACKEND if is_remote(name) else RESEARCH
    backend = parts.open_backend(profile, replace(parts.config(), generator=name, embedder=EMBEDDED))
    try:
        yield backend
    finally:
        backend.close()


def _measure(
    parts: Parts, plan: Data, dataset: Dataset, reads: Sequence[Read], name: str, *, stop: threading.Event
) -> Generator[Doing, None, Row | None]:
    yield Doing(0, 0, "loading")
    resident = Resident()
    with _opened_and_counted(parts, dataset, name, resident) as backend:
        if not isinstance(backend, Experimenter):
            raise Unavailable(f"{name} cannot be given chunks to answer from.")
        answering = Answering(name, backend, parts.settings.deadline_s)
        answered = 2 * len(reads) / count_passes(len(reads), plan["reliance"])
        with resident.growing():
            answering.warm_up(reads)
        for place, each in enumerate(reads):
            if stop.is_set():
                return None
            yield Doing(place, len(reads), "answering", (0.0, answered))
            answering.answer(each)
        todo = answering.choose(plan["reliance"])
        for place, at in enumerate(todo):
            if stop.is_set():
                return None
            yield Doing(place, len(todo), "measuring reliance", (answered, 1.0))
            answering.rely(at)
        model = next((part.detail for part in backend.check_ready().parts if part.name == "generator"), "")
        return {
            "name": name,
            "model": model,
            "values": answering.values(),
            "resident": resident.grown,
            "relied": len(todo),
            "failed": sum(each.failed for each in answering.scores[RETRIEVED]),
            "kind": next((each.confidence_kind for each in answering.scores[RETRIEVED] if each.confidence_kind), ""),
            "calibration": answering.calibration(),
        }


@contextmanager
def _opened_and_counted(parts: Parts, dataset: Dataset, name: str, resident: Resident) -> Iterator[Backend]:
    opening = _opened(parts, dataset, name)
    with resident.growing():
        backend = opening.__enter__()
    try:
        yield backend
    finally:
        opening.__exit__(None, None, None)


class Answering:
    """The answers of one generator."""

    def __init__(self, name: str, backend: Any, deadline_s: float) -> None:
        """deadline_s: what a question may take outside of studies."""
        self._name, self._backend, self._deadline_s = name, backend, deadline_s
        self.traces: dict[str, list[Trace | None]] = {RETRIEVED: [], GOLD: []}
        """Of each question, by what was read; None where nothing could be given."""
        self.scores: dict[str, list[Scored]] = {RETRIEVED: [], GOLD: []}
        """Of each answered question."""
        self._reliance: dict[int, float] = {}
        self._failed_in_a_row = 0

    def warm_up(self, reads: Sequence[Read]) -> None:
        """Answer once, untimed."""
        self._write(reads[0].question, reads[0].retrieved)

    def answer(self, read: Read) -> None:
        """Answer from what was retrieved, and from gold chunks where there are some. Raises Unavailable after MOST_FAILURES failures."""
        for context, chunks in ((RETRIEVED, read.retrieved), (GOLD, read.gold)):
            if context == GOLD and not chunks:
                self.traces[GOLD].append(None)
                continue
            trace = self._write(read.question, chunks)
            self.traces[context].append(trace)
            self.scores[context].append(score_trace(read.question, trace))
            self._failed_in_a_row = self._failed_in_a_row + 1 if trace.error is not None else 0
            if self._failed_in_a_row >= MOST_FAILURES and trace.error is not None:
                raise Unavailable(f"{MOST_FAILURES} answers in a row failed. {trace.error.message}")

    def choose(self, most: int) -> list[int]:
        """Places of answers whose reliance is measured, spread evenly; none where the backend scores no answers."""
        if not isinstance(self._backend, AnswerScorer):
            return []
        told = [
            place
            for place, trace in enumerate(self.traces[RETRIEVED])
            if trace is not None and trace.chunks and trace.generation is not None and not trace.generation.abstained
        ]
        return told if len(told) <= most else [told[at * len(told) // most] for at in range(most)]

    def rely(self, place: int) -> None:
        """Measure what the chunks that were read did for an answer, in nats; one that cannot be scored is left out."""
        trace = self.traces[RETRIEVED][place]
        if trace is None or trace.generation is None:
            return
        used = set(trace.generation.used_chunk_ids)
        read = [chunk for chunk in trace.chunks if not used or chunk.chunk_id in used]
        try:
            scores = self._backend.score_answer(trace.question, [read, []], scored_answer(trace))
        except (BackendError, InputError):
            return
        with_all, with_none = (sum(row) for row in scores.logprobs_nats)
        self._reliance[place] = with_all - with_none

    def values(self) -> dict[str, list[float | None]]:
        """Of each question, by measure."""
        found: dict[str, list[float | None]] = {}
        for context in (RETRIEVED, GOLD):
            scores = iter(self.scores[context])
            scored = [None if trace is None else next(scores) for trace in self.traces[context]]
            for name, of in _OF_SCORE.items():
                found[context + name] = [None if each is None else of(each) for each in scored]
        made = [None if trace is None else trace.generation for trace in self.traces[RETRIEVED]]
        found["tokens"] = [None if each is None else float(len(each.tokens)) for each in made]
        found["cut short"] = [None if each is None else float(each.finish_reason == "length") for each in made]
        found["late"] = [
            None if trace is None else float(trace.duration_ms > self._deadline_s * 1000)
            for trace in self.traces[RETRIEVED]
        ]
        found["reliance"] = [self._reliance.get(place) for place in range(len(made))]
        return found

    def calibration(self) -> dict[str, Any] | None:
        """How good the confidence is, as it is and calibrated on half of the articles; `why_not` alone where that cannot be said."""
        try:
            found = calibrate(self.scores[RETRIEVED], run_id="", backend="", generator=self._name)
        except InputError as error:
            return {"why_not": str(error)}
        _, raw, fitted = found.qualities
        return {
            "kind": found.recalibration.kind,
            "reported": found.reported,
            **{f"raw_{name}": getattr(raw, name) for name in ("ece", "brier", "auroc")},
            **{f"fitted_{name}": getattr(fitted, name) for name in ("ece", "brier", "auroc")},
        }

    def _write(self, question: LabelledQuestion, chunks: Sequence[Chunk]) -> Trace:
        """The trace of an answer from given chunks; it is not kept."""
        started, asked_at = time.perf_counter(), time.time()
        generation: Generation | None = None
        failure = None
        try:
            generation = self._backend.answer_from(question.text, chunks, deadline_s=ANSWER_S)
        except BackendError as error:
            failure = error.to_failure()
        spent = (time.perf_counter() - started) * 1000
        span = Span("generate", 0.0, spent, {}, failure)
        return Trace(
            new_trace_id(),
            question.text,
            self._name,
            asked_at,
            spent,
            tuple(chunks),
            generation,
            (span,),
            {},
            failure,
        )


def _confidence(scored: Scored) -> float | None:
    return scored.confidence


_OF_SCORE: Mapping[str, Any] = {
    "correct": lambda s: float(s.correct),
    "exact": lambda s: float(s.exact),
    "f1": lambda s: s.f1,
    "abstained": lambda s: float(s.abstained),
    "no answer: correct": lambda s: None if s.answerable else float(s.correct),
    "words": lambda s: None if s.abstained else float(len(split_tokens(s.answer))),
    "confidence": _confidence,
    "ms": lambda s: s.duration_ms,
}
"""Figures of an answer."""
