"""One answer over more sources than can be tried in every combination: ContextCite's random ablations, and whether they can be believed.

Used beyond five chunks, and sentence by sentence. Which subsets are scored is settled by the sources and a seed, so that what was
scored can be kept and gone on with. 48 ablations are fitted, 16 others check the fit, and the sources that it ranks first are then left
out, as are random ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from explain import context_cite, faithfulness
from explain.explained import TOPS, Explained, FloatArray, name_others, read_chunks, scored_answer
from explain.lattice import read_rows
from explain.sources import Source, Unit, keep_sources, split_sources
from pipeline.errors import BackendError, InputError
from pipeline.protocols import AnswerScorer
from pipeline.types import AnswerScores, Trace

MaskArray = npt.NDArray[np.bool_]

FITTED, HELD_OUT = 48, 16
"""Ablations that the surrogate is fitted on, and that check it: 64 together, the paper's default."""

RANDOM_DROPS = 4
"""Random choices of as many sources as the best ones, for each of TOPS."""

ABLATED = 2 + FITTED + HELD_OUT
"""Subsets that are known before anything is fitted: none, all, and the ablations."""

SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ablations:
    """One answer's log-probabilities over subsets of its s sources, in the order in which they are scored."""

    unit: Unit
    """What a source is."""
    sources: int
    """s."""
    tokens: tuple[str, ...]
    """Texts of the answer's T tokens."""
    logprobs_nats: FloatArray
    """(n, T): of no source, of all, of the ablations, and of those that leave the best or random ones out; perhaps not of all yet."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        rows = [[round(float(x), 6) for x in row] for row in self.logprobs_nats]
        return {"unit": self.unit, "sources": self.sources, "tokens": list(self.tokens), "logprobs_nats": rows}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote. Raises InputError for anything else."""
        try:
            tokens = tuple(str(token) for token in data["tokens"])
            rows = np.array(data["logprobs_nats"], np.float64).reshape(-1, len(tokens))
            return cls(data["unit"], int(data["sources"]), tokens, rows)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("The stored ablations cannot be read. Explain the trace again.") from error


@dataclass(frozen=True)
class SampledExplanation(Explained):
    """A trace's answer and some ablations of its sources."""

    unit: Unit
    """What is left out at a time."""
    ablations: Ablations
    """Scores so far."""

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The chunks, or their sentences."""
        return split_sources(self.chunks, self.unit)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Texts of the answer's T tokens."""
        return self.ablations.tokens

    @property
    def scored(self) -> tuple[int, int]:
        """How many subsets were scored, and of how many."""
        return len(self.ablations.logprobs_nats), count_subsets(len(self.sources))

    @property
    def extremes_nats(self) -> tuple[FloatArray, FloatArray]:
        """(T,) twice: without any source, and with all of them."""
        return self.ablations.logprobs_nats[0], self.ablations.logprobs_nats[1]

    @cached_property
    def masks(self) -> MaskArray:
        """(ABLATED, s): which sources are in the subsets that are known beforehand."""
        return ablation_masks(len(self.sources))

    @cached_property
    def surrogate(self) -> context_cite.Surrogate | None:
        """The fit on the first FITTED ablations; None until all ablations were scored."""
        rows = self.ablations.logprobs_nats
        if len(rows) < ABLATED:
            return None
        fitted = slice(2, 2 + FITTED)
        return context_cite.fit_surrogate(self.masks[fitted], rows[fitted].sum(axis=1), len(self.tokens))

    @property
    def source_nats(self) -> FloatArray:
        """(s,): the surrogate's weights, in nats of the logit; NaN until all ablations were scored."""
        return np.full(len(self.sources), np.nan) if self.surrogate is None else self.surrogate.weights

    @property
    def bounds_nats(self) -> tuple[FloatArray, FloatArray] | None:
        """(s,) twice: the 5th and 95th percentile of the weights over resampled ablations."""
        return None if self.surrogate is None else (self.surrogate.low, self.surrogate.high)

    @cached_property
    def source_token_nats(self) -> FloatArray:
        """(s, T): weights of each token by itself, which do not add up to the answer's."""
        if self.surrogate is None:
            return np.full((len(self.sources), len(self.tokens)), np.nan)
        fitted = slice(2, 2 + FITTED)
        return context_cite.fit_tokens(self.masks[fitted], self.ablations.logprobs_nats[fitted])

    @property
    def datamodeling_score(self) -> float | None:
        """LDS of the weights over the held-out ablations; None where nothing changes, or not all was scored."""
        if self.surrogate is None:
            return None
        held = slice(2 + FITTED, ABLATED)
        return faithfulness.datamodeling_score(
            self.surrogate.weights, self.masks[held], self.ablations.logprobs_nats[held].sum(axis=1)
        )

    @property
    def drops_nats(self) -> tuple[tuple[int, float, float], ...]:
        """For each of TOPS: what is lost without the best sources, and on average without as many at random."""
        if not self.complete:
            return ()
        values = self.ablations.logprobs_nats.sum(axis=1)
        blocks = values[ABLATED:].reshape(-1, 1 + RANDOM_DROPS)
        return tuple(
            (top, float(values[1] - block[0]), float(values[1] - block[1:].mean()))
            for top, block in zip(tops(len(self.sources)), blocks, strict=True)
        )

    def source_name(self, place: int) -> str:
        """How a sentence calls a source."""
        named = super().source_name(place)
        return named if self.unit == "chunks" else f"the sentence “{self.source_text(place)}” of {named}"

    def _sources_sentence(self) -> str:
        values = self.source_nats
        if values[self.order[0]] <= 0:
            return "The answer stands on its chunks together; none of them could be singled out."
        best, *others = (i for i in self.order if values[i] >= values[self.order[0]] / 2)
        named = f"The answer stands most on {self.source_name(best)}"
        if not others:
            return f"{named}."
        if self.unit == "chunks":
            return f"{named}, and on {name_others(self.chunks, others)}."
        return f"{named}, and on {len(others)} more sentence{'s' if len(others) > 1 else ''}."

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the scores, and all that is worked out from them."""
        low, high = self.bounds_nats or (self.source_nats, self.source_nats)
        ready = self.surrogate is not None
        return super().to_dict() | {
            "method": "contextcite",
            "unit": self.unit,
            "sources": [
                {
                    "chunk_id": self.chunks[source.chunk].chunk_id,
                    "title": self.chunks[source.chunk].title,
                    "rank": self.chunks[source.chunk].rank,
                    "start": source.start,
                    "end": source.end,
                    "weight_nats": float(self.source_nats[i]) if ready else None,
                    "low_nats": float(low[i]) if ready else None,
                    "high_nats": float(high[i]) if ready else None,
                }
                for i, source in enumerate(self.sources)
            ],
            "ablations": self.ablations.to_dict(),
        }


def tops(sources: int) -> tuple[int, ...]:
    """How many of the best are left out, each in turn."""
    return tuple(top for top in TOPS if top < sources) or (sources,)


def count_subsets(sources: int) -> int:
    """How many subsets are scored in all."""
    return ABLATED + len(tops(sources)) * (1 + RANDOM_DROPS)


def ablation_masks(sources: int) -> MaskArray:
    """(ABLATED, s): none, all, and random halves."""
    ends = np.array([np.zeros(sources, bool), np.ones(sources, bool)])
    return np.concatenate([ends, context_cite.draw_masks(sources, FITTED + HELD_OUT, SEED)])


def drop_masks(ranking: Sequence[int]) -> MaskArray:
    """(len(tops) · (1 + RANDOM_DROPS), s): for each of TOPS, all but the best so many, then all but random ones."""
    sources, generator = len(ranking), np.random.default_rng(SEED)
    found = []
    for top in tops(sources):
        lost = [list(ranking[:top]), *(generator.permutation(sources)[:top].tolist() for _ in range(RANDOM_DROPS))]
        found += [[place not in gone for place in range(sources)] for gone in lost]
    return np.array(found, bool)


def explain_sampled(
    trace: Trace, scorer: AnswerScorer, unit: Unit, known: Ablations | None = None
) -> Iterator[SampledExplanation]:
    """Score the subsets that `known` lacks, and yield what is known after each call; as `explanation.explain_trace` otherwise.

    Raises InputError for a trace without answer or chunks, or with too many sources, and what the scorer raises on its first call.
    """
    answer, chunks = scored_answer(trace), read_chunks(trace)
    sources = split_sources(chunks, unit)
    found: SampledExplanation | None = None

    def explained(ablations: Ablations, problem: str = "") -> SampledExplanation:
        return SampledExplanation(trace, answer, chunks, unit, ablations, problem=problem)

    if known is not None and (known.unit, known.sources) == (unit, len(sources)) and len(known.logprobs_nats) >= 2:
        found = explained(known)
    if found is not None and found.complete:
        yield found
    at_once = max(2, scorer.sets_at_once)
    while found is None or not found.complete:
        masks = _next_masks(found, len(sources), at_once)
        try:
            sets = [keep_sources(chunks, sources, mask) for mask in masks]
            scores = scorer.score_answer(trace.question, sets, answer)
            found = explained(_with_rows(found, unit, len(sources), scores, len(sets)))
            yield found
        except BackendError as error:
            if found is None:
                raise
            yield explained(found.ablations, str(error))
            return


def _next_masks(found: SampledExplanation | None, sources: int, at_once: int) -> MaskArray:
    """The next subsets to score: those known beforehand, then those that the fit names."""
    done = 0 if found is None else found.scored[0]
    if found is None or done < ABLATED:
        return ablation_masks(sources)[done : done + at_once]
    return drop_masks([int(i) for i in np.argsort(-found.moved_nats, kind="stable")])[done - ABLATED :][:at_once]


def _with_rows(
    found: SampledExplanation | None, unit: Unit, sources: int, scores: AnswerScores, sets: int
) -> Ablations:
    rows = read_rows(scores, sets, None if found is None else found.tokens)
    before = rows[:0] if found is None else found.ablations.logprobs_nats
    return Ablations(unit, sources, scores.tokens, np.concatenate([before, rows]))
