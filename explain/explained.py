"""What every explanation of an answer has, however its sources were scored: reliance on all of them, and an order among them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.sources import Source
from pipeline.errors import InputError
from pipeline.types import Chunk, Trace

FloatArray = npt.NDArray[np.float64]

NOT_ATTRIBUTABLE_NATS = 0.1
"""Where all chunks together move the answer by less than this, a ranking among them ranks noise."""

TOPS = (1, 3)
"""How many of the best sources are taken away to check a ranking."""

SCHEMA = "1.2"


@dataclass(frozen=True)
class Explained:
    """A trace's answer over its context; k chunks, s sources (the chunks, or their sentences), T tokens."""

    trace: Trace
    """The trace that is explained."""
    answer: str
    """The answer as it was scored."""
    chunks: tuple[Chunk, ...]
    """The k chunks that the generator read."""
    problem: str = field(default="", kw_only=True)
    """Why scoring ended before everything was scored; empty if it did not."""
    distractor_nats: FloatArray | None = field(default=None, repr=False, kw_only=True)
    """(draws, T): the answer's log-probabilities over as many random chunks instead; None if that was not scored."""
    stand_in: str = field(default="", kw_only=True)
    """The backend that scored it in place of the one that answered; empty where that one did."""

    @property
    def scored_by(self) -> str:
        """The backend whose log-probabilities these are."""
        return self.stand_in or self.trace.backend

    @property
    def sources(self) -> tuple[Source, ...]:
        """The s sources, in the context's order."""
        raise NotImplementedError

    @property
    def tokens(self) -> tuple[str, ...]:
        """Texts of the answer's T tokens."""
        raise NotImplementedError

    @property
    def scored(self) -> tuple[int, int]:
        """How many subsets were scored, and of how many."""
        raise NotImplementedError

    @property
    def extremes_nats(self) -> tuple[FloatArray, FloatArray]:
        """(T,) twice: log-probabilities without any source, and with all of them."""
        raise NotImplementedError

    @property
    def source_nats(self) -> FloatArray:
        """(s,): what each source did for the answer; NaN until everything is scored."""
        raise NotImplementedError

    @property
    def source_token_nats(self) -> FloatArray:
        """(s, T): what each source did for each token; NaN until everything is scored."""
        raise NotImplementedError

    @property
    def bounds_nats(self) -> tuple[FloatArray, FloatArray] | None:
        """(s,) twice: a 90 % interval of each of `source_nats`; None where they are exact."""
        return None

    @property
    def datamodeling_score(self) -> float | None:
        """LDS of `source_nats`; None where nothing changes, or not all was scored."""
        raise NotImplementedError

    @property
    def drops_nats(self) -> tuple[tuple[int, float, float], ...]:
        """For each of TOPS: what is lost without that many of the first sources in `order`, and without as many at random."""
        raise NotImplementedError

    @property
    def complete(self) -> bool:
        """Whether every subset was scored."""
        scored, whole = self.scored
        return scored == whole

    @cached_property
    def token_reliance_nats(self) -> FloatArray:
        """(T,): what the chunks together did for each token."""
        without, everything = self.extremes_nats
        found: FloatArray = everything - without
        return found

    @cached_property
    def reliance_nats(self) -> float:
        """v(N) − v(∅): what the chunks together did for the answer."""
        return float(self.token_reliance_nats.sum())

    @cached_property
    def token_reliance_on_these_nats(self) -> FloatArray | None:
        """(T,): the same against random chunks, the mean over draws: what these chunks did that any would not."""
        if self.distractor_nats is None:
            return None
        found: FloatArray = self.extremes_nats[1] - self.distractor_nats.mean(axis=0)
        return found

    @property
    def reliance_on_these_nats(self) -> float | None:
        """The same for the answer."""
        found = self.token_reliance_on_these_nats
        return None if found is None else float(found.sum())

    @property
    def attributable(self) -> bool:
        """Whether the chunks did enough for a ranking among them to mean something."""
        return abs(self.reliance_nats) >= NOT_ATTRIBUTABLE_NATS

    @property
    def abstained(self) -> bool:
        """Whether the answer is an abstention."""
        return self.trace.generation is not None and self.trace.generation.abstained

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Positions of the sources, those first that moved the answer most to where all together moved it.

        As they were read until everything is scored.
        """
        if not self.complete:
            return tuple(range(len(self.sources)))
        return tuple(sorted(range(len(self.sources)), key=lambda i: -self.moved_nats[i]))

    @property
    def moved_nats(self) -> FloatArray:
        """(s,): `source_nats`, the other way round where the chunks made the answer less probable."""
        return -self.source_nats if self.reliance_nats < 0 else self.source_nats

    @cached_property
    def chunk_nats(self) -> FloatArray:
        """(k,): `source_nats` of each chunk's sources, added up."""
        found = np.zeros(len(self.chunks))
        np.add.at(found, [source.chunk for source in self.sources], self.source_nats)
        return found

    @cached_property
    def chunk_token_nats(self) -> FloatArray:
        """(k, T): the same for each token."""
        found = np.zeros((len(self.chunks), len(self.tokens)))
        np.add.at(found, [source.chunk for source in self.sources], self.source_token_nats)
        return found

    @cached_property
    def main_chunk_of_token(self) -> tuple[int | None, ...]:
        """(T,): position of the chunk that each token owes most to; None where it relies on them by less than NOT_ATTRIBUTABLE_NATS."""
        if not self.complete:
            return (None,) * len(self.tokens)
        relies = self.token_reliance_nats >= NOT_ATTRIBUTABLE_NATS
        return tuple(
            int(column.argmax()) if owes and column.max() > 0 else None
            for column, owes in zip(self.chunk_token_nats.T, relies.tolist(), strict=True)
        )

    def source_text(self, place: int) -> str:
        """A source's text."""
        source = self.sources[place]
        return self.chunks[source.chunk].text[source.start : source.end].strip()

    def source_name(self, place: int) -> str:
        """How a sentence calls a source."""
        chunk = self.chunks[self.sources[place].chunk]
        return f"chunk {chunk.rank}, “{chunk.title}”" if chunk.title else f"chunk {chunk.rank}"

    @property
    def sentence(self) -> str:
        """What the answer stands on, in a sentence. Chunks are named by their rank, as everywhere."""
        if not self.attributable and self.stand_in:
            return f"Not attributable: to {self.stand_in}, the answer is as probable without any chunk as with all of them."
        if not self.attributable:
            return (
                "Not attributable: the answer is as probable without any chunk, so it came from the generator itself, "
                "not from what was retrieved."
            )
        if self.abstained:
            return self._abstention_sentence()
        if self.reliance_nats < 0:
            return "The chunks speak against this answer: it is less probable with them than without any."
        if not self.complete:
            return "The answer stands on its chunks; on which of them is known once all subsets are scored."
        return self._sources_sentence()

    def _abstention_sentence(self) -> str:
        if self.reliance_nats > 0:
            return (
                "The generator abstained because of the chunks: abstaining is more probable with them than without any."
            )
        said = "The generator abstained in spite of the chunks, which made that less probable."
        if not self.complete:
            return said
        name = self.source_name(self.order[0])
        return f"{said} {name[0].upper()}{name[1:]}, came closest to an answer."

    def _sources_sentence(self) -> str:
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the scores, and all that is worked out from them."""
        drops = [{"top": top, "drop_nats": drop, "random_nats": chance} for top, drop, chance in self.drops_nats]
        against = self.token_reliance_on_these_nats
        return {
            "schema": SCHEMA,
            "trace_id": self.trace.trace_id,
            "answered_by": self.trace.backend,
            "scored_by": self.scored_by,
            "question": self.trace.question,
            "answer": self.answer,
            "sentence": self.sentence,
            "complete": self.complete,
            "problem": self.problem,
            "attributable": self.attributable,
            "tokens": list(self.tokens),
            "reliance_nats": self.reliance_nats,
            "token_reliance_nats": self.token_reliance_nats.tolist(),
            "reliance_against_random_chunks_nats": self.reliance_on_these_nats,
            "token_reliance_against_random_chunks_nats": None if against is None else against.tolist(),
            "faithfulness": {"datamodeling_score": self.datamodeling_score, "drops": drops},
        }


def scored_answer(trace: Trace) -> str:
    """The answer whose probability is asked: the generated tokens, or what an abstention says.

    Raises InputError if there is none, or no question that it answers.
    """
    generation = trace.generation
    text = "" if generation is None else "".join(token.text for token in generation.tokens).strip() or generation.answer
    if not text.strip():
        raise InputError("This trace has no answer to explain. Ask the question again, then explain the new trace.")
    if not trace.question.strip():
        raise InputError("This trace does not say what was asked, so that no answer can be held against the question.")
    return text


def read_chunks(trace: Trace) -> tuple[Chunk, ...]:
    """The chunks that the generator read and whose text is known; all of them in a trace that does not say which it read.

    Raises InputError if there are none.
    """
    found = _used_chunks(trace)
    if not found:
        raise InputError("This trace has no chunks: there is nothing that the answer could be attributed to.")
    known = tuple(chunk for chunk in found if chunk.text.strip())
    if not known:
        raise InputError(
            "The application did not send the texts of its chunks, so that an answer cannot be held against them. Let its "
            "instrumentation send contents, and explain a new trace."
        )
    return known


def count_unknown_texts(trace: Trace) -> int:
    """How many chunks that the generator read are left out of `read_chunks`, since their text was not sent."""
    return sum(not chunk.text.strip() for chunk in _used_chunks(trace))


def _used_chunks(trace: Trace) -> tuple[Chunk, ...]:
    used = () if trace.generation is None else trace.generation.used_chunk_ids
    return tuple(chunk for chunk in trace.chunks if not used or chunk.chunk_id in used)


def name_others(chunks: Sequence[Chunk], others: Sequence[int]) -> str:
    """Further chunks by their ranks: "chunk 2", "chunks 2 and 4"."""
    *most, last = (str(chunks[i].rank) for i in others)
    return f"chunks {', '.join(most)} and {last}" if most else f"chunk {last}"
