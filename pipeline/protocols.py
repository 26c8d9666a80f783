"""What a stage and a backend must offer. Nothing inherits from these; they are matched by shape."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from pipeline.deadline import Deadline
from pipeline.types import (
    AnswerScores,
    AttentionMap,
    Chunk,
    Event,
    GenerateOptions,
    Generation,
    Introspection,
    Kind,
    Readiness,
    Sample,
    Token,
    Trace,
)

Vectors = Any
"""Whatever the embedder makes and the index takes (a NumPy array here, JSON lists on Lambda). The pipeline only hands it on."""

OnEvent = Callable[[Event], None]
"""Called in the answering thread, in order. One that raises is logged and told nothing more."""


class Embedder(Protocol):
    """Text to vectors."""

    name: str
    """Model name, recorded in every trace."""

    def embed(self, texts: Sequence[str], kind: Kind, *, deadline: Deadline | None = None) -> Vectors:
        """Embed texts as float32 (n, dim), L2-normalised. The embedder adds its model's prefix for `kind`, once."""


class Index(Protocol):
    """Vectors to chunks."""

    def search(
        self, vectors: Vectors, top_k: int, *, texts: Sequence[str] | None = None, deadline: Deadline | None = None
    ) -> list[list[Chunk]]:
        """Find the `top_k` best chunks for each vector, best first; fewer where the corpus is smaller.

        texts: the questions behind the vectors, for an index that also matches words (see docs/adr).
        Raises DimensionMismatch if the vectors' dimension differs from the index's.
        """


class Reranker(Protocol):
    """A second, closer look at the order of chunks."""

    name: str
    """Model name, recorded in every trace."""

    def rerank(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> list[Chunk]:
        """Return the same chunks in a new order, `rank` renumbered from 1 and the new score in `signals['rerank']`."""


class Generator(Protocol):
    """Question and chunks to an answer."""

    name: str
    """Model name, recorded in every trace."""

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield each Token as it is made and, last, the Generation that sums them up."""


@runtime_checkable
class BatchGenerator(Protocol):
    """Optional, of a generator: several answers in one go, where that takes less time than one after the other."""

    def generate_batch(
        self,
        requests: Sequence[tuple[str, Sequence[Chunk]]],
        options: GenerateOptions,
        *,
        deadline: Deadline | None = None,
    ) -> list[Generation]:
        """The answer to each (question, chunks), in order: what `generate` would say of it alone, up to rounding."""


@runtime_checkable
class Scorer(Protocol):
    """Optional: how likely a given answer is over given chunks."""

    def score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> Any:
        """Log-probabilities of a forced answer: (n_sets, n_tokens), nats."""


@runtime_checkable
class AnswerScorer(Protocol):
    """Optional, of a backend: how likely a given answer is over given chunks, with the texts of its tokens."""

    sets_at_once: int
    """Sets that one call takes best: few where each costs time, so that progress shows; all where each call does."""

    def score_answer(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> AnswerScores:
        """Score a forced answer over each set; a set may be empty. Raises a BackendError as a stage does, InputError for a blank answer."""


@runtime_checkable
class Sampler(Protocol):
    """Optional, of a generator: answers drawn at random."""

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
        """Yield `samples` answers over the chunks, each as it is drawn; see `AnswerSampler.sample_answers`."""


@runtime_checkable
class Introspector(Protocol):
    """Optional: what happens inside the model while it gives a given answer."""

    def introspect(
        self, question: str, chunks: Sequence[Chunk], answer: str, *, integrated_steps: int = 0
    ) -> Introspection:
        """Attention, gradients and entropy of a forced answer over the chunks that it used, best first.

        integrated_steps: steps of integrated gradients, each as slow as a forward and a backward pass; 0 leaves them out, 50 do for most.
        Raises InputError for a blank answer or a negative number of steps, StageFailed for chunks that do not fit the model's window,
        and Unavailable for a model that cannot be looked into.
        """


@runtime_checkable
class AttentionReader(Protocol):
    """Optional: a given answer's attention to every token of its chunks, and what taking single tokens away does to it."""

    def map_attention(self, question: str, chunks: Sequence[Chunk], answer: str) -> AttentionMap:
        """Attention by layer, head, answer token and context token over the chunks that the answer used, best first.

        Of a long answer only the beginning is looked at, so that the arrays take at most some 32 MB. Raises as `Introspector.introspect`.
        """

    def remove_tokens(self, question: str, chunks: Sequence[Chunk], answer: str, places: Sequence[int]) -> Any:
        """Log-probabilities of the answer's tokens, float32 (places, all tokens), nats, each over the prompt less one token.

        places: positions among `AttentionMap.context_tokens`. Raises as `map_attention`, and InputError for a place that there is not.
        """


@runtime_checkable
class Experimenter(Protocol):
    """Optional, of a backend: a stage again under other conditions, for counterfactuals and repairs. Leaves no trace."""

    def retrieve(
        self, question: str, *, top_k: int, deadline_s: float, rerank: bool = False, exact: bool = False
    ) -> list[Chunk]:
        """The chunks that a question with these settings would be answered from, best first, ranks from 1.

        exact: compare with every vector, whatever search the index is built for. Raises a BackendError as a stage does, and
        InputError for misuse, as `Backend.answer`.
        """

    def answer_from(self, question: str, chunks: Sequence[Chunk], *, deadline_s: float) -> Generation:
        """What the generator says over just these chunks, perhaps none. Raises a BackendError as a stage does."""


@runtime_checkable
class AnswerSampler(Protocol):
    """Optional, of a backend: answers drawn at random, which show what else the generator might have said."""

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
        """Yield `samples` answers over the chunks, each as it is drawn; the same seed draws the same ones.

        temperature: above 0; what log-probabilities are divided by before drawing. seed: 0 or more; the first samples are the same
        however many are asked for. Raises InputError for a number of samples below 1, a temperature that is not above 0 or a seed
        below 0, at once, and a BackendError as a stage does, while drawing.
        """


@runtime_checkable
class BatchAnswerer(Protocol):
    """Optional, of a backend: several questions in one go, for a run."""

    batch_size: int
    """Questions that one call takes best."""

    def answer_batch(
        self, questions: Sequence[str], *, top_k: int, deadline_s: float, rerank: bool = False
    ) -> list[Trace]:
        """A trace for each question, in order, with the answer that `Backend.answer` would give, up to rounding; raises as it does.

        deadline_s: for each question. Time that questions shared is split evenly among their spans (`batch` in their attributes).
        """


@runtime_checkable
class Backend(Protocol):
    """What answers a question."""

    name: str
    """As stored with every trace, for example `local/embedded`."""

    def answer(
        self,
        question: str,
        *,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer a question. A failed stage is kept in the trace's `error`, with every span and chunk so far.

        Raises InputError for misuse: a blank question, `top_k` below 1, `rerank` where there is no reranker.
        """

    def check_ready(self) -> Readiness:
        """Look at every part without answering anything; never raises."""

    def close(self) -> None:
        """Release what the backend holds. Calling it twice is harmless."""
