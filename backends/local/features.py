"""What the reader looks at: a row of numbers for every candidate sentence, and one for the question as a whole.

All of it depends on the question and the chunks alone, never on the index, so that the same chunks give the same answer wherever
they came from. `describe` is done once for all sentences; `summarise`, which depends on the chunks in play, takes a mask and is
cheap, so that many subsets of the chunks can be scored from one description.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from backends.local.answer_types import AnswerType, expected_type, holds_answer
from backends.local.opposites import count_opposites, is_negated
from backends.local.quotation import is_quotable
from backends.local.spans.model import Marks
from backends.local.splitting import Spans
from backends.local.words import STOP_WORDS, split_words, stem_words
from pipeline.types import Chunk

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

SENTENCE_FEATURES = (
    "cosine",
    "chunk_cosine",
    "rank",
    "overlap",
    "overlap_title",
    "overlap_before",
    "overlap_chunk",
    "pairs",
    "names",
    "answer_type",
    "new_words",
    "first",
    "span",
    "unread",
)
"""Columns of `Description.rows`: scaled cosine of question and sentence; the best such cosine in its chunk; log rank of the
chunk; IDF-weighted share of the question's stems in the sentence, then what the title, the sentence before and the rest of the
chunk add to it; share of the question's word pairs; share of its names; whether it holds something of the expected type; log
count of stems that are not the question's; whether it is its chunk's first; what the span reader gives its words above "no answer", 0
where it did not read the chunk; whether it did not."""

SUMMARY_FEATURES = (
    "cosine",
    "cosine_low",
    "cosine_margin",
    "certainty",
    "rarest_missing",
    "words_missing",
    "names_missing",
    "numbers_missing",
    "type_missing",
    "question_negated",
    "sentence_negated",
    "opposites",
    "span",
    "span_best",
    "unread",
    "known",
    "known_span",
)
"""Entries of `summarise`: the best scaled cosine; the same where it is below 0 (else 0); the same above the mean of each chunk's best;
the best sentence's share; then, of the best sentence with its neighbours and title: highest IDF of a missing question stem, IDF shares of
all missing stems, names and numbers; and of the best sentence: lacks the expected type; the question is negated, the sentence is;
count of opposites; what the span reader gives it, the most that it gives any sentence, and whether it did not read its chunk; whether it
stands in one of the known documents, about which plain questions are asked, and span_best if so."""

SPAN_BOUND = 12.0
"""Beyond this, more of the span reader's score says no more."""

COSINE_CENTRE, COSINE_SCALE = 0.85, 0.03
"""About the mean and spread of multilingual-e5-small's cosines between questions and answering sentences; keeps weights comparable."""

START = 4
"""Letters that related stems share at least."""

KEPT_TEXTS = 4096
"""Sentences whose stems are remembered, with about 4 kB each."""

SAME_PREFIX = 5
"""Two stems that share this many letters are one word in two forms that Snowball leaves apart ("invas", "invad": 4 if of like length)."""


@dataclass(frozen=True, slots=True)
class TextWords:
    """The stems of a sentence or a title."""

    stems: frozenset[str]
    """All, those of stop words included."""
    content: tuple[str, ...]
    """Those of content words, in order."""
    by_start: Mapping[str, tuple[str, ...]]
    """The distinct ones of content words, by their first START letters."""


@lru_cache(KEPT_TEXTS)
def read_words(text: str) -> TextWords:
    """A text's stems; remembered, since the same sentences are candidates for many questions and in many subsets of chunks."""
    words = split_words(text)
    stems = stem_words(words)
    content = tuple(s for w, s in zip(words, stems, strict=True) if w.casefold() not in STOP_WORDS)
    by_start: dict[str, tuple[str, ...]] = {}
    for stem in dict.fromkeys(content):
        by_start[stem[:START]] = (*by_start.get(stem[:START], ()), stem)
    return TextWords(frozenset(stems), content, by_start)


class QuestionWords:
    """A question's m distinct content stems and what is known of each."""

    def __init__(
        self, question: str, idf: Mapping[str, float], unseen_idf: float, known_documents: Collection[str] = ()
    ) -> None:
        """known_documents: ids of those that the second model knows to be asked plain questions."""
        self.known_documents = known_documents
        words = split_words(question)
        stems = stem_words(words)
        content = [
            (w, s, i) for i, (w, s) in enumerate(zip(words, stems, strict=True)) if w.casefold() not in STOP_WORDS
        ]
        names = {s for w, s, i in content if w[0].isupper() and i > 0}
        sequence = [s for _, s, _ in content]
        self.stems = list(dict.fromkeys(sequence))
        self.pairs = set(pairwise(sequence))
        idfs = np.array([idf.get(s, unseen_idf) for s in self.stems], np.float32)
        self.weight = idfs / max(float(idfs.sum()), 1e-6)
        self.rarity = idfs / unseen_idf
        self.is_name = np.array([s in names and not s[0].isdigit() for s in self.stems], np.bool_)
        self.is_number = np.array([s[0].isdigit() for s in self.stems], np.bool_)
        self.all_stems = frozenset(stems)
        self.negated = is_negated(self.all_stems)
        self.folded = frozenset(w.casefold() for w in words)
        self.type = expected_type(question)

    def found_in(self, text: TextWords) -> BoolArray:
        """(m,): which of the question's stems a text holds, in this or a related form."""
        return np.array(
            [any(_is_same(s, other) for other in text.by_start.get(s[:START], ())) for s in self.stems], np.bool_
        )


@dataclass(frozen=True, slots=True)
class Description:
    """The n candidate sentences of some chunks, as numbers; m distinct question stems."""

    words: QuestionWords
    """The question."""
    chunk_of: npt.NDArray[np.intp]
    """(n,): position of each sentence's chunk among the given chunks."""
    spans: Spans
    """(n,): where each sentence stands in its chunk's text."""
    rows: FloatArray
    """(n, len(SENTENCE_FEATURES))."""
    found: BoolArray
    """(n, m): the question's stems in the sentence, its neighbours and the title."""
    negated: BoolArray
    """(n,): whether the sentence holds a negation."""
    opposites: FloatArray
    """(n,): count of opposites."""
    quotable: BoolArray
    """(n,): whether it may be an answer at all; a heading or a question may not."""
    marks: Sequence[Marks | None]
    """What the span reader made of each chunk; None for one that it did not read."""
    known: BoolArray
    """(n,): whether it stands in one of `QuestionWords.known_documents`."""


def describe(
    words: QuestionWords,
    question: FloatArray,
    chunks: Sequence[Chunk],
    sentences: Sequence[tuple[Spans, FloatArray]],
    marks: Sequence[Marks | None],
) -> Description:
    """Describe every sentence of `chunks`.

    question: (dim,); sentences: each chunk's spans and its sentences' vectors (n_i, dim); all L2-normalised. marks: the span reader's of
    each chunk, None where it did not read.
    """
    m = len(words.stems)
    rows, found = [np.empty((0, len(SENTENCE_FEATURES)), np.float32)], [np.empty((0, m), np.bool_)]
    chunk_of: list[int] = []
    all_spans: Spans = []
    negated: list[bool] = []
    opposites: list[int] = []
    quotable: list[bool] = []
    for position, (chunk, (spans, vectors), marked) in enumerate(zip(chunks, sentences, marks, strict=True)):
        if not spans:
            continue
        texts = [chunk.text[start:end] for start, end in spans]
        margins = None if marked is None else sentence_margins(marked, spans)
        chunk_rows, chunk_found = _describe_chunk(words, chunk, texts, vectors @ question, margins)
        rows.append(chunk_rows)
        found.append(chunk_found)
        chunk_of += [position] * len(spans)
        all_spans += spans
        stems = [read_words(text).stems for text in texts]
        negated += [is_negated(each) for each in stems]
        opposites += [count_opposites(words.all_stems, each) for each in stems]
        quotable += [is_quotable(chunk.text, span, (chunk.title, *chunk.section)) for span in spans]
    return Description(
        words,
        np.array(chunk_of, np.intp),
        all_spans,
        np.concatenate(rows),
        np.concatenate(found),
        np.array(negated, np.bool_),
        np.array(opposites, np.float32),
        np.array(quotable, np.bool_),
        marks,
        np.array([chunks[position].document_id in words.known_documents for position in chunk_of], np.bool_),
    )


def sentence_margins(marks: Marks, spans: Spans) -> FloatArray:
    """(n,): of each sentence, the mean of the log-sum-exp of its tokens' start and end scores, bounded; the bound below for one without."""
    found = np.full(len(spans), -SPAN_BOUND, np.float32)
    for number, (start, end) in enumerate(spans):
        inside = (marks.offsets[:, 0] < end) & (marks.offsets[:, 1] > start)
        if inside.any():
            both = np.logaddexp.reduce(marks.starts[inside]) + np.logaddexp.reduce(marks.ends[inside])
            found[number] = np.clip(both / 2, -SPAN_BOUND, SPAN_BOUND)
    return found


def summarise(description: Description, scores: FloatArray, allowed: BoolArray | None = None) -> FloatArray:
    """The question as a whole: float32 (len(SUMMARY_FEATURES),), given the sentences' selection scores (n,), n ≥ 1.

    allowed: (n,) mask of the sentences in play, at least one; all by default. A question without content words lacks all it could have.
    """
    keep = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
    words, rows = description.words, description.rows[keep]
    best = int(np.argmax(scores[keep]))
    cosines = rows[:, SENTENCE_FEATURES.index("cosine")]
    chunk_best = rows[:, SENTENCE_FEATURES.index("chunk_cosine")]
    _, first_of_chunk = np.unique(description.chunk_of[keep], return_index=True)
    missing = ~description.found[keep[best]]
    lost = words.weight * missing
    read = rows[:, SENTENCE_FEATURES.index("unread")] == 0
    span_best = rows[read, SENTENCE_FEATURES.index("span")].max(initial=-SPAN_BOUND) if read.any() else 0.0
    known = float(description.known[keep[best]])
    typed = words.type is not AnswerType.OTHER
    wordless = float(len(missing) == 0)
    return np.array(
        [
            cosines.max(),
            min(cosines.max(), 0),
            cosines.max() - chunk_best[first_of_chunk].mean(),
            1 / np.exp(scores[keep] - scores[keep].max()).sum(),
            (words.rarity * missing).max(initial=wordless),
            lost.sum() + wordless,
            lost[words.is_name].sum(),
            lost[words.is_number].sum(),
            float(typed and rows[best, SENTENCE_FEATURES.index("answer_type")] == 0),
            float(words.negated),
            float(description.negated[keep[best]]),
            float(min(description.opposites[keep[best]], 2)),
            rows[best, SENTENCE_FEATURES.index("span")],
            span_best,
            float(not read[best]),
            known,
            known * span_best,
        ],
        np.float32,
    )


def _describe_chunk(
    words: QuestionWords, chunk: Chunk, texts: list[str], cosines: FloatArray, margins: FloatArray | None
) -> tuple[FloatArray, BoolArray]:
    """Feature rows of one chunk's sentences, and the question's stems in each with its neighbours and the title."""
    scaled = (cosines - COSINE_CENTRE) / COSINE_SCALE
    sentences = [read_words(text) for text in texts]
    stems = [sentence.content for sentence in sentences]
    n, m = len(texts), len(words.stems)
    inside = np.array([words.found_in(sentence) for sentence in sentences], np.bool_).reshape(n, m)
    title = words.found_in(read_words(chunk.heading))
    with_title = inside | title
    before = with_title.copy()
    before[1:] |= inside[:-1]
    around = before.copy()
    around[:-1] |= inside[1:]
    whole = with_title.any(axis=0)
    share, share_title, share_before = inside @ words.weight, with_title @ words.weight, before @ words.weight
    columns = {
        "cosine": scaled,
        "chunk_cosine": np.full(n, scaled.max()),
        "rank": np.full(n, np.log(max(chunk.rank, 1))),
        "overlap": share,
        "overlap_title": share_title - share,
        "overlap_before": share_before - share_title,
        "overlap_chunk": whole @ words.weight - share_before,
        "pairs": [len(words.pairs.intersection(pairwise(s))) / max(len(words.pairs), 1) for s in stems],
        "names": (inside & words.is_name) @ words.weight,
        "answer_type": [
            words.type is not AnswerType.OTHER and holds_answer(words.type, text, words.folded) for text in texts
        ],
        "new_words": [np.log1p(sum(stem not in words.all_stems for stem in sentence)) for sentence in stems],
        "first": np.arange(n) == 0,
        "span": np.zeros(n) if margins is None else margins,
        "unread": np.full(n, margins is None),
    }
    return np.stack([np.asarray(columns[name], np.float32) for name in SENTENCE_FEATURES], axis=1), around


def _is_same(one: str, other: str) -> bool:
    """Whether two stems are the same or related."""
    if one == other:
        return True
    if one[0].isdigit() or min(len(one), len(other)) < 4:
        return False
    shared = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return shared >= SAME_PREFIX or (shared >= SAME_PREFIX - 1 and abs(len(one) - len(other)) <= 2)
