"""The reader's fitted numbers, and the probabilities that they make of a description."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from backends.local.features import SENTENCE_FEATURES, SUMMARY_FEATURES, BoolArray, Description, FloatArray, summarise
from pipeline.errors import ConfigError

WEIGHTS_FILE = Path(__file__).with_name("reader_weights.json")


@dataclass(frozen=True, slots=True)
class ReaderWeights:
    """Two small linear models: which sentence answers (a conditional logit), and whether any does (a logistic regression)."""

    sentence: Mapping[str, float]
    """One weight for each of SENTENCE_FEATURES, the temperature divided in: scores are logits."""
    summary: Mapping[str, float]
    """One weight for each of SUMMARY_FEATURES, for the log-odds that some candidate answers."""
    bias: float
    """Those log-odds where every summary feature is 0."""
    answer_threshold: float
    """The reader abstains where the probability that its quotation holds the answer is below this."""
    second_share: float
    """A second sentence is quoted where its share among the candidates is at least this."""
    idf: Mapping[str, float]
    """IDF of stems common enough to have been counted."""
    unseen_idf: float
    """IDF of every other stem."""
    known_documents: Sequence[str] = ()
    """Ids of the built-in articles: people ask plain questions about them, and one curve does not serve both those and what is asked of
    other documents."""
    fitted_on: Mapping[str, Any] = field(default_factory=dict)
    """Where the numbers come from: splits, articles, counts."""

    @classmethod
    def load(cls, path: Path = WEIGHTS_FILE) -> Self:
        """Read weights that benchmarks/fit_reader.py wrote. Raises ConfigError if the file is not that, or of another version."""
        try:
            weights = cls(**json.loads(path.read_text(encoding="utf-8")))
            if tuple(weights.sentence) != SENTENCE_FEATURES or tuple(weights.summary) != SUMMARY_FEATURES:
                raise ValueError("other features")
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"The reader's weights in {path.name} cannot be used ({type(error).__name__}). "
                "Reinstall Raglass, or fit them again: python -m benchmarks.fit_reader."
            ) from error
        return weights


@dataclass(frozen=True, slots=True)
class Probabilities:
    """A softmax over n candidate sentences and the null candidate, "none of these"."""

    sentences: npt.NDArray[np.float64]
    """(n,): that this is the sentence that answers. Sums to `answered`; 0 for a sentence not in play."""
    answered: float
    """That some sentence answers; 1 less this is the null candidate's probability."""


@cache
def default_weights() -> ReaderWeights:
    """The shipped weights, read once."""
    return ReaderWeights.load()


def sentence_scores(weights: ReaderWeights, description: Description) -> FloatArray:
    """(n,): selection logits."""
    return description.rows @ np.array([weights.sentence[name] for name in SENTENCE_FEATURES], np.float32)


def probabilities(weights: ReaderWeights, description: Description, allowed: BoolArray | None = None) -> Probabilities:
    """Softmax of the candidate sentences with the null candidate.

    The null's logit is set so that its probability is that of the second model; that is a softmax whose null depends on the question.
    allowed: (n,) mask of the sentences in play; all by default. Those that may not be quoted never are. With none in play, the null has
    probability 1.
    """
    n = len(description.spans)
    keep = description.quotable if allowed is None else allowed & description.quotable
    if not keep.any():
        return Probabilities(np.zeros(n), 0.0)
    scores = sentence_scores(weights, description)
    summary = summarise(description, scores, keep)
    log_odds = weights.bias + float(
        summary @ np.array([weights.summary[name] for name in SUMMARY_FEATURES], np.float32)
    )
    return share_out(scores, log_odds, keep)


def share_out(scores: npt.NDArray[np.floating[Any]], log_odds: float, keep: BoolArray) -> Probabilities:
    """Probabilities of (n,) selection scores, given the log-odds that one of those to `keep`, at least one, answers."""
    answered = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    shares = np.where(keep, np.exp(scores.astype(np.float64) - scores[keep].max()), 0)
    return Probabilities(answered * shares / shares.sum(), float(answered))
