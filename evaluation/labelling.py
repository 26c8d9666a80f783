"""Why the answers of a run came out as they did: reliance and failure label of each, by explaining it on the backend that gave it.

Costly beside asking: every answer is scored over the subsets of its chunks, and a wrong one is asked again over chosen chunks. So a
sample can be labelled instead of all, and what was labelled is kept.
"""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evaluation.datasets import LabelledQuestion
from evaluation.scoring import Scored
from explain.counterfactuals import ORACLE, diagnose_trace
from explain.explainer import explain_answer
from pipeline.errors import RaglassError
from pipeline.protocols import AnswerScorer, Backend
from pipeline.types import Trace

log = logging.getLogger(__name__)

UNEXPLAINED = "not explained"
"""The label of an answer that could not be explained: a failed question, or one that read no chunk."""


def choose_unlabelled(scores: Sequence[Scored], sample: int | None, seed: int = 0) -> list[Scored]:
    """What is to be labelled: of `sample` answers drawn at random (None: of all), those that are not labelled yet."""
    drawn = list(scores)
    if sample is not None and sample < len(drawn):
        drawn = random.Random(seed).sample(drawn, sample)
    return [each for each in drawn if not each.label]


def label_answer(scored: Scored, question: LabelledQuestion, trace: Trace | None, backend: Backend) -> Scored:
    """The same with its failure label and the reliance that it was found with; UNEXPLAINED where it cannot be explained."""
    if trace is None or scored.failed or not isinstance(backend, AnswerScorer):
        return replace(scored, label=UNEXPLAINED)
    try:
        *_, found = explain_answer(trace, backend)
        *_, diagnosed = diagnose_trace(found, question.gold, backend, with_repairs=False)
    except RaglassError as error:
        log.warning("the answer %s is not explained: %s", scored.trace_id, error)
        return replace(scored, label=UNEXPLAINED)
    oracle = next(
        (each.correct for each in diagnosed.counterfactuals if each.name == ORACLE and not each.problem), None
    )
    label = UNEXPLAINED if diagnosed.diagnosis is None else diagnosed.diagnosis.label.value
    return replace(scored, label=label, reliance_nats=found.reliance_nats, right_with_oracle=oracle)


def count_labels(scores: Sequence[Scored]) -> Mapping[tuple[str, str], int]:
    """How many labelled answers there are of each (type, label), types in alphabetical order."""
    counts: dict[tuple[str, str], int] = {}
    for each in sorted(scores, key=lambda each: (each.type, each.label)):
        if each.label:
            counts[each.type, each.label] = counts.get((each.type, each.label), 0) + 1
    return counts


def error_decomposition(scores: Sequence[Scored]) -> tuple[float, float] | None:
    """Retriever loss and reader loss over the labelled answerable questions; None where there are none.

    Retriever loss = Acc(oracle context) − Acc(retrieved), reader loss = 1 − Acc(oracle context); they add up to 1 − Acc(retrieved).
    An answer that is right without the oracle context counts as right with it.
    """
    counted = [each for each in scores if each.label and each.label != UNEXPLAINED and each.answerable]
    if not counted:
        return None
    right = sum(each.correct for each in counted) / len(counted)
    oracle = sum(each.correct or bool(each.right_with_oracle) for each in counted) / len(counted)
    return oracle - right, 1 - oracle
