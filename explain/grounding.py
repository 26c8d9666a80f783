"""Whether the chunks say what the answer says: support for each sentence, and citation precision and recall.

Support is a matter of words: which of a sentence's words a chunk holds, its numbers and names to the letter. It refuses to judge
meaning: a chunk that says the opposite in the same words supports a sentence here, and one that says it in other words does not
(a causal drop, where one is known, makes up for the latter). Chunks are read with their titles, as generators read them.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from backends.local.splitting import Spans, split_sentences
from backends.local.texts import chunk_text
from backends.local.words import STOP_WORDS, split_words, stem_words, word_spans
from pipeline.errors import InputError
from pipeline.types import Chunk

SUPPORT_RECALL = 0.8
"""Default share of a sentence's content words that a supporting chunk holds: one in five may be the answer's own, one in four not.
Chosen, not fitted."""

SUPPORT_DROP_NATS = 1.0
"""Default causal drop of a supporting chunk: without it the sentence is e times less likely. Chosen, not fitted."""

MARKER = re.compile(r"\[\d{1,2}(?:\s*[,;]\s*\d{1,2})*\]")
"""A citation in an answer, `[2]` or `[1, 3]`: numbers of chunks in the prompt, from 1. `[1912]` is none."""

LEADING_MARKERS = re.compile(rf"(?:{MARKER.pattern}\s*)+")


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of an answer and where it stands."""

    start: int
    """Offset of its first character in the answer."""
    text: str
    """The answer's text from there, citations included."""


@dataclass(frozen=True, slots=True)
class Support:
    """What a chunk, or several together, give a sentence."""

    recall: float
    """Share of the sentence's content words whose stems the chunk holds, in [0, 1]; 0 for a sentence without content words."""
    missing: tuple[str, ...]
    """Numbers and names of the sentence, as written there, that the chunk does not hold in just that form."""
    drop_nats: float | None
    """Causal drop: how much likelier the sentence is with the chunk than without; of several chunks the largest. None if not known."""
    supported: bool
    """Nothing is missing, and recall or causal drop is high enough."""


@dataclass(frozen=True, slots=True)
class SentenceGrounding:
    """One sentence against every chunk."""

    sentence: AnswerSentence
    """The sentence."""
    words: int
    """Its content words; where there are none, there is nothing to check."""
    by_chunk: tuple[Support, ...]
    """(k,): what each chunk alone gives."""
    best: int | None
    """Position of the chunk that supports it best: support first, then recall, then fewest missing, then causal drop, then rank."""
    supported: bool
    """Whether the best chunk alone supports it."""
    together: Support
    """What all chunks together give, for a sentence that joins several."""
    unsupported: tuple[tuple[int, int], ...]
    """Content words that no chunk holds (numbers and names: in just that form), as character ranges [start, end) in the answer."""
    cited: tuple[int, ...]
    """Positions of the chunks that it cites, from 0, each once; one outside 0 to k − 1 is a chunk that is not there."""


@dataclass(frozen=True, slots=True)
class CitationScores:
    """Citation quality by the rules of ALCE (Gao et al. 2023, arXiv 2305.14627, section 3)."""

    recall: float
    """Share of sentences that their cited chunks together support; a sentence without citations counts as not supported."""
    precision: float
    """Share of citations that are precise; 0 if there are none."""
    citations: int
    """How many there are."""
    recalled: tuple[bool, ...]
    """(n_sentences,): which sentences count towards recall."""
    precise: tuple[tuple[bool, ...], ...]
    """(n_sentences,), each as long as the sentence's citations: which of them count towards precision."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """How an answer stands on its chunks."""

    sentences: tuple[SentenceGrounding, ...]
    """In the answer's order; empty for an empty answer."""
    citations: CitationScores | None
    """None for an answer that cites nothing, if no citations were given."""

    @property
    def supported_share(self) -> float | None:
        """Share of sentences that some chunk alone supports, of those with content words; None if there are none."""
        checked = [found.supported for found in self.sentences if found.words]
        return sum(checked) / len(checked) if checked else None


@dataclass(frozen=True, slots=True)
class _Word:
    """A content word of a sentence."""

    text: str
    start: int
    end: int
    stem: str
    fact: str | None
    """The form in which a number or name must appear; None for any other word."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What one or several chunks hold."""

    stems: frozenset[str]
    forms: frozenset[str]

    def holds(self, word: _Word) -> bool:
        return word.stem in self.stems if word.fact is None else word.fact in self.forms


def split_answer(answer: str) -> tuple[AnswerSentence, ...]:
    """The sentences of an answer. Citations after a full stop ("Plates move. [1] Heat drives them.") go with the sentence before."""
    spans: Spans = []
    for start, end in split_sentences(answer):
        led = LEADING_MARKERS.match(answer, start, end) if spans else None
        if led is not None:
            spans[-1] = (spans[-1][0], start + len(led.group().rstrip()))
            start = led.end()
        if start < end:
            spans.append((start, end))
    return tuple(AnswerSentence(start, answer[start:end]) for start, end in spans)


def read_citations(sentence: str) -> tuple[int, ...]:
    """Positions of the chunks that a sentence cites, from 0, each once: "[2][1, 2]" gives (1, 0), and "[0]" −1."""
    numbers = [int(number) for marker in MARKER.findall(sentence) for number in re.findall(r"\d+", marker)]
    return tuple(dict.fromkeys(number - 1 for number in numbers))


def ground(
    answer_sentences: Sequence[AnswerSentence],
    chunks: Sequence[Chunk],
    causal_drop: npt.ArrayLike | None = None,
    *,
    citations: Sequence[Sequence[int]] | None = None,
    min_recall: float = SUPPORT_RECALL,
    min_drop_nats: float = SUPPORT_DROP_NATS,
) -> Grounding:
    """Hold every sentence against every chunk.

    answer_sentences: n, as from `split_answer`. chunks: k, in the order in which the generator read them.
    causal_drop: (n, k), nats: log-probability of the sentence over all chunks less that without the chunk.
    citations: n lists of chunk positions from 0, for answers that cite otherwise than by numbers in brackets.
    Raises InputError for a causal drop of another shape or with NaN, and for another number of citation lists.
    """
    drops = _read_drops(causal_drop, len(answer_sentences), len(chunks))
    if citations is not None and len(citations) != len(answer_sentences):
        raise InputError(
            f"There are {len(answer_sentences)} sentences but {len(citations)} lists of citations. Pass one list for each."
        )
    sources = [_read_source(chunk) for chunk in chunks]
    read = [_read_words(sentence.text) for sentence in answer_sentences]
    cited = [
        read_citations(sentence.text) if citations is None else tuple(dict.fromkeys(citations[i]))
        for i, sentence in enumerate(answer_sentences)
    ]

    def judge(sentence: int, positions: Sequence[int]) -> Support:
        source = _join([sources[i] for i in positions])
        drop = max((float(drops[sentence, i]) for i in positions), default=None) if drops is not None else None
        return _judge(read[sentence], source, drop, min_recall, min_drop_nats)

    everything = _join(sources)
    found = tuple(
        _ground_sentence(sentence, read[i], everything, partial(judge, i), len(chunks), cited[i])
        for i, sentence in enumerate(answer_sentences)
    )
    scores = None
    if cited and (citations is not None or any(cited)):
        scores = score_citations(cited, len(chunks), lambda i, positions: judge(i, positions).supported)
    return Grounding(found, scores)


def sentence_drops(
    sentences: Sequence[AnswerSentence], spans: Sequence[tuple[int, int]], token_drops_nats: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """What each sentence loses without each chunk, (n, k) nats, from what each token does.

    spans: (T,) characters of each token in the answer; a token belongs to the sentence that it begins in, one before the first to
    that. token_drops_nats: (k, T).
    """
    starts = np.array([sentence.start for sentence in sentences])
    owners = np.maximum(np.searchsorted(starts, [start for start, _ in spans], side="right") - 1, 0)
    found = np.zeros((len(sentences), len(token_drops_nats)))
    np.add.at(found, owners, token_drops_nats.T)
    return found


def _ground_sentence(
    sentence: AnswerSentence,
    words: Sequence[_Word],
    everything: _Source,
    judge: Callable[[Sequence[int]], Support],
    chunks: int,
    cited: tuple[int, ...],
) -> SentenceGrounding:
    """One sentence. everything: what all chunks hold. judge: what the chunks at some positions give it together."""
    by_chunk = tuple(judge([position]) for position in range(chunks))
    best = min(range(chunks), key=partial(_order, by_chunk), default=None)
    missing = [word for word in words if not everything.holds(word)]
    return SentenceGrounding(
        sentence=sentence,
        words=len(words),
        by_chunk=by_chunk,
        best=best,
        supported=best is not None and by_chunk[best].supported,
        together=judge(range(chunks)),
        unsupported=tuple((sentence.start + word.start, sentence.start + word.end) for word in missing),
        cited=cited,
    )


def score_citations(
    cited: Sequence[Sequence[int]], chunks: int, supports: Callable[[int, Sequence[int]], bool]
) -> CitationScores:
    """Citation precision and recall over n ≥ 1 sentences, whatever support is.

    cited: for each sentence the positions of its cited chunks, each once. chunks: k.
    supports(i, positions): whether those chunks together support sentence i; never asked about no chunk, or one that is not there.

    A sentence is recalled if its cited chunks together support it. A citation is precise if its sentence is recalled and the chunk
    alone supports it, or the sentence's other citations do not. A sentence that cites a chunk that is not there is not recalled, as
    in ALCE's script, and none of its citations is precise (the script leaves them uncounted).
    """
    recalled: list[bool] = []
    precise: list[tuple[bool, ...]] = []
    for i, positions in enumerate(cited):
        known = all(0 <= position < chunks for position in positions)
        recalled.append(bool(positions) and known and supports(i, positions))
        precise.append(tuple(recalled[-1] and _is_needed(i, positions, position, supports) for position in positions))
    total = sum(map(len, precise))
    return CitationScores(
        recall=sum(recalled) / len(recalled),
        precision=sum(map(sum, precise)) / total if total else 0.0,
        citations=total,
        recalled=tuple(recalled),
        precise=tuple(precise),
    )


def _is_needed(
    sentence: int, positions: Sequence[int], position: int, supports: Callable[[int, Sequence[int]], bool]
) -> bool:
    rest = [other for other in positions if other != position]
    return not rest or supports(sentence, [position]) or not supports(sentence, rest)


def _judge(
    words: Sequence[_Word], source: _Source, drop_nats: float | None, min_recall: float, min_drop_nats: float
) -> Support:
    held = sum(word.stem in source.stems for word in words)
    recall = held / len(words) if words else 0.0
    missing = tuple(dict.fromkeys(word.text for word in words if word.fact is not None and not source.holds(word)))
    likely = drop_nats is not None and drop_nats >= min_drop_nats
    said = bool(words) and recall >= min_recall
    return Support(recall, missing, drop_nats, not missing and (said or likely))


def _order(by_chunk: Sequence[Support], position: int) -> tuple[bool, float, int, float, int]:
    support = by_chunk[position]
    return not support.supported, -support.recall, len(support.missing), -(support.drop_nats or 0.0), position


def _read_drops(causal_drop: npt.ArrayLike | None, sentences: int, chunks: int) -> npt.NDArray[np.float64] | None:
    if causal_drop is None:
        return None
    drops = np.asarray(causal_drop, np.float64)
    if drops.shape != (sentences, chunks):
        raise InputError(
            f"Causal drops of shape {drops.shape} do not fit {sentences} sentences and {chunks} chunks. Score each pair once."
        )
    if np.isnan(drops).any():
        raise InputError("A causal drop is NaN. Score the sentence again, with and without the chunk.")
    return drops


def _read_source(chunk: Chunk) -> _Source:
    words = split_words(_normalise(chunk_text(chunk.heading, chunk.text))[0])
    stems = stem_words(words)
    return _Source(frozenset(stems), frozenset(map(_form, words, stems)))


def _join(sources: Sequence[_Source]) -> _Source:
    return _Source(
        frozenset[str]().union(*(s.stems for s in sources)), frozenset[str]().union(*(s.forms for s in sources))
    )


def _form(word: str, stem: str) -> str:
    """What must agree for a number (less its thousands separators) or a name (less its case)."""
    return stem if word[0].isdigit() else word.casefold()


def _read_words(sentence: str) -> list[_Word]:
    """The content words of a sentence, citations apart. Offsets are in the sentence as given."""
    text, origins = _normalise(sentence)
    markers = [marker.span() for marker in MARKER.finditer(text)]
    spans = [(a, b) for a, b in word_spans(text) if not any(start <= a < end for start, end in markers)]
    words = [text[a:b] for a, b in spans]
    stems = stem_words(words)
    return [
        _Word(
            text=sentence[origins[a][0] : origins[b - 1][1]],
            start=origins[a][0],
            end=origins[b - 1][1],
            stem=stem,
            fact=_form(word, stem) if word[0].isdigit() or _is_name(text, spans, i) else None,
        )
        for i, ((a, b), word, stem) in enumerate(zip(spans, words, stems, strict=True))
        if word.casefold() not in STOP_WORDS
    ]


def _is_name(text: str, spans: Spans, i: int) -> bool:
    """Whether a word is capitalised for another reason than to begin the sentence.

    A first word is a name only if a capitalised word follows at once or it has more capitals; "Wegener died" is left to recall.
    """
    word = text[slice(*spans[i])]
    if not word[0].isupper() or i > 0:
        return word[0].isupper()
    if any(letter.isupper() for letter in word[1:]):
        return True
    if len(spans) == 1:
        return False
    (_, end), (follows, _) = spans[:2]
    return text[follows].isupper() and text[end:follows] in (" ", "-")


def _normalise(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Text in NFKC ("é" in one character, digits in ASCII), and the range of `text` that each of its characters comes from."""
    if unicodedata.is_normalized("NFKC", text):  # as most texts are, every part of them too
        return text, [(place, place + 1) for place in range(len(text))]
    parts: list[str] = []
    origins: list[tuple[int, int]] = []
    start = 0
    for end in range(1, len(text) + 1):
        if end < len(text) and unicodedata.combining(text[end]):
            continue
        parts.append(unicodedata.normalize("NFKC", text[start:end]))
        origins += [(start, end)] * len(parts[-1])
        start = end
    return "".join(parts), origins
