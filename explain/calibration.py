"""From a score to a probability of being right, and how well a score tells right answers from wrong ones.

Fitted on pairs of a score (higher: more sure) and whether the answer was correct. It refuses to fit on too few pairs, or where all
answers were right or all wrong. A fit is to be measured on other pairs than those it was fitted on.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from explain.answers import split_tokens
from explain.ranking import tied_ranks
from pipeline.errors import InputError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MIN_TEMPERATURE_PAIRS = 30
"""Fewest pairs for the one parameter of a temperature."""

MIN_ISOTONIC_PAIRS = 200
"""Fewest pairs for a step function, which follows noise where a temperature cannot."""

TEMPERATURES = (0.01, 100.0)
"""Bounds of a temperature; reached where right and wrong answers are perfectly separated, or ranked the wrong way round."""

SURE_LOG_ODDS = 37.5
"""Log-odds that stand for a score of exactly 1: just above those of the largest float below 1 (36.7)."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """Log-odds divided by a temperature (Guo et al. 2017, arXiv 1706.04599). It keeps the order of scores, and 0.5 at 0.5."""

    kind: ClassVar[str] = "temperature"
    temperature: float
    """Above 1 makes scores less sure, below 1 more so."""
    pairs: int
    """Pairs it was fitted on."""
    version: str
    """Names the method and the pairs, in whatever order they came: 12 hexadecimal digits."""

    def apply(self, scores: npt.ArrayLike) -> FloatArray:
        """Scores in [0, 1] to probabilities of being right, of the same shape. Raises InputError for other scores."""
        return _logistic(_log_odds(_check_probabilities(np.asarray(scores, np.float64))) / self.temperature)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `read_recalibration` reads it back."""
        return {"kind": self.kind, "temperature": self.temperature, "pairs": self.pairs, "version": self.version}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Temperature":
        """Raises InputError for what `to_dict` did not write."""
        with _reading(cls.kind):
            found = cls(float(data["temperature"]), int(data["pairs"]), str(data["version"]))
            _require(data["kind"] == cls.kind and TEMPERATURES[0] <= found.temperature <= TEMPERATURES[1])
        return found


@dataclass(frozen=True, slots=True)
class Isotonic:
    """The non-decreasing function nearest to what was seen (pool adjacent violators; Zadrozny & Elkan 2002)."""

    kind: ClassVar[str] = "isotonic"
    scores: tuple[float, ...]
    """Where the function bends, increasing."""
    probabilities: tuple[float, ...]
    """Its values there, in [0, 1] and non-decreasing; straight lines in between, level outside."""
    pairs: int
    """Pairs it was fitted on."""
    version: str
    """Names the method and the pairs, in whatever order they came: 12 hexadecimal digits."""

    def apply(self, scores: npt.ArrayLike) -> FloatArray:
        """Scores on any scale to probabilities of being right, of the same shape. Raises InputError for NaN."""
        array = np.asarray(scores, np.float64)
        if np.isnan(array).any():
            raise InputError("A score is NaN. Leave answers without a score out.")
        return np.asarray(np.interp(array, self.scores, self.probabilities), np.float64)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `read_recalibration` reads it back."""
        scores, probabilities = list(self.scores), list(self.probabilities)
        return {
            "kind": self.kind,
            "scores": scores,
            "probabilities": probabilities,
            "pairs": self.pairs,
            "version": self.version,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Isotonic":
        """Raises InputError for what `to_dict` did not write."""
        with _reading(cls.kind):
            scores, probabilities = (tuple(map(float, data[name])) for name in ("scores", "probabilities"))
            found = cls(scores, probabilities, int(data["pairs"]), str(data["version"]))
            _require(
                data["kind"] == cls.kind and len(scores) == len(probabilities) > 0 and all(map(math.isfinite, scores))
            )
            _require(bool(np.all(np.diff(scores) > 0) and np.all(np.diff(probabilities) >= 0)))
            _require(probabilities[0] >= 0 and probabilities[-1] <= 1)
        return found


Recalibration = Temperature | Isotonic


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of a reliability diagram."""

    low: float
    """The lowest score in it."""
    high: float
    """The highest."""
    count: int
    """Answers in it, at least 1."""
    mean_score: float
    """What the scores promise."""
    accuracy: float
    """What came true."""


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """What goes wrong if only the surest answers are given (Geifman & El-Yaniv 2017, arXiv 1705.08500)."""

    coverage: tuple[float, ...]
    """(n,): share of questions answered, 1/n to 1."""
    risk: tuple[float, ...]
    """(n,): share of wrong answers among those; where scores tie, its mean over all orders of the tied."""


def fit_temperature(scores: npt.ArrayLike, correct: npt.ArrayLike) -> Temperature:
    """The temperature of least log loss.

    scores: (n,), in [0, 1]. correct: (n,), booleans.
    Raises InputError below MIN_TEMPERATURE_PAIRS pairs, for one class alone, and for scores that are no probabilities.
    """
    array, right = _read_fit(scores, correct, MIN_TEMPERATURE_PAIRS)
    odds = _log_odds(_check_probabilities(array))

    def slope(log_beta: float) -> float:
        """Of the log loss, which is convex in beta = 1/temperature, so that its sign says on which side the least lies."""
        return float((odds * (_logistic(math.exp(log_beta) * odds) - right)).sum())

    low, high = (-math.log(bound) for bound in reversed(TEMPERATURES))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    temperature = min(max(math.exp(-(low + high) / 2), TEMPERATURES[0]), TEMPERATURES[1])
    return Temperature(temperature, len(array), _version(Temperature.kind, array, right))


def fit_isotonic(scores: npt.ArrayLike, correct: npt.ArrayLike) -> Isotonic:
    """The non-decreasing function of least squared error.

    scores: (n,), finite, on any scale. correct: (n,), booleans.
    Raises InputError below MIN_ISOTONIC_PAIRS pairs and for one class alone.
    """
    array, right = _read_fit(scores, correct, MIN_ISOTONIC_PAIRS)
    values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    rights = np.bincount(inverse, right)
    blocks: list[tuple[float, float, int, int]] = []
    for i, (block_right, block_count) in enumerate(zip(rights.tolist(), counts.tolist(), strict=True)):
        first = i
        while blocks and blocks[-1][0] * block_count >= block_right * blocks[-1][1]:
            before_right, before_count, first, _ = blocks.pop()
            block_right, block_count = before_right + block_right, before_count + block_count
        blocks.append((block_right, block_count, first, i))
    points = [(float(values[at]), r / n) for r, n, start, end in blocks for at in dict.fromkeys((start, end))]
    bends, probabilities = zip(*points, strict=True)
    return Isotonic(bends, probabilities, len(array), _version(Isotonic.kind, array, right))


def read_recalibration(data: Mapping[str, Any]) -> Recalibration:
    """What a `to_dict` wrote. Raises InputError for anything else."""
    kind = data.get("kind")
    for cls in (Temperature, Isotonic):
        if kind == cls.kind:
            return cls.from_dict(data)
    raise InputError(f"{kind!r} is no kind of recalibration. Known are `temperature` and `isotonic`; fit it again.")


def bin_reliability(scores: npt.ArrayLike, correct: npt.ArrayLike, *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Bins of equal mass, lowest scores first; equal scores share a bin, so that there may be fewer than `bins`.

    scores: (n,), in [0, 1]; bounds are their quantiles, as scikit-learn's `calibration_curve` has them. Raises InputError.
    """
    array, right = _read_pairs(scores, correct)
    _check_probabilities(array)
    if bins < 1:
        raise InputError(f"{bins} bins hold nothing. Ask for at least 1.")
    edges = np.quantile(array, np.linspace(0, 1, bins + 1))
    places = np.searchsorted(edges[1:-1], array)
    held = [(array[places == place], right[places == place]) for place in np.unique(places)]
    return tuple(
        ReliabilityBin(float(s.min()), float(s.max()), len(s), float(s.mean()), float(r.mean())) for s, r in held
    )


def calibration_error(scores: npt.ArrayLike, correct: npt.ArrayLike, *, bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass: Σ (count/n)·|accuracy − mean score|, in [0, 1]. Raises InputError."""
    found = bin_reliability(scores, correct, bins=bins)
    return sum(b.count * abs(b.accuracy - b.mean_score) for b in found) / sum(b.count for b in found)


def brier_score(scores: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """Mean squared distance of score and outcome, in [0, 1], lower is better. Raises InputError for scores outside [0, 1]."""
    array, right = _read_pairs(scores, correct)
    return float(((_check_probabilities(array) - right) ** 2).mean())


def auroc(scores: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """Probability that a right answer has a higher score than a wrong one, ties counted half. Raises InputError for one class alone."""
    array, right = _read_pairs(scores, correct)
    _refuse_one_class(right, "Ranking right above wrong answers")
    rights = int(right.sum())
    return float((tied_ranks(array)[right].sum() - rights * (rights + 1) / 2) / (rights * (len(right) - rights)))


def risk_coverage(scores: npt.ArrayLike, correct: npt.ArrayLike) -> RiskCoverage:
    """The risk at each coverage, surest answers first. scores on any scale. Raises InputError."""
    errors = _cumulative_errors(scores, correct)
    given = np.arange(1, len(errors) + 1)
    return RiskCoverage(tuple((given / len(errors)).tolist()), tuple((errors / given).tolist()))


def aurc(scores: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """Area under the risk–coverage curve: its mean over coverages 1/n to 1, lower is better. Raises InputError.

    With a share e of wrong answers, at best e + (1−e)·ln(1−e) for many answers, and e if scores say nothing (Geifman et al. 2019).
    """
    return float(np.mean(risk_coverage(scores, correct).risk))


def length_scores(answers: Sequence[str]) -> FloatArray:
    """(n,): the baseline that every score must beat: 1/(1 + SQuAD tokens) in (0, 1], shorter is surer. It is no probability."""
    return np.array([1 / (1 + len(split_tokens(answer))) for answer in answers], np.float64)


def _cumulative_errors(scores: npt.ArrayLike, correct: npt.ArrayLike) -> FloatArray:
    """(n,): wrong answers among the i surest, expected over all orders of tied scores."""
    array, right = _read_pairs(scores, correct)
    _, inverse, counts = np.unique(-array, return_inverse=True, return_counts=True)
    return np.asarray(np.cumsum(np.repeat(np.bincount(inverse, ~right) / counts, counts)))


def _logistic(odds: FloatArray) -> FloatArray:
    """1/(1 + exp(−odds)), exact for very small values."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -odds)))


def _log_odds(probabilities: FloatArray) -> FloatArray:
    """ln(p/(1−p)), finite and strictly increasing over every float in [0, 1] but the smallest few."""
    low = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    return np.asarray(
        np.where(probabilities < 1, low - np.log1p(-np.minimum(probabilities, 0.9999999999999999)), SURE_LOG_ODDS)
    )


def _version(kind: str, scores: FloatArray, correct: BoolArray) -> str:
    order = np.lexsort((correct, scores))
    content = (scores[order] + 0.0).astype("<f8").tobytes() + correct[order].astype(np.uint8).tobytes()
    return hashlib.sha256(kind.encode() + content).hexdigest()[:12]


def _read_fit(scores: npt.ArrayLike, correct: npt.ArrayLike, minimum: int) -> tuple[FloatArray, BoolArray]:
    array, right = _read_pairs(scores, correct)
    if len(array) < minimum:
        raise InputError(
            f"{len(array)} labelled answers are too few to fit on, half of the articles being kept to judge the fit. "
            f"At least {minimum} are needed: run more questions."
        )
    if not np.isfinite(array).all():
        raise InputError(
            "A score is infinite, and nothing can be fitted to it. Leave answers with an impossible token out."
        )
    _refuse_one_class(right, "Recalibration")
    return array, right


def _read_pairs(scores: npt.ArrayLike, correct: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    array, right = np.asarray(scores, np.float64), np.asarray(correct)
    if array.ndim != 1 or array.shape != right.shape or array.size == 0:
        raise InputError(
            f"Scores of shape {array.shape} and labels of shape {right.shape} are no pairs. Pass two lists of one length."
        )
    if np.isnan(array).any():
        raise InputError("A score is NaN. Leave answers without a score out.")
    if not np.isin(right, (0, 1)).all():
        raise InputError("A label is neither right nor wrong. Pass booleans, for example exact match.")
    return array, right.astype(np.bool_)


def _check_probabilities(scores: FloatArray) -> FloatArray:
    if not np.all((scores >= 0) & (scores <= 1)):
        worst = scores[~((scores >= 0) & (scores <= 1))].flat[0]
        raise InputError(
            f"A score of {worst} is no probability. Pass scores in [0, 1] (exp of a mean log-probability), or use an isotonic fit."
        )
    return scores


def _refuse_one_class(right: BoolArray, what: str) -> None:
    if right.all() or not right.any():
        raise InputError(
            f"{what} needs right and wrong answers, and all {len(right)} are {'right' if right.all() else 'wrong'}. "
            "Add questions of the other kind."
        )


@contextmanager
def _reading(kind: str) -> Iterator[None]:
    """Turn what goes wrong while reading a stored recalibration into an InputError."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"The stored {kind} recalibration cannot be used ({type(error).__name__}). Fit it again."
        ) from error


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError
