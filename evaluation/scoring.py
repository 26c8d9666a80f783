"""What one answered question is worth, held against its labels. Refuses to average."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluation.datasets import LabelledQuestion
from evaluation.ranking import Redundancy, measure_redundancy
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
    gold_ranks: tuple[int, ...] | None = None
    """Ranks of all retrieved chunks that hold the gold answer, ascending; None for an answer that an older version kept."""
    redundancy: Redundancy | None = None
    """Of the retrieved chunks; None where there is none."""
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    """How long each stage took, but for one whose result was known already."""
    batch: int = 1
    """Questions that were asked in one go; of a shared stage the time is this question's share."""

    judge: str = ""
    """The model that judged it; empty until one did."""
    judged_right: bool | None = None
    """Whether the judge holds it right; None without a judgement."""
    judged_faithful: bool | None = None
    """Whether the judge finds it in the chunks; None without a judgement."""
    judge_reason: str = ""
    """Why, in the judge's words."""
    judge_problem: str = ""
    """Why there is no judgement though one was asked for; empty if there is one."""

    @property
    def timed_like(self) -> tuple[bool, bool]:
        """What kind of time was taken: whether a batch shared it, and whether the question's vector was known."""
        return self.batch > 1, bool(self.stages_ms) and "embed" not in self.stages_ms

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready. Not `asdict`, whose deep copies take longer than all the rest of keeping an answer."""
        parts = {name: getattr(self, name) for name in ("similarity", "redundancy")}
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            **{
                name: None if part is None else {each: getattr(part, each) for each in part.__slots__}
                for name, part in parts.items()
            },
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Scored":
        """What `to_dict` wrote. Raises InputError for anything else."""
        try:
            similarity, redundancy, ranks = (data.get(name) for name in ("similarity", "redundancy", "gold_ranks"))
            return cls(
                **{
                    **data,
                    "golds": tuple(data.get("golds", ())),
                    "similarity": None if similarity is None else Similarity(**similarity),
                    "redundancy": None if redundancy is None else Redundancy(**redundancy),
                    "gold_ranks": None if ranks is None else tuple(ranks),
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
    ranks = tuple(sorted(trace.chunks[place].rank for place in places))
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
        gold_rank=ranks[0] if ranks else None,
        gold_ranks=ranks,
        confidence=None if confidence is None else confidence.value,
        confidence_kind="" if confidence is None else confidence.kind,
        answer_words=len(answer.split()),
        duration_ms=trace.duration_ms,
        golds=question.answers,
        article=question.article,
        similarity=measure_similarity([chunk.score for chunk in trace.chunks if chunk.score is not None]),
        redundancy=measure_redundancy([chunk.text for chunk in trace.chunks]),
        stages_ms={span.stage: span.duration_ms for span in trace.spans if not span.attributes.get("cached")},
        batch=int(trace.settings.get("batch") or 1),
    )
