"""Whether what is found and answered holds when a question is worded otherwise, or when the chunks it is answered from change.

Each question is asked as it stands and then in every variant; rankings and answers are held against the first. Keeps no trace.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evaluation.agreement import Agreement, compare
from evaluation.datasets import LabelledQuestion
from evaluation.perturbations import KINDS, SEEDS, perturb_all
from evaluation.runner import MOST_FAILURES
from evaluation.summary import ALL, UNTYPED, Measure, measure
from explain.answers import best_f1, token_f1
from explain.confidence import SAME_F1
from explain.distractors import unrelated
from pipeline.errors import BackendError, InputError, Unavailable
from pipeline.protocols import Backend, Experimenter
from pipeline.types import Chunk, Generation

ORDER, DISTRACTOR, DROPPED = "chunk order", "distractor added", "chunk dropped"

CONTEXTS = (ORDER, DISTRACTOR, DROPPED)
"""What may be done to the chunks that a question is answered from."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant, held against the question as it stands."""

    kind: str
    """One of KINDS or CONTEXTS."""
    text: str
    """The question as it was asked."""
    agreement: Agreement | None
    """Of the chunks found; None where they were given."""
    answer: str
    """What was said; empty for an abstention."""
    abstained: bool
    """Whether no answer was given."""
    correct: bool
    """Whether that is right."""
    answer_f1: float
    """Token F1 of the two answers, an abstention counting as the empty one."""
    abstention_changed: bool
    """Whether one abstained and the other did not."""
    gold_f1_change: float
    """F1 with the gold answer, less that of the question as it stands."""

    @property
    def changed(self) -> bool:
        """Whether the answer is another one."""
        return is_other_answer(self.answer_f1, abstention_changed=self.abstention_changed)


def is_other_answer(answer_f1: float, *, abstention_changed: bool) -> bool:
    """Whether two answers say different things: fewer words in common than two ways of saying the same, or an abstention more or less."""
    return abstention_changed or answer_f1 < SAME_F1


@dataclass(frozen=True, slots=True)
class QuestionStability:
    """A question and its variants."""

    question: LabelledQuestion
    """As it stands."""
    answer: str = ""
    """What was said; empty for an abstention."""
    correct: bool = False
    """Whether that is right."""
    variants: tuple[Variant, ...] = ()
    """What was asked."""
    not_varied: Mapping[str, str] | None = None
    """By kind, why there is no variant of it."""
    failed: int = 0
    """Variants that a stage failed on; they are left out."""
    problem: str = ""
    """Why the question itself could not be answered; there are no variants then."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of variant over the questions of one type."""

    kind: str
    """One of KINDS or CONTEXTS."""
    type: str
    """A question type, `untyped`, or `all`."""
    questions: int
    """Questions with such a variant."""
    variants: int
    """Their variants."""
    not_varied: int
    """Questions that have none."""
    measures: Mapping[str, Measure]
    """By name, each over questions, a question's variants averaged first; intervals resample articles."""


MEASURES: Mapping[str, Callable[[Variant], float | None]] = {
    "overlap": lambda v: None if v.agreement is None else v.agreement.overlap,
    "jaccard": lambda v: None if v.agreement is None else v.agreement.jaccard,
    "rbo": lambda v: None if v.agreement is None else v.agreement.rbo,
    "overlap beyond chance": lambda v: None if v.agreement is None else v.agreement.corrected,
    "answer changed": lambda v: float(v.changed),
    "abstention changed": lambda v: float(v.abstention_changed),
    "answer f1": lambda v: v.answer_f1,
    "gold f1 change": lambda v: v.gold_f1_change,
    "correct": lambda v: float(v.correct),
}
"""Every figure of a cell, from one variant; None where the variant does not count towards it."""


def measure_stability(
    questions: Sequence[LabelledQuestion],
    backend: Backend,
    kinds: Sequence[str] = (*KINDS, *CONTEXTS),
    seeds: Sequence[int] = SEEDS,
    top_k: int = 5,
    *,
    deadline_s: float = 60.0,
    corpus_size: int | None = None,
    pool: Sequence[Chunk] = (),
) -> Iterator[QuestionStability]:
    """Ask each question and its variants, and yield what came of it, question by question; closing the generator stops.

    kinds: of KINDS and CONTEXTS; the latter need a backend that is an `Experimenter`. top_k: chunks to find and answer from.
    deadline_s: for each ask. corpus_size: chunks in the index, for the agreement beyond chance. pool: chunks to draw distractors from.
    Raises InputError for an unknown kind, at once, and Unavailable once MOST_FAILURES asks in a row have failed.
    """
    unknown = [kind for kind in kinds if kind not in (*KINDS, *CONTEXTS)]
    if unknown or not kinds or not seeds:
        said = f"{', '.join(unknown)} is no kind of variant." if unknown else "There is nothing to vary."
        raise InputError(f"{said} Choose from {', '.join((*KINDS, *CONTEXTS))}, with a seed or more.")
    lab = _Lab(backend, tuple(kinds), tuple(seeds), top_k, deadline_s, corpus_size, tuple(pool))
    return (lab.look_at(question) for question in questions)


def count_asks(questions: Sequence[LabelledQuestion], kinds: Sequence[str], seeds: Sequence[int]) -> int:
    """How many times a backend will be asked at most. Costs nothing."""
    wording = [kind for kind in kinds if kind in KINDS]
    worded = sum(found.text is not None for q in questions for found in perturb_all(q.text, wording, seeds))
    return len(questions) * (1 + len(seeds) * sum(kind in CONTEXTS for kind in kinds)) + worded


def summarise_stability(results: Sequence[QuestionStability], *, seed: int = 0) -> list[Cell]:
    """Kind by kind: all questions, then each type in alphabetical order if there is more than one."""
    types = sorted({each.question.type or UNTYPED for each in results})
    kinds = {variant.kind for each in results for variant in each.variants}
    kinds |= {kind for each in results for kind in each.not_varied or ()}
    return [
        _cell(kind, name, results, seed)
        for kind in (*KINDS, *CONTEXTS)
        if kind in kinds
        for name in (ALL, *(types if len(types) > 1 else ()))
    ]


def _cell(kind: str, name: str, results: Sequence[QuestionStability], seed: int) -> Cell:
    of_type = [each for each in results if name in (ALL, each.question.type or UNTYPED)]
    varied = [
        (each.question.cluster, found)
        for each in of_type
        if (found := [variant for variant in each.variants if variant.kind == kind])
    ]
    measures = {
        title: measure([(cluster, _mean(found, of)) for cluster, found in varied], seed=seed)
        for title, of in MEASURES.items()
    }
    without = sum(kind in (each.not_varied or ()) for each in of_type)
    return Cell(kind, name, len(varied), sum(len(found) for _, found in varied), without, measures)


def _mean(variants: Sequence[Variant], of: Callable[[Variant], float | None]) -> float | None:
    values = [value for variant in variants if (value := of(variant)) is not None]
    return sum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True)
class _Reply:
    """What one ask came to."""

    chunks: tuple[Chunk, ...]
    answer: str
    abstained: bool


@dataclass(slots=True)
class _Lab:
    """Questions and their variants on one backend."""

    backend: Backend
    kinds: tuple[str, ...]
    seeds: tuple[int, ...]
    top_k: int
    deadline_s: float
    corpus_size: int | None
    pool: tuple[Chunk, ...]
    failed_in_a_row: int = 0
    problem: str = ""

    def look_at(self, question: LabelledQuestion) -> QuestionStability:
        """Ask a question and all its variants."""
        first = self._try(lambda: self._ask(question.text))
        if first is None:
            return QuestionStability(question, problem=self.problem)
        state = QuestionStability(
            question, first.answer, question.gold.agrees(first.answer, first.abstained), not_varied={}
        )
        wording = [kind for kind in self.kinds if kind in KINDS]
        for found in perturb_all(question.text, wording, self.seeds):
            if found.text is None:
                state = _without(state, found.kind, found.why_not)
            else:
                said = self._try(partial(self._ask, found.text))
                state = self._add(state, found.kind, found.text, first, said)
        for kind in CONTEXTS:
            if kind in self.kinds:
                state = self._vary_context(state, kind, first)
        return state

    def _vary_context(self, state: QuestionStability, kind: str, first: _Reply) -> QuestionStability:
        text = state.question.text
        if not isinstance(self.backend, Experimenter):
            return _without(state, kind, f"The backend {self.backend.name} answers only from what it finds itself.")
        free = unrelated(first.chunks, [first.answer, *state.question.answers], self.pool)
        contexts = vary_chunks(first.chunks, kind, self.seeds, free, text)
        if not contexts:
            return _without(state, kind, NOTHING_TO_VARY[kind])
        for chunks in contexts:
            said = self._try(partial(self._ask_over, self.backend, text, chunks))
            state = self._add(state, kind, text, first, said)
        return state

    def _ask(self, text: str) -> _Reply:
        trace = self.backend.answer(text, top_k=self.top_k, deadline_s=self.deadline_s)
        if trace.error is not None or trace.generation is None:
            raise Unavailable(trace.error.message if trace.error else "The backend gave no answer.")
        return _reply(trace.chunks, trace.generation)

    def _ask_over(self, backend: Experimenter, text: str, chunks: Sequence[Chunk]) -> _Reply:
        return _reply(chunks, backend.answer_from(text, chunks, deadline_s=self.deadline_s))

    def _try(self, ask: Callable[[], _Reply]) -> _Reply | None:
        try:
            found = ask()
        except BackendError as error:
            self.problem = str(error)
            self.failed_in_a_row += 1
            if self.failed_in_a_row >= MOST_FAILURES:
                raise Unavailable(f"{MOST_FAILURES} asks in a row failed. {self.problem}") from error
            return None
        self.failed_in_a_row = 0
        return found

    def _add(
        self, state: QuestionStability, kind: str, text: str, first: _Reply, said: _Reply | None
    ) -> QuestionStability:
        if said is None:
            return replace(state, failed=state.failed + 1)
        question = state.question
        before, after = ([chunk.chunk_id for chunk in each.chunks] for each in (first, said))
        variant = Variant(
            kind,
            text,
            compare(before, after, self.top_k, self.corpus_size) if kind in KINDS else None,
            said.answer,
            said.abstained,
            question.gold.agrees(said.answer, said.abstained),
            token_f1(first.answer, said.answer),
            first.abstained != said.abstained,
            best_f1(said.answer, question.answers) - best_f1(first.answer, question.answers),
        )
        return replace(state, variants=(*state.variants, variant))


def vary_chunks(
    chunks: Sequence[Chunk], kind: str, seeds: Sequence[int], free: Sequence[Chunk], name: str
) -> list[list[Chunk]]:
    """Other contexts, one a seed as long as they differ, ranks from 1: shuffled, with a chunk of `free` put in, or with one left out.

    name: with the seed, what is drawn by. None for fewer than two chunks to order or drop, or no distractor.
    """
    made: dict[tuple[str, ...], list[Chunk]] = {}
    for seed in seeds:
        draw, varied = random.Random(f"{kind} {name} {seed}"), list(chunks)
        if kind == ORDER:
            draw.shuffle(varied)
        elif kind == DISTRACTOR and free:
            varied.insert(draw.randint(0, len(varied)), draw.choice(free))
        elif kind == DROPPED and len(varied) > 1:
            places = list(range(len(varied)))
            random.Random(f"{kind} {name}").shuffle(places)
            del varied[places[seed % len(places)]]
        made.setdefault(
            tuple(chunk.chunk_id for chunk in varied),
            [replace(chunk, rank=rank) for rank, chunk in enumerate(varied, start=1)],
        )
    made.pop(tuple(chunk.chunk_id for chunk in chunks), None)
    return list(made.values())


NOTHING_TO_VARY: Mapping[str, str] = {
    ORDER: "It found fewer than two chunks to put in another order.",
    DISTRACTOR: "There is no chunk of another document to add.",
    DROPPED: "It found fewer than two chunks, so that none can be left out.",
}


def _without(state: QuestionStability, kind: str, why: str) -> QuestionStability:
    return replace(state, not_varied={**(state.not_varied or {}), kind: why})


def _reply(chunks: Sequence[Chunk], generation: Generation) -> _Reply:
    return _Reply(tuple(chunks), "" if generation.abstained else generation.answer, generation.abstained)
