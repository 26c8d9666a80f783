"""How sure the generator was, in words: from its own probabilities, and from answers drawn again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from app.explaining.words import level_text, spoken_tokens
from app.kit.numbers import count, fixed, percent, three_figures
from app.kit.plain import one_line
from app.kit.wording import listed, trust
from evaluation.calibrating import Calibration
from explain.confidence import measure_samples, measure_tokens, modal_answer, predictive_entropy
from explain.explained import Explained
from pipeline.errors import InputError
from pipeline.types import Generation, Introspection, Sample, Trace

DRAWN = 10
"""Answers that are drawn, as the papers have it."""

MOST_ENTROPIES = 5
"""Tokens that are named as the least settled."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure and what it says."""

    name: str
    """Its name."""
    value: str
    """With its unit."""
    meaning: str
    """In a sentence."""


def sureness_rows(trace: Trace) -> list[Row]:
    """What the trace itself holds."""
    generation = trace.generation
    if generation is None:
        return []
    shown = trust(generation)
    rows = [Row("The backend says", shown.headline, shown.meaning)]
    known = [(token.logprob_nats, token) for token in generation.tokens if token.logprob_nats is not None]
    if len(known) < len(generation.tokens):
        return rows
    try:
        found = measure_tokens([logprob for logprob, _ in known])
    except InputError:
        return rows
    _, least = min(known, key=lambda each: each[0])
    unit = _unit(generation)
    return [
        *rows,
        Row(
            "Whole answer",
            f"{level_text(found.sequence_nats)} nats",
            f"log p(answer), the sum over its {unit}s: longer answers have less.",
        ),
        Row(
            f"Per {unit}",
            f"{level_text(found.mean_nats)} nats",
            f"The mean over {count(found.tokens, unit)}, which does not punish length.",
        ),
        Row(
            f"Least likely {unit}",
            f"{level_text(found.min_nats)} nats",
            f"“{one_line(least.text)}”: where the generator was least sure.",
        ),
        *_undecided_rows(generation),
    ]


def _unit(generation: Generation) -> str:
    """What the backend gives probabilities of: words or parts of them, or whole sentences where it quotes."""
    return "sentence" if any(" " in token.text.strip() for token in generation.tokens) else "token"


def _undecided_rows(generation: Generation) -> list[Row]:
    """Where the generator wavered most between tokens, of a server that names the likeliest ones."""
    told = [(token.entropy_nats, token) for token in generation.tokens if token.entropy_nats is not None]
    if not told:
        return []
    most, token = max(told, key=lambda each: each[0])
    return [
        Row(
            "Most undecided token",
            f"{level_text(most)} nats",
            f"“{one_line(token.text)}”: at least the entropy of what might have stood there, from the likeliest tokens that the server "
            "names.",
        )
    ]


NOT_CALIBRATED = "How often answers with this figure are right on your documents is not known yet"

RUN_FIRST = "Run labelled questions on Runs, or with raglass eval run --dataset builtin, then calibrate on that run."


def why_not_calibrated(trace: Trace, found: Calibration | None, run_id: str, *, other_runs: bool) -> str:
    """Why no calibration speaks for an answer, and what would make one.

    found: of what answered, where there is one. run_id: a run that could be calibrated on; empty for none. other_runs: whether any is
    kept.
    """
    if found is not None:
        said = None if trace.generation is None else trace.generation.confidence
        what = "This answer has no confidence" if said is None else f"This answer’s confidence is a {_kind(said.kind)}"
        return f"{NOT_CALIBRATED}. {what}; run {found.run_id}, which is calibrated, has a {_kind(found.kind)}."
    if run_id:
        return (
            f"{NOT_CALIBRATED}: run {run_id} was answered by the same models, but is not calibrated on yet "
            f"(raglass eval calibrate {run_id})."
        )
    if other_runs:
        return (
            f"{NOT_CALIBRATED}: no finished run that is kept was answered by {trace.backend} with the same generator and embedder. "
            f"{RUN_FIRST}"
        )
    return f"{NOT_CALIBRATED}: no run is kept. {RUN_FIRST}"


def _kind(kind: str) -> str:
    return f"{kind.replace('_', ' ')} figure"


def calibrated_row(trace: Trace, found: Calibration | None) -> Row | None:
    """The probability of being right that a stored run gives this answer; None without a calibration, or without a figure."""
    value = calibrated_value(trace, found)
    if found is None or value is None:
        return None
    return Row(
        "Calibrated probability",
        percent(value),
        f"Of 100 answers like this one, about {value * 100:.0f} are right, by the {found.recalibration.kind} fit of run {found.run_id} "
        f"({found.fitted:,} answers; judged on {found.reported:,} about other articles). "
        "For questions like that run's, believe this figure rather than the backend's own.",
    )


def calibrated_value(trace: Trace, found: Calibration | None) -> float | None:
    """The same as a figure, in [0, 1]."""
    confidence = None if trace.generation is None else trace.generation.confidence
    if found is None or confidence is None or confidence.kind != found.kind:
        return None
    try:
        return float(found.recalibration.apply([confidence.value])[0])
    except InputError:
        return None


def quality_rows(found: Calibration) -> list[list[str]]:
    """What each score is worth: name, ECE, Brier, AUROC, AURC."""
    return [
        [
            each.name,
            *(fixed(value, 3) for value in (each.ece, each.brier, each.auroc, each.aurc)),
        ]
        for each in found.qualities
    ]


def sample_rows(samples: Sequence[Sample]) -> list[Row]:
    """What answers drawn again say; none for fewer than two."""
    if len(samples) < 2:
        return []
    found = measure_samples([each.answer for each in samples])
    said = one_line(modal_answer([each.answer for each in samples], found.clusters))
    things = count(len(set(found.clusters)), "different thing")
    rows = [
        Row(
            "Self-consistency",
            percent(found.self_consistency),
            f"Share of {len(samples)} drawn answers that say “{said}”.",
        ),
        Row(
            "Semantic entropy",
            f"{three_figures(found.semantic_entropy_nats)} nats",
            f"They say {things}: 0 if all agree, {three_figures(log(len(samples)))} if none do.",
        ),
    ]
    spread = predictive_entropy([each.logprob_nats for each in samples])
    rows.append(
        Row(
            "Predictive entropy",
            f"{three_figures(spread)} nats",
            "Mean of −log p over the drawn answers, wording and all.",
        )
    )
    return rows


def drawn_rows(samples: Sequence[Sample]) -> list[tuple[str, str, str]]:
    """Answers that were drawn, the most frequent first: what was said, how often, its log-probability."""
    times = Counter(one_line(each.answer) for each in samples)
    best = {one_line(each.answer): each for each in sorted(samples, key=lambda each: each.logprob_nats)}
    return [(answer, str(number), level_text(best[answer].logprob_nats)) for answer, number in times.most_common()]


def entropy_words(found: Explained, seen: Introspection) -> str:
    """Where the next token was least settled, by the entropy over the whole vocabulary."""
    texts = spoken_tokens(found.answer, seen.tokens)
    order = sorted(range(len(texts)), key=lambda i: -seen.entropy_nats[i])[:MOST_ENTROPIES]
    named = [f"“{one_line(texts[i].strip())}” {three_figures(seen.entropy_nats[i])}" for i in sorted(order)]
    return f"Token entropy over the whole vocabulary, nats: {listed(named)}; 0 where nothing else could have come."
