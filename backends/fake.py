"""A scripted backend: the fake beside the seam. It runs the real `Pipeline` over stages that do as they are told."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pipeline.deadline import Deadline
from pipeline.errors import InputError
from pipeline.pipeline import Pipeline
from pipeline.prompts import PromptTemplate, describe_prompt
from pipeline.protocols import OnEvent, Vectors
from pipeline.types import (
    AnswerScores,
    Chunk,
    Confidence,
    GenerateOptions,
    Generation,
    Kind,
    PartReadiness,
    Readiness,
    Sample,
    Token,
    Trace,
)

CHUNKS = tuple(
    Chunk(f"chunk-{n}", f"document-{n}", f"Document {n}", f"Sentence {n} of the script.", 0.9 - n / 100, n)
    for n in range(1, 6)
)


@dataclass(slots=True)
class Script:
    """What the stages do."""

    chunks: Sequence[Chunk] = CHUNKS
    """What the index finds, best first."""
    exact_chunks: Sequence[Chunk] | None = None
    """What an exact search finds, best first; None where the index misses nothing."""
    tokens: Sequence[str] = ("Sentence", " 1", " of", " the", " script.")
    """What the generator says; each with log-probability −0.1."""
    samples: Sequence[Sample] = (
        Sample("Sentence 1 of the script.", -0.5),
        Sample("Another sentence.", -1.5),
        Sample("The script has no answer.", -1.7, abstained=True),
    )
    """What is drawn at random, one after the other and over again; a seed of n begins n samples later."""
    confidence: float = 0.8
    """The generation's calibrated confidence."""
    delays_s: dict[str, float] = field(default_factory=dict)
    """Seconds that a stage (or `token`, or `sample`, or a call of `score`) takes."""
    failures: dict[str, Exception] = field(default_factory=dict)
    """What a stage (or `score`) raises; `token` raises after the first token, `sample` after the first sample."""
    prompt: PromptTemplate | None = None
    """What the generator is told, which is in its generations; None where it reads no prompt."""


class ScriptedStages:
    """Embedder, index, reranker and generator in one, all reading the same script."""

    name = "script"

    def __init__(self, script: Script, sleep: Callable[[float], None] = time.sleep) -> None:
        self.script = script
        self._sleep = sleep

    def act(self, stage: str) -> None:
        """Take the stage's time, and fail as scripted."""
        self._sleep(self.script.delays_s.get(stage, 0.0))
        if stage in self.script.failures:
            raise self.script.failures[stage]

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> Vectors:
        """One constant vector a text."""
        self.act("embed")
        return [[1.0] for _ in texts]

    def search(
        self, vectors: Vectors, top_k: int, *, texts: Sequence[str] | None = None, deadline: Deadline | None = None
    ) -> list[list[Chunk]]:
        """The script's chunks, for every vector."""
        self.act("retrieve")
        return [list(self.script.chunks[:top_k]) for _ in vectors]

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        """The chunks in reverse."""
        self.act("rerank")
        return [
            replace(chunk, rank=rank, signals={**chunk.signals, "rerank": 1.0 / rank})
            for rank, chunk in enumerate(reversed(chunks), start=1)
        ]

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """The script's tokens."""
        self.act("generate")
        tokens = tuple(Token(text, -0.1) for text in self.script.tokens[: options.max_new_tokens])
        for token in tokens:
            yield token
            self.act("token")
        yield Generation(
            answer="".join(token.text for token in tokens),
            tokens=tokens,
            prompt_tokens=sum(len(chunk.text.split()) for chunk in chunks),
            finish_reason="stop" if len(tokens) == len(self.script.tokens) else "length",
            confidence=Confidence(self.script.confidence, "calibrated"),
            used_chunk_ids=tuple(chunk.chunk_id for chunk in chunks),
            prompt=None if self.script.prompt is None else self.script.prompt.write(question, chunks).text,
        )

    def sample(
        self,
        question: str,
        chunks: Sequence[Chunk],
        options: GenerateOptions,
        *,
        samples: int,
        temperature: float,
        seed: int,
        deadline: Deadline | None = None,
    ) -> Iterator[Sample]:
        """The script's samples."""
        self.act("generate")
        for number in range(seed, seed + samples):
            yield self.script.samples[number % len(self.script.samples)]
            self.act("sample")


class ExactStages(ScriptedStages):
    """The same stages with an index that misses nothing."""

    def search(
        self, vectors: Vectors, top_k: int, *, texts: Sequence[str] | None = None, deadline: Deadline | None = None
    ) -> list[list[Chunk]]:
        """The script's exact chunks, for every vector."""
        found = super().search(vectors, top_k, texts=texts, deadline=deadline)
        exact = self.script.exact_chunks
        return found if exact is None else [list(exact[:top_k]) for _ in vectors]


class ScriptedBackend:
    """A backend that answers from a script."""

    sets_at_once = 8

    def __init__(self, script: Script | None = None, *, name: str = "fake") -> None:
        self.name = name
        self.script = script or Script()
        self._stages = stages = ScriptedStages(self.script)
        self._pipeline = Pipeline(stages, stages, stages, stages)
        self._exact_pipeline = Pipeline(stages, ExactStages(self.script), stages, stages)

    @property
    def prompt(self) -> PromptTemplate | None:
        """See `pipeline.prompts.PromptedBackend`."""
        return self.script.prompt

    def with_prompt(self, prompt: PromptTemplate) -> "ScriptedBackend":
        """See `pipeline.prompts.PromptedBackend`."""
        if self.script.prompt is None:
            raise InputError("The script reads no prompt.")
        return ScriptedBackend(replace(self.script, prompt=prompt), name=self.name)

    def answer(
        self,
        question: str,
        *,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer as scripted."""
        return self._pipeline.answer(
            question,
            backend=self.name,
            top_k=top_k,
            deadline_s=deadline_s,
            rerank=rerank,
            settings=describe_prompt(self.prompt),
            on_event=on_event,
        )

    def retrieve(
        self, question: str, *, top_k: int, deadline_s: float, rerank: bool = False, exact: bool = False
    ) -> list[Chunk]:
        """The chunks for a question; see `pipeline.protocols.Experimenter.retrieve`."""
        pipeline = self._exact_pipeline if exact else self._pipeline
        return pipeline.find_chunks(question, backend=self.name, top_k=top_k, deadline_s=deadline_s, rerank=rerank)

    def answer_from(self, question: str, chunks: Sequence[Chunk], *, deadline_s: float) -> Generation:
        """The answer over just these chunks; see `pipeline.protocols.Experimenter.answer_from`."""
        return self._pipeline.answer_from(question, chunks, deadline_s=deadline_s)

    def sample_answers(
        self,
        question: str,
        chunks: Sequence[Chunk],
        *,
        samples: int,
        deadline_s: float,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> Iterator[Sample]:
        """Answers drawn at random; see `pipeline.protocols.AnswerSampler`."""
        return self._pipeline.sample_answers(
            question, chunks, samples=samples, deadline_s=deadline_s, temperature=temperature, seed=seed
        )

    def score_answer(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> AnswerScores:
        """The answer's words, each at −0.1 where the script's best chunk is among the set, and at −3 where it is not."""
        self._stages.act("score")
        tokens = tuple(answer.split())
        if not tokens:
            raise InputError("The answer to score is blank.")
        best = self.script.chunks[0].chunk_id
        levels = [-0.1 if best in {chunk.chunk_id for chunk in chunks} else -3.0 for chunks in chunk_sets]
        return AnswerScores(tokens, tuple((level,) * len(tokens) for level in levels))

    def check_ready(self) -> Readiness:
        """Ready, unless the script makes a stage fail."""
        failing = self.script.failures
        stages = ("embed", "retrieve", "generate")
        return Readiness(tuple(PartReadiness(stage, stage not in failing, "scripted") for stage in stages))

    def close(self) -> None:
        """Nothing to release."""
