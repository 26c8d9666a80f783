"""An upgrade certificate: what another embedder, index or prompt does to the same questions, from two stored runs.

Owns which figures it rests on, and what raises an alarm. Refuses to format anything, and to know streamlit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.kit.numbers import MISSING
from app.runs.compared import ComparedRuns
from app.runs.evaluations import Evaluations
from app.runs.leaderboard import newest_pair
from evaluation.agreement import Agreement, compare
from evaluation.comparison import QUALITY, Pair, shared_pairs
from evaluation.drift import FEWEST_QUESTIONS, ks_test, stability_index
from evaluation.paired import ALPHA, holm
from evaluation.stability import is_other_answer
from evaluation.summary import ALL, UNTYPED, Measure, measure
from evaluation.verdict import MAX_DROP, Difference
from explain.answers import token_f1
from metrics.runs import StoredRun
from metrics.store import TraceStore
from pipeline.errors import InputError
from pipeline.types import Trace

ALARM_P = ALPHA / 2
"""Half of the false alarms is the verdict's, which looks for drops alone; the tests together have the other half."""

RIGHT = "correct"
"""The measure of right answers, of all questions and of those of a type."""

TOP_SCORE = "score of the first chunk"

PARTS = ("embedder", "index", "generator", "reranker")
"""What a trace says it was made with."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a certificate needs of a trace."""

    chunk_ids: tuple[str, ...]
    """Best first, each once."""
    top_score: float | None
    """Of the first chunk; None without chunks."""
    made_with: Mapping[str, str]
    """Of PARTS, what is known."""

    @classmethod
    def of(cls, trace: Trace) -> "Retrieved":
        """What a trace retrieved."""
        return cls(
            tuple(dict.fromkeys(chunk.chunk_id for chunk in trace.chunks)),
            trace.chunks[0].score if trace.chunks else None,
            {name: str(trace.settings[name]) for name in PARTS if trace.settings.get(name) is not None},
        )


@dataclass(frozen=True, slots=True)
class TypeChange:
    """What changed for the questions of one type."""

    name: str
    """The type, or `all`."""
    questions: int
    """Questions that both runs have."""
    overlap: Measure
    """Share of the retrieved chunks that are the same."""
    rbo: Measure
    """Rank-biased overlap of the chunks."""
    answer_changed: Measure
    """Share of answers that say something else."""
    correct: Difference | None
    """The share of right answers, second run less first; None where it was not compared."""


@dataclass(frozen=True, slots=True)
class ScoreDrift:
    """The scores of first chunks in both runs, as two samples."""

    questions: int
    """That have a chunk in both."""
    first_mean: float
    """Of the first run."""
    second_mean: float
    """Of the second."""
    ks: float
    """Kolmogorov–Smirnov distance."""
    ks_p: float
    """Its p value; over the same questions it is on the safe side."""
    psi: float
    """Population stability index."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One of the tests that may raise the alarm."""

    name: str
    """A measure of quality, a question type, or the score of the first chunk."""
    p: float
    """Its p value."""
    p_adjusted: float
    """The same, corrected over all tests of the certificate (Holm)."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A changed system held against the one that is there."""

    compared: ComparedRuns
    """Both runs, their differences and the verdict."""
    parts: tuple[tuple[str, str, str], ...]
    """Of PARTS, those that differ, with both values."""
    top_k: int
    """Chunks that were compared: as many as both runs retrieved."""
    types: tuple[TypeChange, ...]
    """All questions, then each type in alphabetical order if there is more than one."""
    untraced: int
    """Shared questions whose traces are not both stored, or failed; they count only towards the comparison of right answers."""
    scores: ScoreDrift | None
    """None where fewer than FEWEST_QUESTIONS questions have one in both runs."""
    tests: tuple[Tested, ...]
    """Every test that was made."""

    @property
    def signals(self) -> tuple[Tested, ...]:
        """Tests that chance is no good account of."""
        return tuple(each for each in self.tests if each.p_adjusted < ALARM_P)

    @property
    def unsafe(self) -> bool:
        """Whether the verdict is `not safe` and the test of right answers bears it out: an interval of few articles is too narrow."""
        comparison = self.compared.comparison
        p = comparison.differences[0].p
        return comparison.verdict.outcome == "not safe" and p is not None and p < ALPHA

    @property
    def alarm(self) -> bool:
        """Whether the second run is not safe, or a test says that something changed, for better or worse.

        Of two runs of an unchanged system, whose answers differ by chance alone, at most 5 % raise it.
        """
        return self.unsafe or bool(self.signals)


def usual_pair(runs: Sequence[StoredRun]) -> tuple[StoredRun, StoredRun]:
    """What one would certify: the newest run over questions that were run before, with the run before it; else the two newest.

    runs: two or more, newest first. Returns the one before and the one after.
    """
    return newest_pair(runs) or (runs[1], runs[0])


def certify_runs(
    evaluations: Evaluations, store: TraceStore, run_a: str, run_b: str, *, max_drop: float = MAX_DROP
) -> Certificate:
    """Hold run B against run A, with the traces of both. Raises InputError for runs that cannot be compared."""
    compared = evaluations.compare(run_a, run_b, max_drop=max_drop)
    scores = [evaluations.scores(run.run_id) for run in (compared.first, compared.second)]
    pairs, _ = shared_pairs(*scores)
    retrieved = {}
    for trace_id in (scored.trace_id for pair in pairs for scored in pair):
        stored = store.get(trace_id)
        if stored is not None:
            retrieved[trace_id] = Retrieved.of(stored.trace)
    return certify(compared, pairs, retrieved)


def certify(
    compared: ComparedRuns, pairs: Sequence[Pair], retrieved: Mapping[str, Retrieved], *, seed: int = 0
) -> Certificate:
    """The certificate of compared runs.

    pairs: the questions that both have. retrieved: by trace id; a question without both of its traces, or that failed, is left out of what
    they are needed for. seed: of the intervals. Raises InputError for no pair.
    """
    if not pairs:
        raise InputError("The runs share no question. Compare runs over the same dataset.")
    top_k = min(int(run.about["top_k"]) for run in (compared.first, compared.second))
    traced = [pair for pair in pairs if all(not each.failed and each.trace_id in retrieved for each in pair)]
    found = [(pair, [retrieved[each.trace_id] for each in pair]) for pair in traced]
    scores = _score_drift([(one.top_score, other.top_score) for _, (one, other) in found])
    return Certificate(
        compared,
        _differing_parts(found),
        top_k,
        _type_changes(compared, pairs, retrieved, top_k, seed),
        len(pairs) - len(traced),
        scores,
        _tests(compared, scores),
    )


def _type_changes(
    compared: ComparedRuns, pairs: Sequence[Pair], retrieved: Mapping[str, Retrieved], top_k: int, seed: int
) -> tuple[TypeChange, ...]:
    differences = {ALL: compared.comparison.differences[0], **{each.name: each for each in compared.comparison.types}}
    names = sorted({pair[0].type or UNTYPED for pair in pairs})
    agreements = {pair[0].question_id: _agreement(pair, retrieved, top_k) for pair in pairs}

    def change(name: str) -> TypeChange:
        chosen = [pair for pair in pairs if name in (ALL, pair[0].type or UNTYPED)]

        def mean(of: Callable[[Pair], float | None]) -> Measure:
            return measure([(pair[0].cluster, of(pair)) for pair in chosen], seed=seed)

        def agreed(of: Callable[[Agreement], float]) -> Measure:
            known = {key: None if each is None else of(each) for key, each in agreements.items()}
            return mean(lambda pair: known[pair[0].question_id])

        return TypeChange(
            name,
            len(chosen),
            agreed(lambda each: each.overlap),
            agreed(lambda each: each.rbo),
            mean(_answer_changed),
            differences.get(name),
        )

    return tuple(change(name) for name in (ALL, *(names if len(names) > 1 else ())))


def _agreement(pair: Pair, retrieved: Mapping[str, Retrieved], top_k: int) -> Agreement | None:
    sides = [retrieved.get(each.trace_id) for each in pair if not each.failed]
    ids = [side.chunk_ids for side in sides if side is not None]
    return compare(ids[0], ids[1], top_k) if len(ids) == 2 else None


def _answer_changed(pair: Pair) -> float | None:
    one, other = pair
    if one.failed or other.failed:
        return None
    return float(
        is_other_answer(token_f1(one.answer, other.answer), abstention_changed=one.abstained != other.abstained)
    )


def _score_drift(scores: Sequence[tuple[float | None, float | None]]) -> ScoreDrift | None:
    both = [(one, other) for one, other in scores if one is not None and other is not None]
    if len(both) < FEWEST_QUESTIONS:
        return None
    first, second = np.array(both, np.float64).T
    return ScoreDrift(
        len(both),
        float(first.mean()),
        float(second.mean()),
        *ks_test(first, second),
        stability_index(first, second),
    )


def _tests(compared: ComparedRuns, scores: ScoreDrift | None) -> tuple[Tested, ...]:
    """Everything that was tested, corrected as one family; where nothing differs, there is nothing to test."""
    comparison = compared.comparison
    quality = [each for each in comparison.differences if each.name in QUALITY]
    p_values = {
        f"{prefix}{each.name}": each.p
        for prefix, group in (("", quality), (f"{RIGHT}, ", comparison.types))
        for each in group
        if each.p is not None and not each.why_no_test
    }
    if scores is not None and scores.ks > 0:
        p_values[TOP_SCORE] = scores.ks_p
    return tuple(Tested(name, p_values[name], p) for name, p in holm(p_values).items())


def _differing_parts(found: Sequence[tuple[Pair, Sequence[Retrieved]]]) -> tuple[tuple[str, str, str], ...]:
    told = []
    for name in PARTS:
        first, second = (
            ", ".join(sorted({sides[place].made_with.get(name, MISSING) for _, sides in found})) for place in (0, 1)
        )
        if first != second:
            told.append((name, first, second))
    return tuple(told)
