"""The extractive reader: the answer is the sentence, or the two, that best answer the question, quoted; or it abstains.

Which sentences are candidates and how they look as numbers is `features`, what the numbers are worth is `weights`, what a quotation needs
around it is `quotation`; the words in it that answer are found by `spans`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backends.local.features import Description, FloatArray, QuestionWords, describe, read_words
from backends.local.quotation import with_context
from backends.local.sampling import draws
from backends.local.sentences import EmbeddedSentences, SentenceSource
from backends.local.spans.model import Marks
from backends.local.spans.remembered import RememberedMarks, SpanSource
from backends.local.splitting import split_sentences
from backends.local.weights import Probabilities, ReaderWeights, default_weights, probabilities
from pipeline.deadline import Deadline
from pipeline.errors import InputError
from pipeline.protocols import Embedder
from pipeline.types import Chunk, Confidence, Evidence, GenerateOptions, Generation, Sample, Token

ABSTENTION = "No clear answer was found in the corpus."
"""What is shown instead of an answer."""

READ_TOGETHER = 4
"""The span reader reads chunks of this rank or better: each takes 40 ms of a core, and those behind seldom hold the answer."""

NEGLIGIBLE = 1e-3
"""A sentence less probable than this adds nothing to another that says the same."""

FLOOR = 1e-6
"""Least probability of a forced sentence: log 0 would drown every sum it is in."""


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
    chosen: tuple[int, ...]
    """Those of them that were chosen; the others are what these cannot do without."""
    confidence: float
    """That the quotation holds the answer; for an abstention, that what would have been quoted does not."""

    def text(self, sentence: int) -> str:
        """A sentence as shown: line breaks inside it become spaces."""
        start, end = self.description.spans[sentence]
        return one_line(self.chunks[self.description.chunk_of[sentence]].text[start:end])

    def answers(self) -> dict[str, float]:
        """Everything that might be answered with one sentence, and how probably: adds up to 1. Sentences that read alike are one."""
        chances = {ABSTENTION: 1 - self.probabilities.answered}
        for sentence, chance in enumerate(self.probabilities.sentences.tolist()):
            if chance > 0:
                text = self.text(sentence)
                chances[text] = chances.get(text, 0.0) + chance
        return chances

    def evidence(self, sentence: int) -> Evidence:
        """Where a sentence stands, and which of its words answer, if it was chosen and they are more probable than that none do."""
        place, span = self.description.chunk_of[sentence], self.description.spans[sentence]
        marks = self.description.marks[place]
        words = None if marks is None or sentence not in self.chosen else marks.best_within(*span)
        return Evidence(self.chunks[place].chunk_id, *span, words)


class ExtractiveReader:
    """A generator that quotes. Deterministic, but for `sample`; thread-safe if its embedder and source are."""

    name = "extractive reader"

    def __init__(
        self,
        embedder: Embedder,
        sentences: SentenceSource | None = None,
        weights: ReaderWeights | None = None,
        spans: SpanSource | None = None,
    ) -> None:
        """sentences: stored vectors; what it does not know is embedded. weights: the shipped ones (ConfigError if damaged).

        spans: what reads question and chunk together; without it the sentences are weighed by their vectors and words alone.
        """
        self._embedder = embedder
        self._sentences = EmbeddedSentences.over(embedder, sentences)
        self.spans = spans
        """What reads question and chunk together; None where nothing does."""
        self._spans = None if spans is None else RememberedMarks(spans)
        self.detail = self.name if spans is None else f"{self.name} with {spans.name}, weights {spans.fingerprint}"
        self.weights = weights or default_weights()

    def generate(
        self, question: str, chunks: Sequence[Chunk], options: GenerateOptions, *, deadline: Deadline | None = None
    ) -> Iterator[Token | Generation]:
        """Yield a Token for each quoted sentence, then the Generation: `quoted` or `abstained`. Raises Timeout past the deadline.

        A Token's log-probability is that of its sentence in the softmax over all candidates and none.
        """
        reading = self.read(question, chunks, deadline=deadline, anew=True)
        tokens = []
        for position, sentence in enumerate(reading.quoted):
            logprob = float(np.log(max(reading.probabilities.sentences[sentence], FLOOR)))
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

    def read(
        self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None, anew: bool = False
    ) -> Reading:
        """Weigh every sentence of the chunks. Raises Timeout once the deadline has passed.

        anew: as if for the first time, so that the time of an answer does not depend on whether it was given before.
        """
        description = self.describe(question, chunks, deadline=deadline, anew=anew)
        chances = probabilities(self.weights, description)
        chosen, quoted = choose_sentences(description, chunks, chances, self.weights.second_share)
        confidence = support(description, chunks, chances, chosen, quoted)
        if not quoted or confidence < self.weights.answer_threshold:
            return Reading(tuple(chunks), description, chances, (), (), 1 - confidence)
        return Reading(tuple(chunks), description, chances, quoted, chosen, confidence)

    def score(self, question: str, chunk_sets: Sequence[Sequence[Chunk]], answer: str) -> FloatArray:
        """Log-probabilities of a forced answer: float32 (n_sets, n_tokens), nats; a token is one of `split_answer`'s sentences.

        A sentence's probability is that of all candidates that read alike, and at least FLOOR: a set that lacks it cannot quote it.
        All sets are described at once, so that a chunk left out changes only what that chunk did. Raises InputError for a blank answer.
        """
        tokens = self.split_answer(answer)
        chunks = list({chunk.chunk_id: chunk for subset in chunk_sets for chunk in subset}.values())
        place_of = {chunk.chunk_id: place for place, chunk in enumerate(chunks)}
        description = self.describe(question, chunks)
        reading = Reading(tuple(chunks), description, Probabilities(np.zeros(0), 0.0), (), (), 0.0)
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
        return [one_line(answer[start:end]) for start, end in split_sentences(answer)]

    def describe(
        self, question: str, chunks: Sequence[Chunk], *, deadline: Deadline | None = None, anew: bool = False
    ) -> Description:
        """The chunks' sentences as numbers; what `weights.probabilities` scores, for any subset of them. anew: see `read`."""
        vector = np.asarray(self._embedder.embed([question], "query", deadline=deadline), np.float32)[0]
        sentences = []
        for chunk in chunks:
            if deadline is not None:
                deadline.check("generate")
            sentences.append(self._sentences.sentences(chunk, deadline=deadline))
        words = QuestionWords(
            question, self.weights.idf, self.weights.unseen_idf, frozenset(self.weights.known_documents)
        )
        return describe(words, vector, chunks, sentences, self._read_spans(question, chunks, deadline, anew))

    def _read_spans(
        self, question: str, chunks: Sequence[Chunk], deadline: Deadline | None, anew: bool
    ) -> list[Marks | None]:
        """By rank, so that what is made of a chunk does not depend on which others are there."""
        if self._spans is None:
            return [None] * len(chunks)
        wanted = [chunk for chunk in chunks if chunk.rank <= READ_TOGETHER]
        found = dict(
            zip(map(id, wanted), self._spans.read(question, wanted, deadline=deadline, anew=anew), strict=True)
        )
        return [found.get(id(chunk)) for chunk in chunks]


def choose_sentences(
    description: Description, chunks: Sequence[Chunk], chances: Probabilities, second_share: float
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(sentences chosen, sentences quoted): the likeliest, the second where it adds something, and what they cannot do without.

    The second is chosen where its share of `answered` is at least `second_share`, and it neither reads like the first nor says the same.
    Sentences of one chunk stand in the chunk's order, those of different chunks likeliest first. Both empty where nothing may be quoted.
    """
    order = np.argsort(-chances.sentences, kind="stable").tolist()
    chosen = [sentence for sentence in order[:1] if chances.sentences[sentence] > 0]
    for second in order[1:2] if chosen else ():
        alike = _stems(description, chunks, second) <= _stems(description, chunks, chosen[0]) or (
            _said(description, chunks, second) == _said(description, chunks, chosen[0])
        )
        if 0 < chances.sentences[second] >= second_share * chances.answered and not alike:
            chosen.append(second)
    if len({int(description.chunk_of[sentence]) for sentence in chosen}) == 1:
        chosen.sort()
    quoted: list[int] = []
    for sentence in chosen:
        inside = np.flatnonzero(description.chunk_of == description.chunk_of[sentence])
        spans = [description.spans[i] for i in inside]
        text = chunks[description.chunk_of[sentence]].text
        around = with_context(text, spans, sentence - int(inside[0]))
        quoted += [int(inside[at]) for at in around if int(inside[at]) not in quoted]
    return tuple(chosen), tuple(quoted)


def support(
    description: Description,
    chunks: Sequence[Chunk],
    chances: Probabilities,
    chosen: Sequence[int],
    quoted: Sequence[int],
) -> float:
    """The probability that a quotation holds the answer: that of its sentences, and of all others that answer in the same words.

    Where ten chunks say the same, each is one of ten and the answer is no less sure.
    """
    given = {_said(description, chunks, sentence) for sentence in chosen}
    likely = np.flatnonzero(chances.sentences > NEGLIGIBLE).tolist()
    alike = [s for s in likely if s not in quoted and _said(description, chunks, s) in given]
    return float(chances.sentences[[*quoted, *alike]].sum())


def _said(description: Description, chunks: Sequence[Chunk], sentence: int) -> str:
    """The words of a sentence that answer, or all of them where the span reader finds none."""
    place, span = description.chunk_of[sentence], description.spans[sentence]
    marks = description.marks[place]
    words = (None if marks is None else marks.best_within(*span)) or span
    return one_line(chunks[place].text[slice(*words)]).casefold()


def one_line(text: str) -> str:
    """A sentence as it is shown."""
    return " ".join(text.split())


def _stems(description: Description, chunks: Sequence[Chunk], sentence: int) -> frozenset[str]:
    return read_words(chunks[description.chunk_of[sentence]].text[slice(*description.spans[sentence])]).stems
