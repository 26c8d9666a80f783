"""A diagnosis with its evidence: what the generator says under other conditions, which stage is to blame, and whether a repair works.

Each claim is tried on the backend that answered: the gold chunk alone, no chunk at all, the context without the chunk that drew the
answer away, and then the changes that the label suggests. A repair that was not seen to make the answer right is not called one.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from explain.answers import normalise
from explain.diagnosis import WORDS, Diagnosis, Facts, Failure, Way, diagnose, label_name, remedy_after
from explain.explained import Explained
from explain.gold import Gold
from pipeline.errors import InputError, RaglassError
from pipeline.protocols import Experimenter
from pipeline.types import Chunk

DEEP = 50
"""How many chunks are looked through for the gold one where it was not retrieved."""

DEEPEST = 20
"""The largest top_k that a repair tries: the one that reaches the gold chunk, else this."""

DEADLINE_S = 60.0
"""For each trial."""

Step = Callable[[], list[Chunk]]
"""Gets the chunks of a trial."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a trial changes of the settings with which the question was asked; nothing for one over chosen chunks."""

    top_k: int = 0
    """Chunks to retrieve; 0 for as many as before."""
    rerank: bool = False
    """Whether it reranks, where the question was asked without."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the generator said under another condition."""

    name: str
    """The condition, as the end of "Asked …"."""
    chunks: tuple[str, ...] = ()
    """Ids of the chunks that it read, in order."""
    answer: str = ""
    """What it said."""
    abstained: bool = False
    """Whether it gave no answer."""
    correct: bool = False
    """Whether that is right."""
    problem: str = ""
    """Why it could not be tried; empty if it was."""
    change: Change = Change()
    """What was changed, to do it again."""

    @property
    def way(self) -> Way | None:
        """The way to mend an answer that this tries; None for another. By its name, which older diagnoses have too."""
        known = {RERANKED: Way.RERANK, EXACTLY: Way.EXACT, RIGHT_FIRST: Way.FIRST}
        return Way.COUNT if re.fullmatch(r"with \d+ chunks?", self.name) else known.get(self.name)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """A diagnosis so far; the last one that is yielded is whole."""

    gold: Gold
    """What was said to be right."""
    correct: bool
    """Whether the answer is."""
    gold_ranks: tuple[int, ...]
    """Ranks of the gold chunks that the answer read."""
    found_at: int | None = None
    """Rank at which a deeper search finds the first gold chunk, where the answer read none; None if it does not."""
    diagnosis: Diagnosis | None = None
    """The label; None while trials are made, or where they cannot be."""
    unknown: str = ""
    """Why there is no label, and what would give one."""
    counterfactuals: tuple[Trial, ...] = ()
    """What shows that the label is right."""
    repairs: tuple[Trial, ...] = ()
    """Changes that were tried."""
    caveat: str = ""
    """Why trials may not speak for the answer; empty if they do."""

    @property
    def working(self) -> Trial | None:
        """The first change that was seen to make the answer right; None if there is none."""
        return next((trial for trial in self.repairs if trial.correct and not trial.problem), None)

    @property
    def remedy(self) -> str:
        """What to do: what was seen to work, else what the label suggests; empty where nothing is wrong, or nothing is known."""
        if self.working is not None:
            return f"Ask {self.working.name}."
        if self.diagnosis is None:
            return ""
        usual = self.diagnosis.remedy
        if not self._tried or not usual:
            return usual
        vain = {way for trial in self._tried if (way := trial.way) is not None}
        ways = {trial.way for trial in self.repairs}
        if Way.EXACT in ways and Way.RERANK not in ways:  # then the question was reranked when it was asked
            vain.add(Way.RERANK)
        left = remedy_after(self.diagnosis.label, usual, vain, misread=self._misread is not None)
        return f"Nothing that was tried here helped. {left}"

    @property
    def _tried(self) -> list[Trial]:
        return [trial for trial in self.repairs if not trial.problem]

    @property
    def _oracle(self) -> Trial | None:
        return next((trial for trial in self.counterfactuals if trial.name == ORACLE and not trial.problem), None)

    @property
    def _misread(self) -> Trial | None:
        """The first trial that read a right chunk, where the answer read none, and was not right all the same."""
        if self.diagnosis is None or self.diagnosis.label is not Failure.RETRIEVAL_MISS or self._oracle is None:
            return None
        right = set(self._oracle.chunks)
        return next(
            (each for each in (self._oracle, *self._tried) if right & {*each.chunks} and not each.correct), None
        )

    @property
    def _meaning(self) -> str:
        """What happened, in a sentence or two: for an answer that read no right chunk, with what the trials showed of reading one."""
        if self.diagnosis is None:
            return ""
        meaning, oracle, misread = self.diagnosis.meaning, self._oracle, self._misread
        if self.diagnosis.label is not Failure.RETRIEVAL_MISS or oracle is None:
            return meaning
        meaning = WORDS[Failure.RETRIEVAL_MISS][1]
        if misread is oracle:
            return f"{meaning} With one alone the answer is not right either: reading is a second fault."
        meaning = f"{meaning} With one alone the answer is right."
        if misread is None or self.working is not None:
            return meaning
        return f"{meaning} Asked {misread.name} it read one among others and was not right: reading is a second fault."

    @property
    def sentence(self) -> str:
        """The diagnosis in a few plain words, with the repair that was verified."""
        said = self.unknown
        if self.diagnosis is not None:
            label = label_name(self.diagnosis.label.value)
            said = f"{label[0].upper()}{label[1:]}: {self._meaning[0].lower()}{self._meaning[1:]}"
        tried = self._tried
        working = self.working
        if working is not None:
            return f"{said} Verified repair: {working.name}, it answers “{working.answer}”, which is right."
        if tried:
            return (
                f"{said} None of the {len(tried)} changes that were tried made it right."
                if len(tried) > 1
                else (f"{said} The one change that was tried did not make it right.")
            )
        return said


def diagnose_trace(found: Explained, gold: Gold, backend: object, *, with_repairs: bool = True) -> Iterator[Diagnosed]:
    """Try what the label needs, then what might mend it; yields after each trial. `found` must be complete.

    with_repairs: whether to try changes at all; a run over many questions wants the labels alone.

    Trials that fail say why and cost nothing else. Raises InputError for an explanation that is not complete.
    """
    if not found.complete:
        raise InputError("The explanation is not complete yet. Score the rest, then diagnose.")
    correct = gold.agrees(found.answer, found.abstained)
    places = gold.places(found.chunks)
    state = Diagnosed(gold, correct, tuple(found.chunks[i].rank for i in places))
    if gold.document_only:
        yield _document_alone(found, state, backend)
        return
    needs_trials = not (gold.unanswerable or correct or found.abstained)
    if not isinstance(backend, Experimenter):
        if needs_trials:
            yield replace(state, unknown=_no_trials(found.scored_by))
        else:
            yield _labelled(found, state, places)
        return
    lab = _Lab(found, gold, backend, places)
    if not gold.unanswerable:
        for tried in lab.counterfactuals(state):
            state = tried
            yield state
    untried = next((trial.problem for trial in state.counterfactuals if trial.name == ORACLE and trial.problem), "")
    if untried and needs_trials:
        unknown = (
            "No chunk with the right answer was read, and none was found to try: which stage is to blame is not known."
        )
        state = replace(state, unknown=f"{unknown} {untried}")
    else:
        state = _labelled(found, state, places)
    yield state
    for name, step, change in lab.repairs(state) if with_repairs else []:
        state = replace(state, repairs=(*state.repairs, lab.trial(name, step, change)))
        yield state


def _document_alone(found: Explained, state: Diagnosed, backend: object) -> Diagnosed:
    """What the gold document says without a gold answer: whether it was read, and if not, where a deeper search finds it."""
    name = f"“{state.gold.article}”"
    if state.gold_ranks:
        ranks = ", ".join(map(str, state.gold_ranks))
        said = f"The document {name} was read (chunk {ranks})."
        return replace(
            state, unknown=f"{said} Which stage is to blame if the answer is wrong takes the right answer: type it too."
        )
    said = f"Not found, if {name} holds the answer: none of its chunks was read."
    if not isinstance(backend, Experimenter):
        return replace(state, unknown=said)
    _, found_at, problem = _Lab(found, state.gold, backend, ()).find_gold()
    where = f"A deeper search finds the first one at rank {found_at}." if found_at is not None else problem
    return replace(state, found_at=found_at, unknown=f"{said} {where}")


def _no_trials(backend: str) -> str:
    return (
        f"The answer is wrong. Which stage is to blame takes asking again over chosen chunks, which the backend {backend} "
        "does not offer: its stack answers only from what it retrieves itself. Ask the question on local/embedded or "
        "local/research over the same documents, and diagnose that trace."
    )


NEED_RELIANCE = (Failure.PARAMETRIC, Failure.PARAMETRIC_OVERRIDE, Failure.DISTRACTION, Failure.CONTEXT_IGNORED)
"""Labels that say where an answer came from, or which chunk drew it."""


def _labelled(found: Explained, state: Diagnosed, places: Sequence[int]) -> Diagnosed:
    """With the label; with none where a backend that stood in cannot tell what the chunks did, which is no fact about the answer."""
    diagnosis = diagnose(_facts(found, state, places))
    if not found.stand_in or found.attributable or diagnosis.label not in NEED_RELIANCE:
        return replace(state, diagnosis=diagnosis)
    said = f"The answer is {'right' if state.correct else 'wrong'}. Whether it came from its chunks is not known"
    return replace(state, unknown=f"{said}: to {found.stand_in} it is as probable without any of them.")


def _facts(found: Explained, state: Diagnosed, places: Sequence[int]) -> Facts:
    said = {trial.name: trial for trial in state.counterfactuals if not trial.problem}
    oracle, closed = said.get(ORACLE), said.get(CLOSED_BOOK)
    return Facts(
        unanswerable=state.gold.unanswerable,
        abstained=found.abstained,
        correct=state.correct,
        gold_retrieved=bool(places),
        correct_with_oracle=oracle is not None and oracle.correct,
        relies_on_chunks=found.attributable,
        same_closed_book=closed is not None and normalise(closed.answer) == normalise(found.answer),
        top_chunk_is_gold=main_chunk(found) in places,
    )


ORACLE = "with the right chunk alone"
CLOSED_BOOK = "without any chunk"
RERANKED = "reranked"
EXACTLY = "searching exactly"
RIGHT_FIRST = "with the right chunk first"


def main_chunk(found: Explained) -> int:
    """Position of the chunk that moved the answer most to where all together moved it."""
    sign = -1 if found.reliance_nats < 0 else 1
    return int((sign * found.chunk_nats).argmax())


Repair = tuple[str, Step, Change]
"""A change to try: its name, as a trial's; how its chunks are got; what it changes."""


def _with_chunks(top_k: int) -> str:
    return f"with {top_k} chunk{'' if top_k == 1 else 's'}"


class _Lab:
    """Trials of one explained answer on the backend that gave it."""

    def __init__(self, found: Explained, gold: Gold, backend: Experimenter, places: Sequence[int]) -> None:
        self.found, self.gold, self.backend, self.places = found, gold, backend, places
        self.question = found.trace.question
        self.read = list(found.chunks)
        settings = found.trace.settings
        self.top_k = int(settings.get("top_k") or len(self.read))
        self.reranked = bool(settings.get("rerank"))

    def trial(self, name: str, step: Step, change: Change = Change()) -> Trial:
        """Get the chunks and ask over them; a failure is the trial's problem."""
        try:
            chunks = step()
            said = self.backend.answer_from(self.question, chunks, deadline_s=DEADLINE_S)
        except RaglassError as error:
            return Trial(name, problem=str(error), change=change)
        correct = self.gold.agrees(said.answer, said.abstained)
        ids = tuple(chunk.chunk_id for chunk in chunks)
        return Trial(name, ids, said.answer, said.abstained, correct, change=change)

    def retrieve(self, top_k: int, *, rerank: bool | None = None, exact: bool = False) -> list[Chunk]:
        """As the question was asked, but for what is given."""
        again = self.reranked if rerank is None else rerank
        return self.backend.retrieve(self.question, top_k=top_k, deadline_s=DEADLINE_S, rerank=again, exact=exact)

    def counterfactuals(self, state: Diagnosed) -> Iterator[Diagnosed]:
        """The gold chunk alone, no chunk, and the context without the chunk that drew the answer away."""
        gold_chunk, found_at, problem = self.find_gold()
        state = replace(state, found_at=found_at)
        tries: list[tuple[str, Step]] = []
        if gold_chunk is not None:
            tries.append((ORACLE, lambda: [gold_chunk]))
        else:
            state = replace(state, counterfactuals=(Trial(ORACLE, problem=problem),))
        tries.append((CLOSED_BOOK, lambda: []))
        top = main_chunk(self.found)
        if self.places and top not in self.places and not state.correct and len(self.read) > 1:
            tries.append((f"without chunk {self.read[top].rank}", lambda: self._without(top)))
        for name, step in tries:
            state = replace(state, counterfactuals=(*state.counterfactuals, self.trial(name, step)))
            yield state

    def find_gold(self) -> tuple[Chunk | None, int | None, str]:
        """The gold chunk, the rank at which a deeper search finds it (None where it was read), and why there is none."""
        if self.places:
            return self.read[self.places[0]], None, ""
        try:
            deep = self.retrieve(DEEP, rerank=False)
        except RaglassError as error:
            return None, None, str(error)
        places = self.gold.places(deep)
        if places:
            return deep[places[0]], places[0] + 1, ""
        return None, None, self._not_found(deep)

    def _not_found(self, deep: Sequence[Chunk]) -> str:
        if self.gold.article and not self.gold.places_of_article(deep):
            return (
                f"No chunk of “{self.gold.article}” is among the first {len(deep)}. Check the title, or leave it out."
            )
        return f"No chunk with the right answer is among the first {len(deep)}: the documents may not hold it in these words."

    def _without(self, place: int) -> list[Chunk]:
        return [chunk for i, chunk in enumerate(self.read) if i != place]

    def repairs(self, state: Diagnosed) -> list[Repair]:
        """What the label suggests to change, in the order of its promise."""
        match Failure.RETRIEVAL_MISS if state.diagnosis is None else state.diagnosis.label:
            case Failure.RETRIEVAL_MISS | Failure.COMPOUND:
                return [
                    *self._deeper(state),
                    *self._reranked(),
                    (EXACTLY, lambda: self.retrieve(self.top_k, exact=True), Change()),
                ]
            case Failure.OVER_ABSTENTION:
                return [*self._fewer(), *self._reranked()]
            case Failure.DISTRACTION:
                top = main_chunk(self.found)
                return [
                    (f"without chunk {self.read[top].rank}", lambda: self._without(top), Change()),
                    *self._reranked(),
                    *self._fewer(),
                ]
            case Failure.CONTEXT_IGNORED:
                return [(RIGHT_FIRST, self._gold_first, Change()), *self._fewer(), *self._reranked()]
            case _:
                return []

    def _deeper(self, state: Diagnosed) -> list[Repair]:
        if state.found_at is not None and self.top_k < state.found_at <= DEEPEST:
            depth = state.found_at
        elif self.top_k < DEEPEST:
            depth = DEEPEST
        else:
            return []
        return [(_with_chunks(depth), lambda: self.retrieve(depth), Change(top_k=depth))]

    def _reranked(self) -> list[Repair]:
        if self.reranked:
            return []
        return [(RERANKED, lambda: self.retrieve(self.top_k, rerank=True), Change(rerank=True))]

    def _fewer(self) -> list[Repair]:
        """Down to the gold chunk, where chunks below it were read."""
        last = self.places[0] + 1
        if last >= len(self.read):
            return []
        return [(_with_chunks(last), lambda: self.read[:last], Change(top_k=last))]

    def _gold_first(self) -> list[Chunk]:
        return [self.read[i] for i in (*self.places, *(i for i in range(len(self.read)) if i not in self.places))]
