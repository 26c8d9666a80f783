"""The extractive reader: the answer is the sentence, or the two, that best answer the question, quoted; or it abstains.

Which sentences are candidates and how they look as numbers is `features`; what the numbers are worth is `weights`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from backends.local.chunking import Spans, split_sentences
from backends.local.features import Description, FloatArray, QuestionWords, describe
from backends.local.sampling import draws
from backends.local.texts import sentence_text
from backends.local.vectors import VectorMemory
from backends.local.weights import Probabilities, ReaderWeights, default_weights, probabilities
from pipeline.deadline import Deadline
from pipeline.errors import InputError
from pipeline.protocols import Embedder
from pipeline.types import Chunk, Confidence, Evidence, GenerateOptions, Generation, Sample, Token

ABSTENTION = "No clear answer was found in the corpus."
"""What is shown instead of an answer."""

KEPT_SENTENCES = 4_096
"""Sentence vectors remembered: 6 MB at 384 dimensions, and the sentences of some 500 chunks."""

FLOOR = 1e-6
"""Least probability of a forced sentence: log 0 would drown every sum it is in."""


class SentenceSource(Protocol):
    """Where the vectors of a chunk's sentences come from."""

    def sentences(self, chunk: Chunk) -> tuple[Spans, FloatArray] | None:
        """The sentences' spans in `chunk.text` (those of `split_sentences`) and their vectors, float32 (n, dim), L2-normalised.

        The vectors are those of `sentence_text` of title and sentence, embedded as passages. None for a chunk that is not known.
        """


class EmbeddedSentences:
    """Stored sentence vectors where there are any; else they are made, about 30 ms a sentence on two cores, and remembered.

    So a chunk that is read again with a sentence less costs nothing.
    """

    def __init__(self, embedder: Embedder, stored: SentenceSource | None = None, *, kept: int = KEPT_SENTENCES) -> None:
        """kept: vectors remembered, the last ones used."""
        self._embedder = embedder
        self._stored = stored
        self._memory = VectorMemory(kept)

    @classmethod
    def over(cls, embedder: Embedder, source: SentenceSource | None) -> Self:
        """The source itself if it is one of these, so that several readers share what it remembers; else a new one over it."""
        return source if isinstance(source, cls) else cls(embedder, source)

    def sentences(self, chunk: Chunk, *, deadline: Deadline | None = None) -> tuple[Spans, FloatArray]:
        """Spans and vectors of one chunk's sentences."""
        known = self._stored.sentences(chunk) if self._stored is not None else None
        if known is not None:
            return known
        spans = split_sentences(chunk.text)
        texts = [sentence_text(chunk.title, chunk.text[start:end]) for start, end in spans]

        def embed(missing: Sequence[str]) -> FloatArray:
            return np.asarray(self._embedder.embed(missing, "passage", deadline=deadline), np.float32)

        return spans, self._memory.recall(texts, embed)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader made of a question and some chunks, before it is put into words."""

    chunks: tuple[Chunk, ...]
    """The chunks read."""
    description: Description
    """Their sentences as numbers."""
    probabilities: Probabilities
    """Of each sentence, and of none."""
    quoted: tuple[int, ...]
    """Sentences to quote, in the answer's order; empty for an abstention."""
    confidence: float
    """That the quotation holds the answer; for an abstention, that the chunks do not."""

    def text(self, sentence: int) -> str:
        """A sentence as shown: line breaks inside it become spaces."""
        start, end = self.description.spans[sentence]
        return " ".join(self.chunks[self.description.chunk_of[sentence]].text[start:end].split())

    def answers(self) -> dict[str, float]:
        """Everything that might be answered with one sentence, and how probably: adds up to 1. Sentences that read alike are one."""
        chances = {ABSTENTION: 1 - self.probabilities.answered}
        for sentence, chance in enumerate(self.probabilities.sentences.tolist()):
            if chance > 0:
                text = self.text(sentence)
                chances[text] = chances.get(text, 0.0) + chance
        return chances

    def evidence(self, sentence: int) -> Evidence:
        """Where a sentence stands."""
        return Evidence(self.chunks[self.description.chunk_of[sentence]].chunk_id, *self.description.spans[sentence])


class ExtractiveReader:
    """A generator that quotes. Deterministic, but for `sample`; thread-safe if its embedder and source are."""

    name = "extractive reader"

    def __init__(
        self, embedder: Embedder, sentences: SentenceSource | None = None, weights: ReaderWeights | None = None
    ) -> None:
        """sentences: stored vectors; what it does not know is embedded. weights: the shipped ones (ConfigError if damaged)."""
        self._embedder = embedder
        self._sentences = EmbeddedSentences.over(embedder, sentences)
        self.weights = weights or default_weights()

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield a Token for each quoted sentence, then the Generation: `quoted` or `abstained`. Raises Timeout past the deadline.

        A Token's log-probability is that of its sentence in the softmax over all candidates and none.
        """
        reading = self.read(question, chunks, deadline=deadline)
        tokens = []
        for position, sentence in enumerate(reading.quoted):
            logprob = float(np.log(reading.probabilities.sentences[sentence]))
            tokens.append(Token((" " if position else "") + reading.text(sentence), logprob))
            yield tokens[-1]
        yield Generation(
            answer="".join(token.text for token in tokens) or ABSTENTION,
            tokens=tuple(tokens),
            prompt_tokens=0,
            finish_reason="quoted" if tokens else "abstained",
            confidence=Confidence(reading.confidence, "calibrated"),
            abstained=not tokens,
            evidence=tuple(reading.evidence(sentence) for sentence in reading.quoted),
            used_chunk_ids=tuple(chunk.chunk_id for chunk in reading.chunks),
        )

    def sample(
        self,
        question: str,
        chunks: Sequence[Chunk],
        options: GenerateOptions,
        *,
        samples: int,
        temperature: float = 1.0,
        seed: int = 0,
        deadline: Deadline | None = None,
    ) -> Iterator[Sample]:
        """Yield sentences drawn among the candidates, or abstentions; see `pipeline.protocols.AnswerSampler`.

        A sample is one sentence, never two, and its log-probability that of `score`, without its FLOOR. Near temperature 0 it is the
        likeliest candidate, none of them included, while `generate` abstains by a threshold of its own. Raises Timeout past the deadline.
        """
        chances = self.read(question, chunks, deadline=deadline).answers()
        answers, logprobs = list(chances), np.log(list(chances.values()))
        for draw in draws(samples, temperature, seed):
            drawn = draw(logprobs)
            yield Sample(answers[drawn], float(logprobs[drawn]), abstained=answers[drawn] == ABSTENTION)

    def read(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> Reading:
        """Weigh every sentence of the chunks. Raises Timeout once the deadline has passed."""
        description = self.describe(question, chunks, deadline=deadline)
        chances = probabilities(self.weights, description)
        if chances.answered < self.weights.answer_threshold:
            return Reading(tuple(chunks), description, chances, (), 1 - chances.answered)
        quoted = choose_sentences(description, chances, self.weights.second_share)
        confidence = float(chances.sentences[list(quoted)].sum())
        return Reading(tuple(chunks), description, chances, quoted, confidence)

    def score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> FloatArray:
        """Log-probabilities of a forced answer: float32 (n_sets, n_tokens), nats; a token is one of `split_answer`'s sentences.

        A sentence's probability is that of all candidates that read alike, and at least FLOOR: a set that lacks it cannot quote it.
        All sets are described at once, so that a chunk left out changes only what that chunk did. Raises InputError for a blank answer.
        """
        tokens = self.split_answer(answer)
        chunks = list({chunk.chunk_id: chunk for subset in chunk_sets for chunk in subset}.values())
        place_of = {chunk.chunk_id: place for place, chunk in enumerate(chunks)}
        description = self.describe(question, chunks)
        reading = Reading(tuple(chunks), description, Probabilities(np.zeros(0), 0.0), (), 0.0)
        texts = np.array([reading.text(sentence) for sentence in range(len(description.spans))], dtype=object)
        rows = []
        for subset in chunk_sets:
            places = [place_of[chunk.chunk_id] for chunk in subset]
            chances = probabilities(self.weights, description, np.isin(description.chunk_of, places))
            found = [
                1 - chances.answered if token == ABSTENTION else chances.sentences[texts == token].sum()
                for token in tokens
            ]
            rows.append(np.log(np.maximum(found, FLOOR)))
        return np.array(rows, np.float32).reshape(len(chunk_sets), len(tokens))

    def split_answer(self, answer: str) -> list[str]:
        """An answer's sentences, as they are shown. Raises InputError for a blank answer."""
        if not answer.strip():
            raise InputError("The answer to score is blank.")
        return [" ".join(answer[start:end].split()) for start, end in split_sentences(answer)]

    def describe(self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None) -> Description:
        """The chunks' sentences as numbers; what `weights.probabilities` scores, for any subset of the chunks."""
        vector = np.asarray(self._embedder.embed([question], "query", deadline=deadline), np.float32)[0]
        sentences = []
        for chunk in chunks:
            if deadline is not None:
                deadline.check("generate")
            sentences.append(self._sentences.sentences(chunk, deadline=deadline))
        return describe(QuestionWords(question, self.weights.idf, self.weights.unseen_idf), vector, chunks, sentences)


def choose_sentences(description: Description, chances: Probabilities, second_share: float) -> tuple[int, ...]:
    """The likeliest sentence, and the second where its share of `answered` is at least `second_share`.

    Two from one chunk stand in the chunk's order, two from different chunks likeliest first.
    """
    order = np.argsort(-chances.sentences, kind="stable")[:2].tolist()
    if len(order) == 2 and chances.sentences[order[1]] < second_share * chances.answered:
        order = order[:1]
    if len({int(description.chunk_of[i]) for i in order}) == 1:
        order.sort()
    return tuple(order)
