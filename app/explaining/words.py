"""An explanation in words and figures, for whatever shows it: a terminal, the Explain page, its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

from app.kit.numbers import count, percent, signed, three_figures
from app.kit.plain import one_line, shortened
from app.kit.wording import listed
from explain.explained import NOT_ATTRIBUTABLE_NATS, Explained, count_unknown_texts
from explain.explanation import MOSTLY, Explanation
from explain.sampled import SampledExplanation
from explain.spans import token_spans
from pipeline.types import Chunk, Evidence

LARGEST_NATS = 13.8156
"""ln 1,000,000, rounded up: what is more is said as "more than a million times"."""

NEVER_NATS = 0.01 - LARGEST_NATS
"""Log-probability below which a quoting reader has no such sentence, rounding allowed for."""

TELLING = 0.1
"""Share of the largest weight from which on a sentence is pointed out."""

NAME_CHARS = 60
"""Characters of its text by which a chunk without a title is called."""

MOST_BARS = 12
"""Sources that a list of them shows; those that did least are left out."""


@dataclass(frozen=True, slots=True)
class TokenMark:
    """How a token of the answer is shown."""

    text: str
    """The token, with the white space before it."""
    level: float
    """Its reliance as a share of the largest, in [-1, 1]."""
    words: str
    """The reliance, and the chunk that did most of it, in words."""
    chunk: int | None
    """Position of that chunk among those read; None where none did enough."""


@dataclass(frozen=True, slots=True)
class ChunkMark:
    """How a chunk is shown."""

    chunk: Chunk
    """The chunk."""
    place: int
    """Its position among those read."""
    words: str
    """What it did, in words, without a unit that one must know."""
    figures: str
    """The same in nats."""
    share: float
    """The same as a share of the largest, in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A source in a list of those that did most."""

    name: str
    """What it is."""
    nats: float
    """What it did."""
    low_nats: float | None = None
    """Lower end of its 90 % interval; None where it is exact."""
    high_nats: float | None = None
    """Upper end."""

    @property
    def reach_nats(self) -> tuple[float, float]:
        """How far the interval reaches above and below the value; 0 where it is exact."""
        if self.low_nats is None or self.high_nats is None:
            return 0.0, 0.0
        return max(0.0, self.high_nats - self.nats), max(0.0, self.nats - self.low_nats)

    @property
    def words(self) -> str:
        """Value and interval."""
        if self.low_nats is None or self.high_nats is None:
            return nats(self.nats)
        return f"{nats(self.nats)} ({nats(self.low_nats)} to {nats(self.high_nats)})"


def nats(value: float) -> str:
    """A difference of log-probabilities with its sign: "+6.91"; "0" for none."""
    return signed(three_figures(abs(value)), value)


def spoken_tokens(answer: str, tokens: Sequence[str]) -> list[str]:
    """The tokens with the white space that stands before each in the answer; as they are where they do not make it up."""
    spans = token_spans(answer, tokens)
    if spans is None:
        return list(tokens)
    starts = [0, *(end for _, end in spans)]
    return [answer[start:end] for start, (_, end) in zip(starts, spans, strict=False)]


def token_marks(found: Explained) -> list[TokenMark]:
    """The answer's tokens by their reliance."""
    values = found.token_reliance_nats
    most = max(float(abs(values).max(initial=0.0)), NOT_ATTRIBUTABLE_NATS)
    against = found.token_reliance_on_these_nats
    marks = []
    for place, (text, value, chunk) in enumerate(
        zip(spoken_tokens(found.answer, found.tokens), values.tolist(), found.main_chunk_of_token, strict=True)
    ):
        words = f"{nats(value)} nats"
        if against is not None:
            words += f" ({nats(float(against[place]))} against random chunks)"
        if chunk is not None:
            words += f", most of it from chunk {found.chunks[chunk].rank}"
        marks.append(TokenMark(text, value / most, words, chunk))
    return marks


def probable(value_nats: float, beside: str = "") -> str:
    """What a difference of log-probabilities comes to: "874,000 times as probable", or "2.68 times less probable".

    beside: what it is compared with, "without any", which makes it "2.68 times less probable than without any".
    """
    times, link = ("times as probable", "as") if value_nats >= 0 else ("times less probable", "than")
    factor = "more than a million" if abs(value_nats) > LARGEST_NATS else three_figures(exp(abs(value_nats)))
    factor = "a million" if factor == "1,000,000" else factor
    return f"{factor} {times} {link} {beside}" if beside else f"{factor} {times}"


def reliance_words(found: Explained) -> str:
    """How much the answer owes to its chunks, and to these rather than to any."""
    reliance = nats(found.reliance_nats)
    words = (
        f"With all chunks the answer is {probable(found.reliance_nats, 'without any')}: its reliance on them is {reliance} nats "
        "(natural logarithms)."
    )
    if found.trace.generation is not None and found.trace.generation.finish_reason == "quoted":
        words = (
            f"Reliance {reliance} nats. The answer is quoted: a reader that does not see a sentence cannot say it, which is set to one "
            "in a million. So this says that the answer is quoted from the chunks, not how surely."
        )
    against = found.reliance_on_these_nats
    if against is None:
        return words
    return f"{words} Against as many random chunks it is {nats(against)} nats: that much is owed to these chunks and not to any text."


def chunk_name(chunk: Chunk) -> str:
    """What a chunk is called in a list: its title, or how its text begins."""
    return one_line(chunk.title) or shortened(one_line(chunk.text), NAME_CHARS)


def chunk_order(found: Explained) -> list[int]:
    """Positions of the chunks, those first that moved the answer most to where all together moved it."""
    if not found.complete:
        return list(range(len(found.chunks)))
    sign = -1 if found.reliance_nats < 0 else 1
    return sorted(range(len(found.chunks)), key=lambda i: -sign * float(found.chunk_nats[i]))


def chunk_marks(found: Explained) -> list[ChunkMark]:
    """The chunks in that order, each with what it did in words."""
    most = max(float(abs(found.chunk_nats).max(initial=0.0)), NOT_ATTRIBUTABLE_NATS)
    return [
        ChunkMark(found.chunks[i], i, _part(found, i), _did(found, i), float(found.chunk_nats[i]) / most)
        for i in chunk_order(found)
    ]


def _part(found: Explained, place: int) -> str:
    """A chunk's part in what all did; of weights, which do not add up to that, its part of the largest."""
    value = float(found.chunk_nats[place])
    if not found.attributable or abs(value) < NOT_ATTRIBUTABLE_NATS:
        return "did next to nothing"
    if isinstance(found, Explanation):
        share = value / found.reliance_nats
        return f"{percent(min(share, 1.0))} of what all did" if share > 0 else "worked the other way"
    most = max(chunk_order(found), key=lambda i: abs(float(found.chunk_nats[i])))
    if place == most:
        return "did most"
    share = value / float(found.chunk_nats[most])
    return f"{percent(share)} of the largest part" if share > 0 else "worked the other way"


def _did(found: Explained, place: int) -> str:
    value = nats(float(found.chunk_nats[place]))
    if isinstance(found, Explanation):
        return f"Shapley {value} · left out {nats(float(found.leave_one_out_nats[place]))} nats"
    if _by_sentence(found):
        return f"its sentences {value} nats"
    low, high = found.bounds_nats or (found.source_nats, found.source_nats)
    return f"weight {value} nats ({nats(float(low[place]))} to {nats(float(high[place]))})"


def _by_sentence(found: Explained) -> bool:
    return isinstance(found, SampledExplanation) and found.unit == "sentences"


def telling_sentences(found: Explained) -> list[Evidence]:
    """The sentences whose whole interval lies on the side to which the chunks moved the answer; empty where chunks are told apart."""
    if not (_by_sentence(found) and found.bounds_nats):
        return []
    low, high = found.bounds_nats
    most = float(abs(found.source_nats).max())
    return [
        Evidence(found.chunks[source.chunk].chunk_id, source.start, source.end)
        for i, source in enumerate(found.sources)
        if (high[i] < 0 if found.reliance_nats < 0 else low[i] > 0) and abs(found.source_nats[i]) >= most * TELLING
    ]


def bars(found: Explained) -> list[Bar]:
    """The sources that did most, in order."""
    low, high = found.bounds_nats or (None, None)
    kept = sorted(found.order, key=lambda i: -abs(float(found.source_nats[i])))[:MOST_BARS]
    return [
        Bar(
            _source_label(found, i),
            float(found.source_nats[i]),
            None if low is None else float(low[i]),
            None if high is None else float(high[i]),
        )
        for i in found.order
        if i in kept
    ]


def _source_label(found: Explained, place: int) -> str:
    chunk = found.chunks[found.sources[place].chunk]
    if _by_sentence(found):
        return f"{chunk.rank}. {one_line(found.source_text(place))}"
    return f"{chunk.rank}. {chunk_name(chunk)}"


def colour_limit_nats(found: Explanation) -> float:
    """Interaction that gets the deepest colour: the largest, but no less than a tenth of the reliance, lest noise look strong."""
    largest = float(abs(found.interactions_nats).max(initial=0.0))
    return max(largest, abs(found.reliance_nats) / 10, NOT_ATTRIBUTABLE_NATS)


def pairs_title(found: Explanation) -> str:
    """Which pair of chunks stands out, for a chart's title."""
    table = found.interactions_nats
    one, other = divmod(int(abs(table).argmax()), len(table))
    if abs(float(table[one, other])) < NOT_ATTRIBUTABLE_NATS:
        return "No two chunks depend on each other"
    share = float(found.dependence[one, other]) * (-1 if found.reliance_nats < 0 else 1)
    names = listed([str(found.chunks[i].rank) for i in sorted((one, other))])
    if abs(share) >= MOSTLY:
        return f"Chunks {names} {'need each other' if share > 0 else 'do the same work'}"
    return f"Chunks {names} {'help each other' if share > 0 else 'overlap'} a little"


def weights_title(found: Explained) -> str:
    """Which source did most, for a chart's title."""
    best = found.order[0]
    if abs(float(found.source_nats[best])) < NOT_ATTRIBUTABLE_NATS:
        return "None did much by itself"
    rank = found.chunks[found.sources[best].chunk].rank
    return f"{'A sentence of chunk' if _by_sentence(found) else 'Chunk'} {rank} did most"


def pairs_note(found: Explanation) -> str:
    """How to read the interactions: their sign turns round where the chunks made the answer less probable."""
    if found.reliance_nats < 0:
        return (
            "The chunks made this answer less probable, so signs turn round: above 0 the two do the same work, below 0 they work only "
            "together."
        )
    return "Below 0 the two do the same work, so that either would do; above 0 they work only together."


def level_text(value: float) -> str:
    """A log-probability: "−13.8"."""
    return three_figures(value)


def explained_with(found: Explained) -> list[str]:
    """What one must know of an explanation that says less than it would of an answer of ours, a sentence each; empty where nothing."""
    lines = []
    if found.stand_in:
        lines.append(
            f"Explained with {found.stand_in}, not with the model that answered: how probable that answer is to {found.stand_in}, with "
            "and without the chunks."
        )
    if found.stand_in and all(float(level.max(initial=NEVER_NATS)) <= NEVER_NATS for level in found.extremes_nats):
        lines.append(
            f"{found.stand_in} would never say this, whatever it reads: a reader that quotes has the sentences of its chunks alone. "
            "Choose a stand-in that words answers itself, such as local/research."
        )
    if unknown := count_unknown_texts(found.trace):
        lines.append(f"Left out: {count(unknown, 'chunk')} whose text was not sent.")
    return lines


def not_shown_words(why_not: Mapping[str, str]) -> str:
    """Which parts of the page a backend cannot fill, and what could. why_not: why, by the part's name."""
    names = listed([f"“{name}”" for name in why_not])
    return f"{names} {'is' if len(why_not) == 1 else 'are'} not shown. {next(iter(why_not.values()))}"


def how_explained(found: Explained) -> str:
    """How the figures came about, in a sentence."""
    scored, _ = found.scored
    if isinstance(found, SampledExplanation):
        return (
            f"{scored} subsets of the {len(found.sources)} {found.unit} were scored, most of them drawn at random: the weights are "
            "ContextCite's, in nats of the answer's log-odds, with 90 % intervals over resampled subsets."
        )
    return f"All {scored} subsets of the chunks were scored, so that the Shapley values are exact."
