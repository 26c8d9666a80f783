"""The use case about drift: whether questions still are what they were.

Owns which traces are held against each other, and by which embedder. Refuses to format anything, and to know streamlit.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.kit.wording import APPLICATION, ASKED_BY_PEOPLE, listed
from app.stability.steps import OnProgress, Steps, embed_in_batches, finish
from evaluation.drift import (
    FEWEST_QUESTIONS,
    MOST_QUESTIONS,
    PERMUTATIONS,
    Window,
    WindowDrift,
    measure_window_drift,
    mmd_level,
)
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.errors import InputError, RaglassError, Unavailable
from pipeline.types import Trace

if TYPE_CHECKING:
    from backends.local.corpus import LocalCorpus

log = logging.getLogger(__name__)

NEWEST = 400
"""Stored questions that are looked at by default."""

WINDOW = 50
"""Of them in a window."""

FEWEST = 2 * FEWEST_QUESTIONS
"""Questions without which there is neither a reference nor a window."""

MOST = 5_000
"""Stored questions that may be looked at."""

USUAL_EMBEDDER = "local/embedded"
"""The backend that embeds where the one asked about has no embedder here."""


class TooFew(InputError):
    """There are not enough questions yet: nothing is wrong, and nothing can be told."""


CorpusOf = Callable[[str], "LocalCorpus | None"]
"""The corpus of a backend by its name; None where the backend keeps its documents elsewhere."""


@dataclass(frozen=True, slots=True)
class QuestionPlan:
    """Which stored questions to hold against which."""

    backend: str
    """The backend that answered them."""
    newest: int = NEWEST
    """Its newest traces, so many; at most MOST."""
    window: int = WINDOW
    """Questions in a window, at least."""
    until: float | None = None
    """Where the reference ends, in seconds since the epoch; None for the oldest half."""
    seed: int = 0
    """Of the permutations."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Questions asked one after the other."""

    name: str
    """What it is called."""
    questions: int
    """How many."""
    first_at: float
    """When the first was asked, in seconds since the epoch."""
    last_at: float
    """When the last was."""


@dataclass(frozen=True, slots=True)
class MeasuredWindow:
    """A window held against the reference."""

    stretch: Stretch
    """Its questions."""
    drift: WindowDrift
    """How far they are from those of the reference."""


@dataclass(frozen=True, slots=True)
class QuestionDrift:
    """What came of it."""

    backend: str
    """The backend that answered."""
    embedder: str
    """What the questions were embedded by."""
    left_out: int
    """Traces without a chunk, most of them failed; another application's without a question."""
    reference: Stretch
    """What the windows are held against."""
    windows: tuple[MeasuredWindow, ...]
    """Oldest first."""
    level: float
    """Control limit: the MMD² that a window drawn at random from the reference itself stays below in 19 of 20 cases."""

    @property
    def drifted(self) -> tuple[MeasuredWindow, ...]:
        """Windows whose questions or scores are others, by tests corrected over all windows."""
        return tuple(each for each in self.windows if each.drift.drifted)


def check_questions(
    store: TraceStore, corpus_of: CorpusOf, plan: QuestionPlan, on_progress: OnProgress | None = None
) -> QuestionDrift:
    """All steps of `question_steps`, at once."""
    return finish(question_steps(store, corpus_of, plan), on_progress)


def question_steps(store: TraceStore, corpus_of: CorpusOf, plan: QuestionPlan) -> Steps[QuestionDrift]:
    """Hold the later stored questions of a backend against the earlier ones.

    Questions are embedded again, by the backend's own embedder where it runs here. Another application's need no chunk, and their scores
    are compared only where each has one. Raises TooFew for too few traces, saying how many
    are needed, InputError for a plan that cannot be, and Unavailable where no embedder can be had.
    """
    if not FEWEST <= plan.newest <= MOST or not FEWEST_QUESTIONS <= plan.window <= MOST_QUESTIONS:
        raise InputError(
            f"{plan.newest:,} traces in windows of {plan.window:,} cannot be compared: take {FEWEST} to {MOST:,} traces, and "
            f"{FEWEST_QUESTIONS} to {MOST_QUESTIONS:,} for a window."
        )
    traces, left_out = newest_traces(store, plan)
    reference, windows = split_by_time(traces, plan)
    corpus = embedding_corpus(corpus_of, plan.backend)
    vector_of = yield from embed_traces(traces, corpus)

    def window(name: str, part: Sequence[Trace]) -> Window:
        vectors = np.stack([vector_of[each.question] for each in part])
        scores = [score for each in part if (score := _top_score(each)) is not None]
        return Window(name, vectors, scores if len(scores) == len(part) else None)

    before = window("the reference", reference)
    named = [window(f"window {number}", part) for number, part in enumerate(windows, start=1)]
    # Holm multiplies the smallest p by the number of tests: with too few permutations nothing could be significant.
    permutations = max(PERMUTATIONS, 80 * len(named))
    found = measure_window_drift(before, named, permutations=permutations, seed=plan.seed)
    return QuestionDrift(
        plan.backend,
        corpus.embedder,
        left_out,
        _stretch(before.name, reference),
        tuple(MeasuredWindow(_stretch(each.name, part), each) for part, each in zip(windows, found, strict=True)),
        _control_limit(before, len(windows[0]), plan.seed),
    )


def window_verdicts(found: QuestionDrift) -> list[tuple[float, float, int]]:
    """Of each window, oldest first: when its last question was asked, its smaller corrected p value, and its questions."""
    return [
        (
            each.stretch.last_at,
            min(p for p in (each.drift.mmd_p_adjusted, each.drift.ks_p_adjusted) if p is not None),
            each.stretch.questions,
        )
        for each in found.windows
    ]


def _control_limit(reference: Window, window: int, seed: int) -> float:
    draw = np.random.default_rng(seed)
    vectors = np.asarray(reference.vectors, np.float64)
    vectors = vectors[draw.permutation(len(vectors))[:MOST_QUESTIONS]]
    return mmd_level(vectors, min(window, len(vectors) // 2), PERMUTATIONS, draw)


def split_by_time(traces: Sequence[Trace], plan: QuestionPlan) -> tuple[list[Trace], list[list[Trace]]]:
    """The reference, and the rest in windows of equal count (to one), at least `plan.window` where there are as many.

    traces: oldest first. Raises TooFew where the reference or the rest has fewer than FEWEST_QUESTIONS.
    """
    end = len(traces) // 2
    if plan.until is not None:
        end = sum(trace.asked_at < plan.until for trace in traces)
    rest = len(traces) - end
    if min(end, rest) < FEWEST_QUESTIONS:
        chunks = "" if plan.backend.startswith(APPLICATION) else " with chunks"
        where = "" if plan.until is None else f", {end:,} of them before the date given and {rest:,} after it"
        raise TooFew(
            f"{plan.backend} has {len(traces):,} stored questions{chunks} among its newest {plan.newest:,} traces{where}; at least "
            f"{FEWEST} are needed, {FEWEST_QUESTIONS} for the reference and {FEWEST_QUESTIONS} for a window; what runs and load "
            "tests asked does not count. Ask more, or look at more traces."
        )
    bounds = np.linspace(end, len(traces), max(1, rest // plan.window) + 1).round().astype(int).tolist()
    return list(traces[:end]), [list(traces[a:b]) for a, b in pairwise(bounds)]


def embed_traces(traces: Sequence[Trace], corpus: "LocalCorpus") -> Steps[dict[str, npt.NDArray[np.float32]]]:
    """The vector of each question, (d,), L2-normalised. traces: at least one."""
    questions = list(dict.fromkeys(trace.question for trace in traces))
    vectors = yield from embed_in_batches(questions, corpus.embed_questions)
    return dict(zip(questions, vectors, strict=True))


def newest_traces(store: TraceStore, plan: QuestionPlan) -> tuple[list[Trace], int]:
    """The newest traces that found a chunk with a score, oldest first, and how many did not; not those of runs and load tests."""
    query = TraceQuery(backends=frozenset({plan.backend}), origins=ASKED_BY_PEOPLE)
    traces = [each.trace for each in islice(store.export(query), plan.newest)]
    if not traces:
        known = store.backends()
        if plan.backend in known:
            raise TooFew(
                f"Only runs or load tests have asked {plan.backend}, and their questions are left out here, since a dataset is no change "
                "of what people ask. Ask it some questions of your own."
            )
        raise TooFew(
            f"No question to {plan.backend} is stored. "
            f"{f'There are questions to: {listed(known)}.' if known else 'None to any other backend is either: ask some first.'}"
        )
    asked = [trace for trace in traces if _counts(trace)]
    return asked[::-1], len(traces) - len(asked)


def _counts(trace: Trace) -> bool:
    """Whether a trace is looked at: another application's if it has a question, as it may send no chunks; ours if a chunk has a score."""
    if trace.origin == "application":
        return bool(trace.question.strip())
    return _top_score(trace) is not None


def _top_score(trace: Trace) -> float | None:
    """The score of the first chunk, if that has one which can be compared."""
    score = trace.chunks[0].score if trace.chunks else None
    return score if score is not None and math.isfinite(score) else None


def embedding_corpus(corpus_of: CorpusOf, backend: str) -> "LocalCorpus":
    """The corpus whose embedder reads the questions: the backend's own, else the embedded profile's."""
    own = () if backend.startswith(APPLICATION) else (backend,)
    for name in dict.fromkeys((*own, USUAL_EMBEDDER)):
        try:
            corpus = corpus_of(name)
        except RaglassError as error:
            log.warning("%s cannot embed the questions: %s", name, error)
            continue
        if corpus is not None:
            return corpus
    raise Unavailable(
        f"The questions cannot be embedded here: {' and '.join((*own, USUAL_EMBEDDER))} cannot be opened. `raglass status` says why."
    )


def _stretch(name: str, traces: Sequence[Trace]) -> Stretch:
    return Stretch(name, len(traces), traces[0].asked_at, traces[-1].asked_at)
