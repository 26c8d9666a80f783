"""The work: chunks to drafts, in an order that favours neither documents nor types, each checked, until there are enough.

Every decision can be kept and given again, so that work that was stopped goes on where it was. The same seed over the same chunks gives the
same questions.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from corpus import QuestionType
from evaluation.curated import DatasetRow
from evaluation.synthesis.checking import Verdict, is_repeated
from evaluation.synthesis.drafts import Draft, problem_with
from evaluation.synthesis.templates import write_drafts
from pipeline.types import Chunk

REPEATED = "nearly the same question was kept"


class Target(Protocol):
    """A question that may be written."""

    @property
    def chunk(self) -> Chunk:
        """What it is to be written from."""

    @property
    def type(self) -> QuestionType:
        """What kind of answer it is to ask for."""

    @property
    def key(self) -> str:
        """Tells it from every other one, in the next sitting too."""

    def write(self) -> Draft | str:
        """The draft; in words, why there is none."""


@dataclass(frozen=True, slots=True)
class Written:
    """A draft that a template wrote."""

    chunk: Chunk
    """What it is from."""
    draft: Draft
    """The question."""
    problem: str
    """Why its words alone rule it out; empty if they do not."""

    @property
    def type(self) -> QuestionType:
        """The draft's."""
        return self.draft.type

    @property
    def key(self) -> str:
        """Chunk and question."""
        return hashlib.sha256(f"{self.chunk.chunk_id}\0{self.draft.question}".encode()).hexdigest()[:16]

    def write(self) -> Draft | str:
        """The draft."""
        return self.problem or self.draft


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a target."""

    key: str
    """The target's."""
    row: DatasetRow | None
    """What is kept; None if it was rejected."""
    reason: str = ""
    """Why it was rejected."""
    confidence: float = 0.0
    """The reader's, of what is kept."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        row = None if self.row is None else self.row.to_dict()
        return {"key": self.key, "row": row, "reason": self.reason, "confidence": self.confidence}


@dataclass(slots=True)
class Tally:
    """How far the work is."""

    wanted: int
    """Questions to keep."""
    kept: list[Decision] = field(default_factory=list)
    """Those that are."""
    rejected: Counter[str] = field(default_factory=Counter)
    """The others, by reason."""

    @property
    def looked_at(self) -> int:
        """Targets that were decided."""
        return len(self.kept) + sum(self.rejected.values())


def template_targets(chunks: Iterable[Chunk]) -> Iterator[Written]:
    """What the templates make of chunks."""
    for chunk in chunks:
        for draft in write_drafts(chunk):
            yield Written(chunk, draft, problem_with(draft, chunk.title))


class Turns:
    """Targets, of which types and documents take turns: next is the type that has the fewest kept questions, and of its documents the one
    that has; ties are drawn with the seed."""

    def __init__(self, targets: Iterable[Target], seed: int) -> None:
        shuffled = sorted(targets, key=lambda each: each.key)
        random.Random(seed).shuffle(shuffled)
        self._left: dict[QuestionType, list[Target]] = {}
        for each in shuffled:
            self._left.setdefault(each.type, []).append(each)
        self._types: Counter[str] = Counter()
        self._documents: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Target]:
        """Every target once, in an order that depends on what `keep` is told meanwhile."""
        while self._left:
            kind = min(self._left, key=lambda name: self._types[name])
            of_kind = self._left[kind]
            place = min(range(len(of_kind)), key=lambda at: self._documents[of_kind[at].chunk.document_id])
            found = of_kind.pop(place)
            if not of_kind:
                del self._left[kind]
            yield found

    def keep(self, target: Target) -> None:
        """Count a target as kept."""
        self._types[target.type] += 1
        self._documents[target.chunk.document_id] += 1


def write_questions(
    targets: Iterable[Target],
    tally: Tally,
    seed: int,
    check: Callable[[Draft, Chunk], Verdict],
    known: Mapping[str, Decision],
) -> Iterator[Decision]:
    """Decide on targets in turn until enough are kept, and yield each new decision. tally: counts all of them, those known before included.

    known: decisions of an earlier sitting, by key.
    """
    words, turns = set[frozenset[str]](), Turns(targets, seed)
    for target in turns:
        if len(tally.kept) >= tally.wanted:
            return
        before = known.get(target.key)
        decision = before or _decide(target, check, words)
        if decision.row is None:
            tally.rejected[decision.reason] += 1
        else:
            tally.kept.append(decision)
            turns.keep(target)
            if before is not None:
                words.add(_words(decision.row))
        if before is None:
            yield decision


def _words(row: DatasetRow) -> frozenset[str]:
    known: set[frozenset[str]] = set()
    is_repeated(Draft(row.question, row.answers, "FACT", ""), known)
    return next(iter(known))


def _decide(target: Target, check: Callable[[Draft, Chunk], Verdict], words: set[frozenset[str]]) -> Decision:
    draft = target.write()
    if isinstance(draft, str):
        return Decision(target.key, None, draft)
    verdict = check(draft, target.chunk)
    if verdict.problem:
        return Decision(target.key, None, verdict.problem, verdict.confidence)
    if is_repeated(draft, words):
        return Decision(target.key, None, REPEATED, verdict.confidence)
    row = DatasetRow(
        f"s-{target.key}",
        draft.question,
        draft.answers,
        True,
        type=draft.type,
        article=target.chunk.document_id,
        notes=f"Written by {draft.rule}; the reader's confidence is {verdict.confidence:.2f}.",
        synthetic=True,
        hard=verdict.hard,
    )
    return Decision(target.key, row, "", verdict.confidence)
