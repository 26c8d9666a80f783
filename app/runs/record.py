"""What a run is, and what is recorded of it, so that it can be repeated exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.status.versions import installed_versions
from evaluation.datasets import Dataset, LabelledQuestion, problem_lines
from evaluation.typed_questions import TypedQuestion, count_types
from pipeline.errors import InputError
from pipeline.prompts import PROMPT, PROMPT_TEXT, PromptTemplate, describe_prompt, recorded_prompt
from pipeline.protocols import Backend, BatchAnswerer
from pipeline.types import Setting, Trace

ANSWERED_WITH = ("generator", "embedder", "index", PROMPT)
"""Settings of a trace that say which system answered."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to ask and how; recorded with the run, so that it can be repeated."""

    dataset: str
    """`builtin`, a kept dataset or a version of it, or the path of a file."""
    backend: str
    """Full name of the backend."""
    top_k: int
    """Chunks to retrieve."""
    deadline_s: float
    """Seconds for each question."""
    limit: int | None = None
    """Questions to draw; None for all."""
    seed: int = 0
    """What they are drawn with."""
    rerank: bool = False
    """Whether to rerank."""
    workers: int = 1
    """Batches in flight at once."""
    batch: int | None = None
    """Questions in a batch; None for what the backend takes best, which is 1 where it takes no more."""
    prompt: str | None = None
    """Version of the prompt that the generator is told; None for what the backend tells it usually, or where it reads none."""
    prompt_text: str | None = None
    """The prompt's text, where it is not the usual one's."""

    @property
    def template(self) -> PromptTemplate | None:
        """The prompt. Raises InputError where its text is not known."""
        return recorded_prompt({PROMPT: self.prompt, PROMPT_TEXT: self.prompt_text})

    @classmethod
    def recorded(cls, about: Mapping[str, Any]) -> "RunPlan":
        """The plan that a run's record holds. A run of an older version asked one question at a time, and did not say so."""
        return cls(**{"batch": 1, **{name: about[name] for name in cls.__slots__ if name in about}})

    def telling(self, prompt: PromptTemplate | None) -> "RunPlan":
        """The same plan with a prompt; None for the backend's usual one."""
        told = describe_prompt(prompt)
        return replace(self, **{name: told.get(name) for name in (PROMPT, PROMPT_TEXT)})  # type: ignore[arg-type]

    def batch_size(self, backend: Backend) -> int:
        """Questions that are asked in one go."""
        if not isinstance(backend, BatchAnswerer):
            return 1
        return backend.batch_size if self.batch is None else max(1, self.batch)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__}


SYNTHETIC = "synthetic"
"""In a run's record: how many of its questions a program wrote."""


def named_dataset(about: Mapping[str, Any]) -> str:
    """A run's dataset as lists name it; that its questions are synthetic is always said. about: the record."""
    made = about.get(SYNTHETIC)
    return f"{about['name']}{(' (synthetic)' if made == about['questions'] else ' (partly synthetic)') if made else ''}"


TYPES = "types"
"""In a run's record: how many question types came from where."""


def describe_run(plan: RunPlan, dataset: Dataset, typed: Sequence[TypedQuestion]) -> dict[str, Any]:
    """The record of a run that begins, JSON-ready: plan, hashes of questions and documents, versions.

    dataset: as it was read, so that a decision about a type makes it no other one. typed: its questions with their types.
    """
    return {
        **plan.to_dict(),
        "name": dataset.name,
        "dataset_version": dataset.version,
        SYNTHETIC: dataset.synthetic,
        "fingerprint": dataset.fingerprint,
        "documents_fingerprint": dataset.documents_fingerprint,
        "questions": len(dataset.questions),
        "problems": problem_lines(dataset),
        TYPES: count_types(typed),
        "version": installed_versions()["raglass"],
        "versions": installed_versions(),
    }


STUDY, CELL = "study", "cell"
"""In the record of a run that is a cell of a study: the study's mark, and what the cell is called."""


def is_put_together(about: Mapping[str, Any]) -> bool:
    """Whether a study put a run's backend together itself, as it does local ones: the one of that name is another. about: the record."""
    return CELL in about and str(about["backend"]).startswith("local/")


def check_resumable(run_id: str, about: Mapping[str, Any]) -> None:
    """Raise InputError for a run that is a cell of a study."""
    if CELL in about:
        raise InputError(
            f"The run {run_id} is a cell of a study, whose choices no setting holds. Go on with the study: `raglass lab resume`."
        )


def check_explainable(run_id: str, about: Mapping[str, Any]) -> None:
    """Raise InputError for a run whose backend a study put together itself."""
    if is_put_together(about):
        raise InputError(
            f"The run {run_id} is a cell of a study, whose choices no setting holds: the backend as it is set would explain what it did "
            "not answer. Set what the cell chose, ask with `raglass eval run`, and explain that run."
        )


UNCOVERED = "uncovered"
"""In a run's record: questions that its corpus cannot answer."""

MOST_UNCOVERED = 5
"""Of them that are named."""


def describe_uncovered(questions: Sequence[LabelledQuestion]) -> dict[str, Any]:
    """Questions whose document is not in the corpus or does not hold their answer, JSON-ready: how many, and the first documents."""
    named = list(dict.fromkeys(question.article for question in questions))
    return {
        UNCOVERED: {
            "questions": len(questions),
            "documents": named[:MOST_UNCOVERED],
            "more": max(0, len(named) - MOST_UNCOVERED),
        }
    }


def describe_system(trace: Trace) -> dict[str, Setting]:
    """What answered, JSON-ready: models and prompt, and the index by the hash of its chunks and vectors."""
    return {name: trace.settings.get(name) for name in (*ANSWERED_WITH, "reranker", PROMPT_TEXT)}
