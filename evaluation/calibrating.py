"""A backend's confidence turned into a probability of being right, from a stored run: fitted on half of its articles, judged on the other.

The fit is kept with the run that it came from and with what answered it; it speaks for nothing else.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.scoring import Scored
from explain import calibration
from explain.calibration import Recalibration, ReliabilityBin, read_recalibration
from pipeline.errors import InputError

BINS = 10
"""Of a reliability diagram."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a score is as a probability, over the answers of the report half."""

    name: str
    """The score."""
    ece: float | None
    """Expected calibration error over bins of equal mass; None for a score that is no probability."""
    brier: float | None
    """Mean squared distance of score and outcome."""
    auroc: float
    """Probability that a right answer scores higher than a wrong one."""
    aurc: float
    """Mean risk over all coverages, lower is better."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fit and what it is worth."""

    run_id: str
    """The run it was fitted on."""
    backend: str
    """The backend that answered."""
    generator: str
    """Its generator."""
    kind: str
    """What the backend's own figure is: `calibrated` or `token_probability`."""
    recalibration: Recalibration
    """The fit."""
    fitted: int
    """Answers that it was fitted on."""
    reported: int
    """Answers that it was judged on, of other articles."""
    qualities: tuple[Quality, ...]
    """Answer length (the baseline), the score as it is, the score recalibrated."""
    before: tuple[ReliabilityBin, ...]
    """Reliability of the score as it is."""
    after: tuple[ReliabilityBin, ...]
    """Reliability once recalibrated."""
    risk: tuple[tuple[float, float], ...]
    """(coverage, risk) if only the surest answers are given."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"recalibration": self.recalibration.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Calibration":
        """What `to_dict` wrote. Raises InputError for anything else."""
        try:
            bins = {name: tuple(ReliabilityBin(**each) for each in data[name]) for name in ("before", "after")}
            given = {
                **data,
                **bins,
                "recalibration": read_recalibration(data["recalibration"]),
                "qualities": tuple(Quality(**each) for each in data["qualities"]),
                "risk": tuple((float(coverage), float(risk)) for coverage, risk in data["risk"]),
            }
            return cls(**given)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError("The stored calibration cannot be read. Calibrate the run again.") from error


def calibrate(
    scores: Sequence[Scored], *, run_id: str, backend: str, generator: str, method: str = "auto", seed: int = 0
) -> Calibration:
    """Fit on half of the articles and judge on the other.

    Answers without a confidence, and failed questions, are left out. method: `temperature`, `isotonic`, or `auto`: isotonic where
    there are pairs enough for it, else a temperature.
    Raises InputError where there are too few, all right or all wrong on either side, or the figure changed its meaning within the run.
    """
    told = [each for each in scores if each.confidence is not None and not each.failed]
    kind = _only_kind(told)
    fit, report = split_halves(told, seed)
    if not fit:
        raise InputError(
            "All answers of this run are about one article, and a fit is judged on others. Run questions about more articles."
        )
    right = [each.correct for each in report]
    raw = _confidences(report)
    found = _fit(_confidences(fit), [each.correct for each in fit], method)
    try:
        after = found.apply(raw)
        qualities = _qualities(report, raw, after, found.kind)
        curve = calibration.risk_coverage(after, right)
    except InputError as error:
        raise InputError(f"The half that judges cannot judge: {error} Run more questions.") from error
    return Calibration(
        run_id,
        backend,
        generator,
        kind,
        found,
        len(fit),
        len(report),
        qualities,
        calibration.bin_reliability(raw, right, bins=BINS),
        calibration.bin_reliability(after, right, bins=BINS),
        tuple(zip(curve.coverage, curve.risk, strict=True)),
    )


def _qualities(
    report: Sequence[Scored], raw: calibration.FloatArray, after: calibration.FloatArray, kind: str
) -> tuple[Quality, ...]:
    """How well each figure tells right answers from wrong ones: a baseline, the raw one, the recalibrated one."""
    right = [each.correct for each in report]
    lengths = calibration.length_scores([each.answer for each in report])
    return (
        _quality("answer length, the baseline", lengths, right, probability=False),
        _quality("as the backend says it", raw, right),
        _quality(f"recalibrated ({kind})", after, right),
    )


def split_halves(scores: Sequence[Scored], seed: int = 0) -> tuple[list[Scored], list[Scored]]:
    """Half of the articles, and the other half: no article is on both sides."""
    clusters = sorted({each.cluster for each in scores})
    random.Random(seed).shuffle(clusters)
    fit = set(clusters[: len(clusters) // 2])
    return [each for each in scores if each.cluster in fit], [each for each in scores if each.cluster not in fit]


def _only_kind(told: Sequence[Scored]) -> str:
    kinds = {each.confidence_kind for each in told}
    if not kinds:
        raise InputError(
            "No answer of this run has a confidence that could be calibrated. Choose a backend that gives one."
        )
    if len(kinds) > 1:
        raise InputError("The answers of this run have confidences of different meanings. Run it again on one backend.")
    return kinds.pop()


def _confidences(scores: Sequence[Scored]) -> calibration.FloatArray:
    return np.array([each.confidence for each in scores], np.float64)


def _fit(scores: calibration.FloatArray, right: Sequence[bool], method: str) -> Recalibration:
    enough = len(scores) >= calibration.MIN_ISOTONIC_PAIRS
    chosen = ("isotonic" if enough else "temperature") if method == "auto" else method
    correct = np.array(right, bool)
    if chosen == "temperature":
        return calibration.fit_temperature(scores, correct)
    if chosen == "isotonic":
        return calibration.fit_isotonic(scores, correct)
    raise InputError(f"{method!r} is no method of calibration. Choose auto, temperature or isotonic.")


def _quality(name: str, scores: calibration.FloatArray, right: Sequence[bool], *, probability: bool = True) -> Quality:
    return Quality(
        name,
        calibration.calibration_error(scores, right, bins=BINS) if probability else None,
        calibration.brier_score(scores, right) if probability else None,
        calibration.auroc(scores, right),
        calibration.aurc(scores, right),
    )
