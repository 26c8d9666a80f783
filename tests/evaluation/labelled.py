"""Labelled questions and scores for tests; every field can be set."""

from typing import Any

from evaluation.datasets import LabelledQuestion
from evaluation.scoring import Scored


def make_question(number: int = 1, **overrides: Any) -> LabelledQuestion:
    """An answerable question of an article of its own."""
    fields: dict[str, Any] = {
        "question_id": f"q{number}",
        "text": f"Who proposed drift, version {number}?",
        "answers": ("Alfred Wegener",),
        "article": f"article {number}",
        "type": "PERSON",
    }
    return LabelledQuestion(**{**fields, **overrides})


def make_scored(number: int = 1, **overrides: Any) -> Scored:
    """A right answer to the question of that number."""
    fields: dict[str, Any] = {
        "question_id": f"q{number}",
        "question": f"Who proposed drift, version {number}?",
        "type": "PERSON",
        "cluster": f"article {number}",
        "answerable": True,
        "trace_id": f"t{number}",
        "answer": "Alfred Wegener",
        "abstained": False,
        "failed": False,
        "problem": "",
        "correct": True,
        "exact": True,
        "f1": 1.0,
        "holds_gold": True,
        "gold_rank": 1,
        "confidence": 0.8,
        "confidence_kind": "calibrated",
        "answer_words": 2,
        "duration_ms": 36.0,
    }
    return Scored(**{**fields, **overrides})
