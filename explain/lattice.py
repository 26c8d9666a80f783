"""The context lattice: how probable one answer is over subsets of its chunks, each subset scored once.

Owns which subsets are scored, in which order, and what was scored so far; every exact attribution is worked out from it. A lattice can be
left half filled and gone on with later. Refuses to interpret a figure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pipeline.errors import BadResponse, InputError
from pipeline.types import AnswerScores, Chunk

FloatArray = npt.NDArray[np.float64]
MaskArray = npt.NDArray[np.bool_]

MOST_CHUNKS = 5
"""Chunks up to which all 2^k subsets are scored: 32, half of what ContextCite takes by default."""

LOWEST_NATS = -100.0
"""What a token's log-probability counts at the least, so that −∞ less −∞ is 0 and not a fault."""

Score = Callable[[Sequence[Sequence[Chunk]]], AnswerScores]
"""Scores the answer over some sets of chunks."""


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """One answer's log-probabilities over subsets of its k chunks.

    A subset is a number whose bit i says whether chunk i is in it: 0 is no chunk, 2^k − 1 all of them.
    """

    chunk_ids: tuple[str, ...]
    """The k chunks, in the order in which the answer read them."""
    tokens: tuple[str, ...]
    """Texts of the answer's T tokens."""
    logprobs_nats: FloatArray
    """(2^k, T), none below LOWEST_NATS; a row of NaN was not scored."""

    @property
    def chunks(self) -> int:
        """k."""
        return len(self.chunk_ids)

    @property
    def scored(self) -> MaskArray:
        """(2^k,): which subsets were scored."""
        found: MaskArray = np.logical_not(np.isnan(self.logprobs_nats).any(axis=1))
        return found

    @property
    def complete(self) -> bool:
        """Whether every subset was scored."""
        return bool(self.scored.all())

    @property
    def values(self) -> FloatArray:
        """(2^k,): v(S) = Σ_t log p(a_t | q, S, a_<t) in nats; NaN where not scored."""
        total: FloatArray = self.logprobs_nats.sum(axis=1)
        return total

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; None for a subset that was not scored."""
        rows = [None if np.isnan(row).any() else [round(float(x), 6) for x in row] for row in self.logprobs_nats]
        return {"chunk_ids": list(self.chunk_ids), "tokens": list(self.tokens), "logprobs_nats": rows}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote. Raises InputError for anything else."""
        try:
            tokens = tuple(str(token) for token in data["tokens"])
            rows = [[np.nan] * len(tokens) if row is None else row for row in data["logprobs_nats"]]
            ids = tuple(str(each) for each in data["chunk_ids"])
            found = np.array(rows, np.float64).reshape(2 ** len(ids), len(tokens))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("The stored lattice cannot be read. Explain the trace again.") from error
        return cls(ids, tokens, found)


def scoring_order(chunks: int) -> Iterator[int]:
    """All 2^k subsets, the most telling first: none and all (reliance), all but one (leave-one-out), each alone, then the rest.

    The rest is in such an order that neighbours begin with the same chunks, which a generator need then not read twice.
    """
    full = 2**chunks - 1
    first = [0, full, *(full & ~(1 << i) for i in range(chunks)), *(1 << i for i in range(chunks))]
    rest = sorted(range(2**chunks), key=lambda subset: [i for i in range(chunks) if subset >> i & 1])
    yield from dict.fromkeys([*first, *rest])


def subset_mask(chunks: int) -> MaskArray:
    """(2^k, k): which chunks each subset holds."""
    found: MaskArray = (np.arange(2**chunks)[:, None] >> np.arange(chunks)) & 1 == 1
    return found


def fill_lattice(
    score: Score, chunks: Sequence[Chunk], *, at_once: int = 8, known: Lattice | None = None
) -> Iterator[Lattice]:
    """Score the subsets of `chunks` that `known` lacks, `at_once` a call, and yield the lattice after each call.

    Whoever stops taking keeps the last one, which can be given back as `known`. One that is complete already is yielded as it is.
    Raises InputError for more than MOST_CHUNKS chunks, BadResponse for scores that do not fit, and whatever `score` raises.
    """
    k = len(chunks)
    if k > MOST_CHUNKS:
        raise InputError(f"{k} chunks have {2**k:,} subsets; all are scored for {MOST_CHUNKS} at most.")
    ids = tuple(chunk.chunk_id for chunk in chunks)
    lattice = known if known is not None and known.chunk_ids == ids else None
    if lattice is not None and lattice.complete:
        yield lattice
    todo = [subset for subset in scoring_order(k) if lattice is None or not lattice.scored[subset]]
    for start in range(0, len(todo), at_once):
        subsets = todo[start : start + at_once]
        scores = score([[chunks[i] for i in range(k) if subset >> i & 1] for subset in subsets])
        lattice = _with_rows(lattice, ids, subsets, scores)
        yield lattice


def read_rows(scores: AnswerScores, sets: int, tokens: tuple[str, ...] | None) -> FloatArray:
    """What a scorer gave as (sets, T), none below LOWEST_NATS. tokens: those that were scored before; None for the first time.

    Raises BadResponse for scores that do not fit what was asked, or that are not numbers.
    """
    rows = np.array(scores.logprobs_nats, np.float64).reshape(len(scores.logprobs_nats), -1)
    if rows.shape != (sets, len(scores.tokens)) or (tokens is not None and scores.tokens != tokens):
        raise BadResponse(
            f"The scores have the shape {rows.shape}, where {(sets, len(scores.tokens))} was asked for. "
            "Explain the trace again; if it recurs, the backend's generator is another one than it was."
        )
    if np.isnan(rows).any():
        raise BadResponse("The generator gave log-probabilities that are not numbers. Choose another model.")
    found: FloatArray = np.maximum(rows, LOWEST_NATS)
    return found


def _with_rows(lattice: Lattice | None, ids: tuple[str, ...], subsets: Sequence[int], scores: AnswerScores) -> Lattice:
    rows = read_rows(scores, len(subsets), None if lattice is None else lattice.tokens)
    table = np.full((2 ** len(ids), len(scores.tokens)), np.nan) if lattice is None else lattice.logprobs_nats.copy()
    table[list(subsets)] = rows
    return Lattice(ids, scores.tokens, table)
