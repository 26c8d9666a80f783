"""How sure a generator was of an answer, from its own probabilities and from answers sampled again.

Everything is in nats. Nothing here says whether an answer is right: that takes `explain.calibration`, and answer length as the
baseline. A log-probability of −inf (a token that could not be) is carried through as it is: the sums that hold one are −inf, an
entropy is +inf, and nothing becomes NaN. NaN, +inf or a positive log-probability is refused with an InputError.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from explain.answers import split_tokens, tokens_f1
from pipeline.errors import InputError

FloatArray = npt.NDArray[np.float64]

ROUNDING_NATS = 1e-3
"""How far above 0 a log-probability, or away from 0 a row's log-sum, may be by rounding in 32 bits."""

SAME_F1 = 0.6
"""Default F1 from which two answers count as one: above "May 1912" and "June 1912" (0.5), below "Wegener" and "Alfred Wegener" (0.67)."""


@dataclass(frozen=True, slots=True)
class TokenConfidence:
    """The log-probabilities of one answer's tokens, summed up."""

    tokens: int
    """T, at least 1."""
    sequence_nats: float
    """v = Σ log p(token | what came before), in [−inf, 0]: what the whole answer's probability comes to."""
    mean_nats: float
    """v/T, the length-normalised sequence log-probability, which is also the mean token log-probability."""
    min_nats: float
    """The least likely token's."""
    impossible: int
    """Tokens of probability 0; where there are any, the three figures above are −inf."""

    @property
    def probability(self) -> float:
        """Geometric mean of the token probabilities, exp(v/T), in [0, 1]. It is no probability of being right."""
        return float(np.exp(self.mean_nats))


@dataclass(frozen=True, slots=True)
class SampleConfidence:
    """What M answers to the same question, sampled again, say about the first."""

    clusters: tuple[int, ...]
    """(M,): each answer's cluster, numbered from 0 in order of appearance."""
    semantic_entropy_nats: float
    """Entropy of the clusters' mass, in [0, ln M]."""
    self_consistency: float
    """Share of answers in the largest cluster, in [1/M, 1]."""
    predictive_entropy_nats: float | None
    """Mean of −log p(answer), in [0, inf]; None where no log-probabilities are known."""


def measure_tokens(logprobs_nats: Sequence[float] | FloatArray) -> TokenConfidence:
    """Sum up (T,) token log-probabilities. Raises InputError if there are none, as for an abstention that generated nothing."""
    values = _read_logprobs(logprobs_nats, "token")
    total = float(values.sum())
    return TokenConfidence(
        tokens=len(values),
        sequence_nats=total,
        mean_nats=total / len(values),
        min_nats=float(values.min()),
        impossible=int(np.isneginf(values).sum()),
    )


def predictive_entropy(logprobs_nats: Sequence[float] | FloatArray) -> float:
    """Monte Carlo estimate −(1/M) Σ log p(aᵐ) from the sequence log-probabilities of M sampled answers (Kuhn et al. 2023, eq. 1).

    In [0, inf]: +inf if any answer has probability 0. Raises InputError if there are none.
    """
    return -float(_read_logprobs(logprobs_nats, "answer").mean()) + 0.0


def cluster_answers(answers: Sequence[str], *, threshold: float = SAME_F1) -> tuple[int, ...]:
    """Which answers say the same: a cluster number for each, from 0 in order of appearance.

    Each answer joins the first cluster whose first answer it matches, else begins its own (Kuhn et al. 2023, algorithm 1). For
    their entailment in both directions stands token F1 of at least `threshold`; F1 is symmetric, so one comparison is both
    directions. It is blind to meaning: "not" is one word among others, and long answers that differ in one number are one cluster.
    Empty answers, which abstain, are a cluster of their own. Raises InputError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise InputError(
            f"An F1 threshold of {threshold} sorts nothing. Choose one above 0 and at most 1, such as {SAME_F1}."
        )
    firsts: list[list[str]] = []
    clusters: list[int] = []
    for tokens in map(split_tokens, answers):
        cluster = next((i for i, first in enumerate(firsts) if tokens_f1(tokens, first) >= threshold), len(firsts))
        if cluster == len(firsts):
            firsts.append(tokens)
        clusters.append(cluster)
    return tuple(clusters)


def semantic_entropy(clusters: Sequence[int], logprobs_nats: Sequence[float] | FloatArray | None = None) -> float:
    """Entropy of the clusters' mass, in [0, ln M] (Farquhar et al. 2024, Nature 630, methods).

    clusters: (M,), as from `cluster_answers`. logprobs_nats: (M,) sequence log-probabilities (or length-normalised ones, as the
    paper's code has them); a cluster's mass is the share of probability of its answers, every sample counted. Without them a
    cluster's mass is its share of the samples (the paper's discrete variant).
    Raises InputError without samples, for lengths that differ, and where every sample has probability 0.
    """
    labels = _read_clusters(clusters)
    if logprobs_nats is None:
        weights = np.ones(len(labels))
    else:
        values = _read_logprobs(logprobs_nats, "answer")
        if len(values) != len(labels):
            raise InputError(
                f"There are {len(labels)} clustered answers but {len(values)} log-probabilities. Pass one for each."
            )
        if np.isneginf(values).all():
            raise InputError(
                "Every sampled answer has probability 0, so no cluster has any mass. Score them again, or leave scores out."
            )
        weights = np.exp(values - values.max())
    mass = np.bincount(labels, weights) / weights.sum()
    mass = mass[mass > 0]
    return float(-(mass * np.log(mass)).sum().clip(max=0.0)) + 0.0


def self_consistency(clusters: Sequence[int]) -> float:
    """Share of answers in the largest cluster, in [1/M, 1]. Raises InputError without samples."""
    labels = _read_clusters(clusters)
    return float(np.bincount(labels).max() / len(labels))


def measure_samples(
    answers: Sequence[str], logprobs_nats: Sequence[float] | FloatArray | None = None, *, threshold: float = SAME_F1
) -> SampleConfidence:
    """Cluster M sampled answers and measure their spread.

    logprobs_nats: (M,) sequence log-probabilities, where the backend gives them. Raises InputError as the functions above do.
    """
    clusters = cluster_answers(answers, threshold=threshold)
    return SampleConfidence(
        clusters=clusters,
        semantic_entropy_nats=semantic_entropy(clusters, logprobs_nats),
        self_consistency=self_consistency(clusters),
        predictive_entropy_nats=None if logprobs_nats is None else predictive_entropy(logprobs_nats),
    )


def modal_answer(answers: Sequence[str], clusters: Sequence[int]) -> str:
    """The first answer of the largest cluster; of clusters of one size, the one seen first. Raises InputError without samples."""
    labels = _read_clusters(clusters)
    largest = Counter(labels.tolist()).most_common(1)[0][0]
    return answers[int(np.argmax(labels == largest))]


def _read_logprobs(values: Sequence[float] | FloatArray, of_what: str) -> FloatArray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"There are no {of_what} log-probabilities to sum up (shape {array.shape}). Pass a flat list of at least one; "
            "an answer without tokens has no confidence of this kind."
        )
    return _refuse_impossible(array, of_what)


def _refuse_impossible(array: FloatArray, of_what: str) -> FloatArray:
    """Log-probabilities with what rounding put above 0 taken back to 0."""
    bad = array[np.isnan(array) | (array > ROUNDING_NATS)]
    if bad.size:
        raise InputError(
            f"{bad[0]} is no {of_what} log-probability. Pass natural logarithms of probabilities, at most 0."
        )
    return np.minimum(array, 0.0)


def _read_clusters(clusters: Sequence[int]) -> npt.NDArray[np.int64]:
    if not len(clusters):
        raise InputError("There are no sampled answers to compare. Sample at least one.")
    _, labels = np.unique(np.asarray(clusters), return_inverse=True)
    return np.asarray(labels, np.int64)
