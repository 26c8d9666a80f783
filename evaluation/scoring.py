"""What one answered question is worth, held against its labels. Refuses to average."""

from dataclasses import asdict, dataclass
from typing import Any

from evaluation.datasets import LabelledQuestion
from evaluation.similarity import Similarity, measure_similarity
from explain.answers import best_exact_match, best_f1, holds_gold
from pipeline.errors import InputError
from pipeline.types import Trace


@dataclass(frozen=True, slots=True)
class Scored:
    """One answer of a run."""

    question_id: str
    """The question in its dataset."""
    question: str
    """Its text."""
    type: str
    """Its type; empty if not known."""
    cluster: str
    """Its article, or itself: what is drawn together in a bootstrap."""
    answerable: bool
    """Whether the documents have an answer."""
    trace_id: str
    """The trace of the answer."""
    answer: str
    """What was said; empty if nothing was."""
    abstained: bool
    """Whether no answer was given, be it that the question failed."""
    failed: bool
    """Whether a stage failed."""
    problem: str
    """Why it failed; empty if it did not."""
    correct: bool
    """Whether the answer is right; for an unanswerable question, whether it abstained."""
    exact: bool
    """SQuAD v2 exact match; an abstention counts as the empty answer."""
    f1: float
    """SQuAD v2 token F1."""
    holds_gold: bool
    """Whether a gold answer stands in the answer."""
    gold_rank: int | None
    """Rank of the first retrieved chunk that holds the gold answer; None if none does."""
    confidence: float | None
    """The backend's own figure; None where it gives none."""
    confidence_kind: str
    """What that figure is."""
    answer_words: int
    """Length of the answer."""
    duration_ms: float
    """From question to answer."""
    similarity: Similarity | None = None
    """Of the question and its chunks; None where none was retrieved."""
    golds: tuple[str, ...] = ()
    """Accepted answers; empty if the documents have none."""
    article: str = ""
    """The gold article; empty if not known."""
    label: str = ""
    """Failure label; empty until the answer was explained."""
    reliance_nats: float | None = None
    """What the chunks did for the answer; None until then."""
    right_with_oracle: bool | None = None
    """Whether the gold chunk alone leads to the right answer; None where that was not tried."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Scored":
        """What `to_dict` wrote. Raises InputError for anything else."""
        try:
            told = data.get("similarity")
            return cls(
                **{
                    **data,
                    "golds": tuple(data.get("golds", ())),
                    "similarity": None if told is None else Similarity(**told),
                }
            )
        except TypeError as error:
            raise InputError(
                "A stored score cannot be read: another version of Raglass wrote it. Run the evaluation again."
            ) from error


def score_trace(question: LabelledQuestion, trace: Trace) -> Scored:
    """Hold a trace against the labels of its question. A failed question is an abstention that is not right."""
    generation = trace.generation
    failed = trace.error is not None
    abstained = generation is None or generation.abstained or failed
    answer = "" if generation is None or abstained else generation.answer
    confidence = None if generation is None or failed else generation.confidence
    gold = question.gold
    places = gold.places(trace.chunks) if question.answers else []
    return Scored(
        question_id=question.question_id,
        question=question.text,
        type=question.type,
        cluster=question.cluster,
        answerable=bool(question.answers),
        trace_id=trace.trace_id,
        answer=answer,
        abstained=abstained,
        failed=failed,
        problem="" if trace.error is None else trace.error.message,
        correct=not failed and gold.agrees(answer, abstained),
        exact=not failed and best_exact_match(answer, question.answers),
        f1=0.0 if failed else best_f1(answer, question.answers),
        holds_gold=holds_gold(answer, question.answers),
        gold_rank=trace.chunks[places[0]].rank if places else None,
        confidence=None if confidence is None else confidence.value,
        confidence_kind="" if confidence is None else confidence.kind,
        answer_words=len(answer.split()),
        duration_ms=trace.duration_ms,
        golds=question.answers,
        article=question.article,
        similarity=measure_similarity([chunk.score for chunk in trace.chunks]),
    )
