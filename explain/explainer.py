"""Which way an answer is explained, and in which form its scores are kept: exactly up to five chunks, by ablations beyond.

What was scored is worth keeping, since it can cost minutes; what follows from it is worked out again.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explain.distractors import draw_distractors, score_distractors
from explain.explained import Explained, read_chunks
from explain.explanation import Explanation, explain_trace
from explain.lattice import MOST_CHUNKS, Lattice
from explain.sampled import Ablations, SampledExplanation, count_subsets, explain_sampled
from explain.sources import Unit, split_sources
from pipeline.errors import BackendError, InputError
from pipeline.protocols import AnswerScorer
from pipeline.types import Chunk, Trace

log = logging.getLogger(__name__)

LATTICE, DISTRACTORS = "lattice", "distractors"
"""Kinds of scores that are kept, beside ablations, whose kind is their unit."""


def explain_answer(
    trace: Trace, scorer: AnswerScorer, unit: Unit = "chunks", kept: Mapping[str, Any] | None = None
) -> Iterator[Explained]:
    """Explain an answer by its chunks or its sentences; see `explanation.explain_trace` and `sampled.explain_sampled`.

    kept: what `kept_scores` gave of earlier explanations of this trace; what cannot be read is scored again.
    """
    kept = kept or {}
    against = _kept_distractors(kept.get(DISTRACTORS))
    for found in _explain(trace, scorer, unit, kept):
        fits = against is not None and against.shape[1:] == (len(found.tokens),)
        yield replace(found, distractor_nats=against) if fits else found


def _explain(trace: Trace, scorer: AnswerScorer, unit: Unit, kept: Mapping[str, Any]) -> Iterator[Explained]:
    if unit == "chunks" and len(read_chunks(trace)) <= MOST_CHUNKS:
        return explain_trace(trace, scorer, _read(Lattice.from_dict, kept.get(LATTICE)))
    return explain_sampled(trace, scorer, unit, _read(Ablations.from_dict, kept.get(unit)))


def add_distractors(found: Explained, scorer: AnswerScorer, pool: Sequence[Chunk]) -> Explained:
    """The same with the answer's probability over random chunks of `pool`; as it is where they are too few, or scoring fails."""
    draws = draw_distractors(found, pool)
    if not draws:
        return found
    try:
        return replace(found, distractor_nats=score_distractors(found, scorer, draws))
    except BackendError as error:
        log.warning("no score over random chunks: %s", error)
        return found


def kept_scores(found: Explained) -> dict[str, dict[str, Any]]:
    """What is worth keeping, by kind, JSON-ready."""
    scores: dict[str, dict[str, Any]] = {}
    if isinstance(found, Explanation):
        scores[LATTICE] = found.lattice.to_dict()
    if isinstance(found, SampledExplanation):
        scores[found.unit] = found.ablations.to_dict()
    if found.distractor_nats is not None:
        scores[DISTRACTORS] = {"logprobs_nats": found.distractor_nats.tolist()}
    return scores


def count_scores(trace: Trace, unit: Unit = "chunks") -> int:
    """How many times the answer is scored in all. Raises InputError for a trace with nothing to explain."""
    chunks = read_chunks(trace)
    if unit == "chunks" and len(chunks) <= MOST_CHUNKS:
        return 1 << len(chunks)
    return count_subsets(len(split_sources(chunks, unit)))


def estimate_s(trace: Trace, unit: Unit = "chunks") -> float | None:
    """Seconds that explaining takes at most, by how long generating took; None where the trace does not say.

    Scoring an answer is one pass where generating it was one a token, and sets are scored together: it is rarely as long.
    """
    took = [span.duration_ms for span in trace.spans if span.stage == "generate"]
    return count_scores(trace, unit) * took[-1] / 1000 if took else None


def _read(read: Any, data: Any) -> Any:
    try:
        return None if data is None else read(data)
    except InputError:
        return None


def _kept_distractors(data: Any) -> Any:
    try:
        return None if data is None else np.array(data["logprobs_nats"], np.float64)
    except (KeyError, TypeError, ValueError):
        return None
