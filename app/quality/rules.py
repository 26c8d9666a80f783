"""The rules: what each says of a trace, as one figure, from what the trace itself holds; which of them there are.

A rule that has nothing to say of a trace says None, which counts as nothing: an abstention has no grounded share, a trace without an
answer no length. Nothing is asked of any backend.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.explaining.grounded import ground_trace
from app.explaining.sureness import calibrated_value
from app.kit.wording import ASKED_BY_PEOPLE
from evaluation.calibrating import Calibration
from explain.grounding import Grounding
from metrics.rules import JUDGED
from pipeline.errors import InputError
from pipeline.types import Trace


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule measures."""

    name: str
    """Its name in expressions and in the store."""
    title: str
    """What a chart calls it."""
    about: str
    """What its figure is."""
    unit: Literal["share", "cosine", "words"]
    """What it is in: a share is in [0, 1]."""
    worse: Literal["low", "high", "either"]
    """Which way it gets worse; `either` where no direction is bad by itself."""

    @property
    def judged(self) -> bool:
        """Whether a model is asked for it."""
        return self.name.startswith(JUDGED)


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("grounded", "Grounded share", "sentences of the answer that a single chunk supports, by their words", "share", "low"),
        Rule("cited", "Citation support", "sentences that the chunks they cite support; of answers that cite", "share", "low"),
        Rule("abstained", "Abstentions", "questions to which the generator gave no answer; of ours", "share", "high"),
        Rule("top_score", "Top score", "score of the best chunk", "cosine", "low"),
        Rule("answer_words", "Answer length", "words of an answer", "words", "either"),
        Rule("confidence", "Calibrated confidence", "probability that the answer is right, by the calibrated run", "share", "low"),
        Rule("judged_relevance", "Relevant chunks", "chunks that bear on the question, by the judge", "share", "low"),
        Rule("judged_sufficiency", "Sufficient chunks", "questions that the chunks suffice to answer, by the judge", "share", "low"),
        Rule("judged_faithfulness", "Faithful answers", "answers of which the chunks say everything, by the judge", "share", "low"),
        Rule("judged_answer", "Answers to the point", "answers that answer what was asked, by the judge", "share", "low"),
    )
}  # fmt: skip
"""Every rule by its name, in the order in which they are shown."""

JUDGE_RULES = tuple(rule.name for rule in RULES.values() if rule.judged)
"""Those that one call of a judge gives."""

CalibrationOf = Callable[[Trace], Calibration | None]
"""What a run says about how far a trace's confidence can be trusted."""


def score_trace(trace: Trace, calibration_of: CalibrationOf) -> dict[str, float | None]:
    """What the rules that need no judge say of a trace; nothing of one that is not scored."""
    if trace.origin not in ASKED_BY_PEOPLE:
        return {}
    grounding = _ground(trace)
    return {
        "grounded": None if grounding is None else grounding.supported_share,
        "cited": None if grounding is None or grounding.citations is None else grounding.citations.recall,
        "abstained": _abstained(trace),
        "top_score": _top_score(trace),
        "answer_words": _answer_words(trace),
        "confidence": _confidence(trace, calibration_of),
    }


def is_answered(trace: Trace) -> bool:
    """Whether a trace holds an answer that something can be said of."""
    generation = trace.generation
    return (
        trace.error is None and generation is not None and not generation.abstained and bool(generation.answer.strip())
    )


def _ground(trace: Trace) -> Grounding | None:
    try:
        return ground_trace(trace) if is_answered(trace) else None
    except InputError:
        return None


def _abstained(trace: Trace) -> float | None:
    """Another application does not say whether it abstained."""
    if trace.origin == "application" or trace.error is not None or trace.generation is None:
        return None
    return float(trace.generation.abstained)


def _top_score(trace: Trace) -> float | None:
    known = [chunk.score for chunk in trace.chunks if chunk.score is not None and math.isfinite(chunk.score)]
    return max(known, default=None)


def _answer_words(trace: Trace) -> float | None:
    return float(len(trace.generation.answer.split())) if trace.generation is not None and is_answered(trace) else None


def _confidence(trace: Trace, calibration_of: CalibrationOf) -> float | None:
    """By the run that was calibrated on; else the generator's own figure where that is a probability of being right."""
    if trace.generation is None or trace.generation.confidence is None or not is_answered(trace):
        return None
    own = trace.generation.confidence
    found = calibrated_value(trace, calibration_of(trace))
    return found if found is not None else own.value if own.kind == "calibrated" else None
