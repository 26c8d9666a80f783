"""A backend that retrieves here, in one class for each set of abilities: `isinstance` asks for methods, and a generator brings its own."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from backends.local.corpus import LocalCorpus
from backends.local.index import ExactSearch
from backends.local.questions import StoredQuestions
from pipeline.batch import answer_together
from pipeline.errors import BackendError, InputError, RaglassError
from pipeline.pipeline import Pipeline
from pipeline.prompts import PromptedGenerator, PromptTemplate, describe_prompt
from pipeline.protocols import Generator, OnEvent, Reranker, Scorer
from pipeline.types import (
    AnswerScores,
    AttentionMap,
    Chunk,
    GenerateOptions,
    Generation,
    Introspection,
    PartReadiness,
    Readiness,
    Sample,
    Setting,
    Trace,
)

if TYPE_CHECKING:
    from backends.local.bedrock.generator import BedrockGenerator
    from backends.local.remote.generator import RemoteGenerator


class ScoringGenerator(Generator, Scorer, Protocol):
    """A generator that also scores forced answers, as every local one does."""

    def split_answer(self, answer: str) -> list[str]:
        """The texts of an answer's tokens, one for each column of `score`."""


class LocalBackend:
    """A backend that retrieves here. What it can beyond answering is its generator's."""

    def __init__(
        self,
        name: str,
        corpus: LocalCorpus,
        embedder: Any,
        generator: Generator,
        reranker: Reranker,
        options: GenerateOptions,
        *,
        questions: StoredQuestions,
        batch_size: int = 16,
    ) -> None:
        """questions: the embedder as runs use it."""
        self.name = name
        self.batch_size = batch_size
        self.corpus = corpus
        self.embedder = embedder
        self.generator = generator
        self.reranker = reranker
        self._pipeline = Pipeline(embedder, corpus.index, generator, reranker, options=options)
        self._batch_pipeline = Pipeline(questions, corpus.index, generator, reranker, options=options)
        self._exact_pipeline = Pipeline(embedder, ExactSearch(corpus.index), generator, reranker, options=options)

    @property
    def prompt(self) -> PromptTemplate | None:
        """See `pipeline.prompts.PromptedBackend`."""
        return self.generator.prompt if isinstance(self.generator, PromptedGenerator) else None

    def with_prompt(self, prompt: PromptTemplate) -> Self:
        """See `pipeline.prompts.PromptedBackend`."""
        if not isinstance(self.generator, PromptedGenerator):
            raise InputError(
                f"The generator {self.generator.name} of {self.name} reads no prompt: it quotes sentences of the chunks. Ask with a "
                "prompt on local/research, or without one here."
            )
        other = copy(self)
        other.generator = self.generator.with_prompt(prompt)
        for name in ("_pipeline", "_batch_pipeline", "_exact_pipeline"):
            made: Pipeline = getattr(self, name)
            setattr(
                other, name, Pipeline(made.embedder, made.index, other.generator, made.reranker, options=made.options)
            )
        return other

    def answer(
        self,
        question: str,
        *,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer a question; see `pipeline.protocols.Backend.answer`."""
        return self._pipeline.answer(
            question,
            backend=self.name,
            top_k=top_k,
            deadline_s=deadline_s,
            rerank=rerank,
            settings=self._settings(rerank),
            on_event=on_event,
        )

    def answer_batch(
        self, questions: Sequence[str], *, top_k: int, deadline_s: float, rerank: bool = False
    ) -> list[Trace]:
        """Answer several questions; see `pipeline.protocols.BatchAnswerer`."""
        return answer_together(
            self._batch_pipeline,
            questions,
            backend=self.name,
            top_k=top_k,
            deadline_s=deadline_s,
            rerank=rerank,
            settings=self._settings(rerank),
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

    def check_ready(self) -> Readiness:
        """Look at the models and the index."""
        return Readiness(
            (
                PartReadiness("embedder", True, self._embedder_detail()),
                self._index_readiness(),
                self._generator_readiness(),
                PartReadiness("reranker", True, self.reranker.name),
            )
        )

    def close(self) -> None:
        """Let go of the index and of connections; models go with the process."""
        self.corpus.index.close()
        for part in (self.embedder, self.generator):
            close = getattr(part, "close", None)
            if callable(close):
                close()

    def _embedder_detail(self) -> str:
        remark = getattr(self.embedder, "remark", "")
        return f"{self.embedder.name}, weights {self.embedder.fingerprint}" + (f"; {remark}" if remark else "")

    def _generator_readiness(self) -> PartReadiness:
        return PartReadiness("generator", True, getattr(self.generator, "detail", self.generator.name))

    def _index_readiness(self) -> PartReadiness:
        try:
            state = self.corpus.state()
        except RaglassError as error:
            return PartReadiness("index", False, str(error))
        if state.manifest is None:
            return PartReadiness("index", False, state.problem or "")
        chosen = f" as chosen ({state.manifest.choice})" if state.manifest.choice else ""
        try:
            if not self.corpus.index.opened().vectors.is_whole():
                gone = (
                    "What holds the index's vectors no longer has them all. Run `raglass index`, which builds it anew."
                )
                return PartReadiness("index", False, gone)
        except RaglassError as error:
            return PartReadiness("index", False, str(error))
        kept = f"{state.manifest.chunks:,} chunks of {state.manifest.documents:,} documents, {state.manifest.search}{chosen}"
        stale = "; documents changed since: run `raglass index`" if state.stale else ""
        pending = state.manifest.pending(self.corpus.index_choice)
        return PartReadiness("index", True, kept + stale + (f"; {pending}" if pending else ""))

    def _settings(self, rerank: bool) -> dict[str, Setting]:
        try:
            index: str | None = self.corpus.index.manifest.fingerprint
        except BackendError:
            index = None
        return {
            "embedder": self.embedder.name,
            "generator": self.generator.name,
            "reranker": self.reranker.name if rerank else None,
            "index": index,
            **describe_prompt(self.prompt),
        }


class ScoringBackend(LocalBackend):
    """A local backend whose generator also scores given answers and draws some at random."""

    sets_at_once = 8

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
        """How likely an answer is over sets of chunks; see `pipeline.protocols.AnswerScorer`."""
        generator = cast(ScoringGenerator, self.generator)
        rows = generator.score(question, chunk_sets, answer)
        tokens = generator.split_answer(answer)
        return AnswerScores(tuple(tokens), tuple(tuple(float(value) for value in row) for row in rows))


class RemoteBackend(LocalBackend):
    """A local backend whose generator is on another server. Whether that scores given answers is known once it has been asked."""

    sets_at_once = 8
    generator: "RemoteGenerator | BedrockGenerator"
    score_answer: Callable[[str, Sequence[Sequence[Chunk]], str], AnswerScores]
    """Of the object alone, and only where the server scores, as `isinstance` asks for methods and no more."""

    def with_prompt(self, prompt: PromptTemplate) -> Self:
        """See `pipeline.prompts.PromptedBackend`; what it is told otherwise it scores by as well."""
        other = super().with_prompt(prompt)
        other.find_abilities()
        return other

    def find_abilities(self) -> None:
        """Ask the server what it can, unless it has said so already; never raises."""
        self.generator.find_scoring()
        if self.generator.scoring is not None:
            self.score_answer = self.generator.score_answer

    @property
    def why_no_scores(self) -> str:
        """Why `score_answer` is missing."""
        return self.generator.why_no_scores

    def _generator_readiness(self) -> PartReadiness:
        found = self.generator.look()
        self.find_abilities()
        return found


class IntrospectiveBackend(ScoringBackend):
    """A local backend whose generator can be looked into. A class of its own, as `isinstance` asks for methods and no more."""

    def introspect(
        self, question: str, chunks: Sequence[Chunk], answer: str, *, integrated_steps: int = 0
    ) -> Introspection:
        """Look inside the generator; see `pipeline.protocols.Introspector`."""
        generator: Any = self.generator
        seen: Introspection = generator.introspect(question, chunks, answer, integrated_steps=integrated_steps)
        return seen

    def map_attention(self, question: str, chunks: Sequence[Chunk], answer: str) -> AttentionMap:
        """The generator's attention, token by token; see `pipeline.protocols.AttentionReader`."""
        generator: Any = self.generator
        seen: AttentionMap = generator.map_attention(question, chunks, answer)
        return seen

    def remove_tokens(self, question: str, chunks: Sequence[Chunk], answer: str, places: Sequence[int]) -> Any:
        """An answer over the prompt less single tokens; see `pipeline.protocols.AttentionReader`."""
        generator: Any = self.generator
        return generator.remove_tokens(question, chunks, answer, places)
