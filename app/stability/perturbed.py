"""The use case about stability: ask a dataset's questions in other words and over other chunks. Without streamlit.

Owns which corpus is asked and how long it will take. Refuses to format anything, and keeps no trace.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from app.explaining.explanations import random_chunks
from app.permitting.acting import require
from app.permitting.roles import Role
from app.runs.evaluations import Evaluations
from backends.local.protocols import HoldsCorpus
from evaluation.datasets import load_dataset
from evaluation.perturbations import KINDS, SEEDS
from evaluation.stability import CONTEXTS, QuestionStability, count_asks, measure_stability
from pipeline.errors import InputError
from pipeline.protocols import Backend

LIMIT = 60
"""Questions that are drawn by default: a minute or two on the embedded profile."""

TIMED = 8
"""Questions that the estimate is made from."""

ALL_KINDS = (*KINDS, *CONTEXTS)


@dataclass(frozen=True, slots=True)
class StabilityPlan:
    """What to ask, and in which other ways."""

    dataset: str
    """`builtin`, or the path of a file."""
    backend: str
    """Full name of the backend."""
    top_k: int
    """Chunks to find, to compare and to answer from."""
    deadline_s: float
    """Seconds for each ask."""
    kinds: tuple[str, ...] = ALL_KINDS
    """Of ALL_KINDS."""
    limit: int | None = LIMIT
    """Questions to draw; None for all."""
    seed: int = 0
    """What questions, and chunks to add, are drawn with."""
    variants: int = len(SEEDS)
    """Of each kind, for each question, where it has as many."""


@dataclass(frozen=True, slots=True)
class StabilityStep:
    """Where it is."""

    name: str
    """The dataset."""
    available: int
    """Questions of the dataset."""
    total: int
    """Questions that are asked."""
    asks: int
    """How many times the backend is asked, at most."""
    left_s: float
    """Seconds that are left, at the pace so far; first at that of one question."""
    results: list[QuestionStability] = field(default_factory=list)
    """The questions done; grows from step to step."""


def read_kinds(text: str) -> tuple[str, ...]:
    """Kinds from `all`, or from names separated by commas. Raises InputError for an unknown one."""
    if text.strip() == "all":
        return ALL_KINDS
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    unknown = [kind for kind in kinds if kind not in ALL_KINDS]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no perturbation. Choose all, or of these, separated by commas: {', '.join(ALL_KINDS)}."
        )
    return kinds


def check_stability(
    evaluations: Evaluations, plan: StabilityPlan, done: Sequence[QuestionStability] = ()
) -> Generator[StabilityStep, None, None]:
    """Yield an estimate first, then a step after each question; closing the generator stops.

    done: what is known of an earlier attempt at the same plan; these questions are not asked again.
    Takes an editor. Raises InputError for a dataset that cannot be asked, Unavailable for a backend that is down, NotPermitted.
    """
    require(Role.EDITOR)
    whole = load_dataset(evaluations.datasets.resolve(plan.dataset))
    dataset = evaluations.types.fill(whole.draw(plan.limit, plan.seed))
    seeds = tuple(range(plan.variants))
    asks = count_asks(dataset.questions, plan.kinds, seeds)
    known = {each.question.question_id for each in done}
    left = [question for question in dataset.questions if question.question_id not in known]
    with evaluations.opened_for(plan.backend, dataset) as backend:
        step = StabilityStep(
            dataset.name,
            len(whole.questions),
            len(dataset.questions),
            asks,
            count_asks(left, plan.kinds, seeds) * _one_ask_s(backend, plan, [question.text for question in left]),
            list(done),
        )
        yield step
        started = time.monotonic()
        for found in measure_stability(
            left,
            backend,
            plan.kinds,
            seeds,
            plan.top_k,
            deadline_s=plan.deadline_s,
            corpus_size=backend.corpus.index.manifest.chunks if isinstance(backend, HoldsCorpus) else None,
            pool=random_chunks(backend, plan.seed),
        ):
            step.results.append(found)
            pace_s = (time.monotonic() - started) / (len(step.results) - len(done))
            left_s = pace_s * (step.total - len(step.results))
            step = StabilityStep(step.name, step.available, step.total, asks, left_s, step.results)
            yield step


def _one_ask_s(backend: Backend, plan: StabilityPlan, questions: Sequence[str]) -> float:
    """Seconds of one ask. The first question loads what is loaded late; the others are timed, as a backend may remember the first."""
    if not questions:
        return 0.0
    first, *others = questions[: TIMED + 1]
    backend.answer(first, top_k=plan.top_k, deadline_s=plan.deadline_s)
    started = time.monotonic()
    for text in others or [first]:
        backend.answer(text, top_k=plan.top_k, deadline_s=plan.deadline_s)
    return (time.monotonic() - started) / len(others or [first])
