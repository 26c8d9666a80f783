"""How measures of a run are called where people read them: on pages, in the shell, in a pull request."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "correct": "Right",
    "wrong": "Wrong",
    "exact": "Exact match",
    "f1": "F1",
    "gold in answer": "Expected in answer",
    "has answer: correct": "Right, with an answer",
    "has answer: exact": "Exact, with an answer",
    "has answer: f1": "F1, with an answer",
    "no answer: correct": "Right, without one",
    "abstained": "Abstained, rightly or not",
    "abstained wrongly": "Abstained wrongly",
    "recall@1": "Recall@1",
    "recall": "Found",
    "mrr": "MRR",
    "ndcg": "nDCG",
    "map": "MAP",
    "top cosine": "Best cosine",
    "mean cosine": "Mean cosine",
    "cosine variance": "Cosine variance",
    "margin": "Margin to the second",
    "entropy": "Retrieval entropy",
    "redundancy": "Redundancy",
    "distinct chunks": "Distinct chunks",
    "confidence": "Confidence",
    "overconfidence": "Overconfidence",
    "brier": "Brier score",
    "reliance, nats": "Reliance, nats",
    "judge: right": "Right, says the judge",
    "judge: faithful": "Faithful, says the judge",
    "answer words": "Words",
    "duration, ms": "Time, ms",
    "embed, ms": "Embed, ms",
    "retrieve, ms": "Retrieve, ms",
    "rerank, ms": "Rerank, ms",
    "generate, ms": "Generate, ms",
}
"""By the name under which a measure is kept, exported and handed to programs."""


def measure_name(name: str) -> str:
    """What people read; the name itself where it has no other."""
    return NAMES.get(name, name)
