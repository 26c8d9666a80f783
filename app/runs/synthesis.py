"""The use case of questions written from the documents: which chunks, by what, and how work that was stopped is gone on with."""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from app.permitting.acting import require
from app.permitting.roles import Role
from backends.local.documents.types import BUILT_IN
from backends.local.protocols import HoldsCorpus
from evaluation.curated import DatasetRow, read_row
from evaluation.kept import KeptDatasets, KeptVersion
from evaluation.synthesis.drafts import Draft
from evaluation.synthesis.model import ASKS_FOR, PROMPT, Asked
from evaluation.synthesis.writing import Decision, Tally, Target, template_targets, write_questions
from pipeline.errors import InputError, StoreError
from pipeline.locks import held_alone
from pipeline.prompts import asking_with
from pipeline.protocols import Backend, Experimenter
from pipeline.types import Chunk

if TYPE_CHECKING:
    from evaluation.synthesis.checking import Verdict

log = logging.getLogger(__name__)

MOST_CHUNKS = 3_000
"""Chunks that are looked at, drawn at random where there are more."""

MOST_QUESTIONS = 5_000
"""That are written in one go."""

Of = Literal["all", "builtin", "added"]
"""Which documents: every one, the built-in articles, or those that people added."""

Writer = Literal["templates", "model"]
"""What writes: templates over what sentences say, or the backend's generator."""


@dataclass(frozen=True, slots=True)
class SynthesisPlan:
    """What to write."""

    name: str
    """The dataset; one that is there gets a new version with these questions beside its own."""
    backend: str
    """Full name of the backend whose documents are read; where a model writes, its generator does."""
    corpus: Of = "all"
    """Which of its documents."""
    count: int = 100
    """Questions to keep."""
    seed: int = 0
    """Of the drawing of chunks and the order."""
    writer: Writer = "templates"
    """What writes."""


@dataclass(frozen=True, slots=True)
class SynthesisStep:
    """How far the work is."""

    tally: Tally
    """What was kept and rejected."""
    version: KeptVersion | None = None
    """What came of it; None before the end."""


class Synthesis:
    """Writes questions."""

    def __init__(
        self,
        backend: Callable[[str], Backend],
        datasets: KeptDatasets,
        threads: int | None = None,
    ) -> None:
        """backend: an open one by name. threads: of the reader that checks, a core each; None for all."""
        self._backend, self._datasets, self._threads = backend, datasets, threads

    def write(
        self, plan: SynthesisPlan, stop: threading.Event | None = None
    ) -> Generator[SynthesisStep, None, SynthesisStep | None]:
        """Write until there are enough, and keep them as a version; yields after each decision, every one of which is kept.

        The same plan over the same documents goes on where it was stopped. Raises InputError for a plan that cannot be carried out, and
        where nothing can be asked. Takes an editor.
        """
        require(Role.EDITOR)
        if not 1 <= plan.count <= MOST_QUESTIONS:
            raise InputError(f"{plan.count:,} questions cannot be written in one go; ask for 1 to {MOST_QUESTIONS:,}.")
        self._datasets.versions(plan.name)  # so that an impossible name is told before the work
        backend = self._backend(plan.backend)
        chunks = chunks_of(backend, plan)
        targets = list(_targets(plan, backend, chunks))
        if not targets:
            raise InputError(
                "No template finds a fact in these documents, which have to be in English. Let a model write."
            )
        path = self._datasets.folder.parent / "synthesis" / f"{plan.name}-{_mark(plan, chunks)}.jsonl"
        taken = InputError("These questions are being written already, on a page or in another shell. Wait for that.")
        with held_alone(path.with_suffix(".lock"), taken):
            tally = yield from self._decide(plan, backend, targets, path, stop)
            if tally is None:
                return None
            rows = [each.row for each in tally.kept if each.row is not None]
            step = SynthesisStep(tally, self._keep(plan, rows))
            path.unlink(missing_ok=True)
            yield step
            return step

    def _decide(
        self, plan: SynthesisPlan, backend: Backend, targets: list[Target], path: Path, stop: threading.Event | None
    ) -> Generator[SynthesisStep, None, Tally | None]:
        """Every decision, each on the disk before it is told; None where it was asked to stop."""
        from evaluation.synthesis.checking import check_draft, open_reader

        assert isinstance(backend, Experimenter)
        reader = open_reader(self._threads)

        def retrieve(question: str, top_k: int) -> list[Chunk]:
            return backend.retrieve(question, top_k=top_k, deadline_s=60.0)

        def check(draft: Draft, chunk: Chunk) -> "Verdict":
            return check_draft(draft, chunk, reader, retrieve)

        tally = Tally(plan.count)
        work = write_questions(targets, tally, plan.seed, check, read_decisions(path))
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")  # A process that was killed may have left half a line.
                for decision in work:
                    file.write(f"{json.dumps(decision.to_dict())}\n")
                    file.flush()
                    yield SynthesisStep(tally)
                    if stop is not None and stop.is_set():
                        return None
        except OSError as error:
            raise StoreError(f"{path} cannot be written ({error.strerror}). Make room, then go on.") from error
        return tally

    def _keep(self, plan: SynthesisPlan, rows: list[DatasetRow]) -> KeptVersion:
        if not rows:
            raise InputError(
                "Every question that was written was rejected: the documents state too few facts plainly. Let a model write."
            )
        by = "templates" if plan.writer == "templates" else f"the generator of {plan.backend}"
        return self._datasets.add(
            plan.name, rows, f"Synthetic: written by {by} from {plan.corpus} documents, seed {plan.seed}."
        )


def chunks_of(backend: Backend, plan: SynthesisPlan) -> list[Chunk]:
    """The chunks to write from, at most MOST_CHUNKS. Raises InputError for a backend without documents here, and where none fits."""
    if not isinstance(backend, HoldsCorpus) or not isinstance(backend, Experimenter):
        raise InputError(f"{plan.backend} keeps its documents elsewhere. Name a local backend, such as local/embedded.")
    size = backend.corpus.index.opened().vectors.size
    drawn = np.random.default_rng(plan.seed).permutation(size)
    chunks: list[Chunk] = []
    for start in range(0, size, 500):
        for each in backend.corpus.index.chunks_at(sorted(drawn[start : start + 500].tolist())):
            if plan.corpus == "all" or (each.source == BUILT_IN) == (plan.corpus == "builtin"):
                chunks.append(each.unranked(1))
        if len(chunks) >= MOST_CHUNKS:
            break
    if not chunks:
        raise InputError(
            f"The index of {plan.backend} holds no chunk of {plan.corpus} documents. Add some, or choose others."
        )
    return chunks[:MOST_CHUNKS]


def _targets(plan: SynthesisPlan, backend: Backend, chunks: list[Chunk]) -> Iterator[Target]:
    if plan.writer == "templates":
        yield from template_targets(chunks)
        return
    told = asking_with(backend, PROMPT)  # which is refused where the generator reads no prompt
    assert isinstance(told, Experimenter)
    name = str(getattr(getattr(told, "generator", None), "name", plan.backend))

    def say(request: str, chunk: Chunk) -> str:
        return told.answer_from(request, [chunk], deadline_s=120.0).answer

    yield from (Asked(chunk, kind, say, name) for chunk in chunks for kind in ASKS_FOR)


def _mark(plan: SynthesisPlan, chunks: list[Chunk]) -> str:
    """Tells the work of one plan over some documents from every other; how many are wanted does not matter to it."""
    ids = "\0".join(sorted(chunk.chunk_id for chunk in chunks))
    told = f"{plan.backend}\0{plan.corpus}\0{plan.seed}\0{plan.writer}\0{ids}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def read_decisions(path: Path) -> dict[str, Decision]:
    """What earlier sittings decided, by key; a line that was cut when a process was killed is passed over, and decided again."""
    found: dict[str, Decision] = {}
    lines = path.read_text("utf-8").split("\n") if path.exists() else []
    for line in lines:
        try:
            data = json.loads(line)
            row = None if data["row"] is None else read_row(data["row"])
            found[data["key"]] = Decision(data["key"], row, data["reason"], data["confidence"])
        except (ValueError, KeyError, TypeError, InputError):
            continue
    return found
