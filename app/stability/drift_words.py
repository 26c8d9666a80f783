"""Drift as plain text for a shell, and for a program."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.kit.numbers import MISSING, count, fixed
from app.kit.plain import one_line
from app.kit.wording import APPLICATION, backend_words, when
from app.runs.compared_words import p_words
from app.stability.drift import MeasuredWindow, QuestionDrift, Stretch
from app.stability.index_drift import IndexSide, MeasuredIndexes

HEADS = ("window", "questions", "from", "until", "MMD²", "p, corrected", "KS", "p, corrected", "PSI", "")
"""Of the table of windows."""

QUESTION_NOTES = (
    "MMD²: how far the questions' vectors are from those of the reference; about 0 for none. KS and PSI: the same of the score of each",
    "first chunk. p values are corrected over both tests of all windows (Holm). PSI, by custom: below 0.1 little, above 0.25 much, though",
    "small windows reach that by chance. Other questions are not worse ones: whether answers got worse, a labelled run says.",
)

INDEX_HEADS = ("figure", "value")

INDEX_NOTES = (
    "Neighbours kept: of a chunk's 10 nearest, the share that stayed; what a search would notice. Procrustes residual: what is left after",
    "the best rotation. CKA: 1 for vectors that were only turned, moved or scaled. None says which of the two finds more of what is asked.",
)


def progress_words(done: int, total: int) -> str:
    """How far embedding is, in a line."""
    return f"{done:,} of {total:,} texts embedded"


def drift_headline(found: QuestionDrift) -> str:
    """What came of it, in a sentence."""
    drifted, total = len(found.drifted), len(found.windows)
    if drifted:
        return f"{drifted:,} of {count(total, 'window')} drifted"
    return f"No drift in {count(total, 'window')}"


def questions_text(found: QuestionDrift) -> str:
    """The sentence, the reference, and a line for each window."""
    lines = [
        f"{drift_headline(found)}: {one_line(backend_words(found.backend))}, embedded by {one_line(found.embedder)}"
    ]
    lines += [reference_words(found.reference), *left_out_words(found), ""]
    rows = [HEADS, *map(window_row, found.windows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADS))]
    lines += ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", *QUESTION_NOTES])


def reference_words(reference: Stretch) -> str:
    """What the windows are held against."""
    return (
        f"Reference: {count(reference.questions, 'question')}, {when(reference.first_at)} to {when(reference.last_at)}"
    )


def left_out_words(found: QuestionDrift) -> list[str]:
    """What was left out, and what was not compared, a line each; nothing if that is nothing."""
    lacking = "question" if found.backend.startswith(APPLICATION) else "chunk"
    lines = [f"Left out: {count(found.left_out, 'trace')} without a {lacking}"] if found.left_out else []
    if any(each.drift.ks is None for each in found.windows):
        lines.append("Scores are not compared where not every first chunk came with one")
    return lines


def window_row(window: MeasuredWindow) -> tuple[str, ...]:
    """The cells of HEADS."""
    stretch, drift = window.stretch, window.drift
    return (
        stretch.name,
        f"{stretch.questions:,}",
        when(stretch.first_at),
        when(stretch.last_at),
        fixed(drift.mmd2, 4),
        p_words(drift.mmd_p_adjusted),
        _figure(drift.ks),
        MISSING if drift.ks_p_adjusted is None else p_words(drift.ks_p_adjusted),
        _figure(drift.psi),
        "drifted" if drift.drifted else "",
    )


def _figure(value: float | None) -> str:
    return fixed(value, 3)


def questions_to_dict(found: QuestionDrift) -> dict[str, Any]:
    """JSON-ready."""
    windows = [{**asdict(each), "drifted": each.drift.drifted} for each in found.windows]
    return {**asdict(found), "windows": windows, "drifted": bool(found.drifted)}


def indexes_text(found: MeasuredIndexes) -> str:
    """Both sides, and every figure with what it says."""
    return "\n".join([*side_words(found), "", *_aligned(index_rows(found)), "", *INDEX_NOTES])


def side_words(found: MeasuredIndexes) -> list[str]:
    """Both sides and what of them was compared, a line each."""
    how = "embedded by both for this" if found.embedded else "in both indexes"
    lines = [f"{name} {_side(side)}" for name, side in (("First: ", found.first), ("Second:", found.second))]
    lines.append(f"{count(found.compared, 'chunk')} compared, {how}")
    if not found.embedded:
        drift = found.drift
        lines.append(
            f"{drift.shared:,} in both, {drift.added:,} only in the second, {drift.removed:,} only in the first"
        )
    return lines


def index_rows(found: MeasuredIndexes) -> list[tuple[str, str]]:
    """The cells of INDEX_HEADS."""
    drift = found.drift
    corrected, shift = drift.neighbour_overlap_corrected, drift.centroid_shift
    return [
        ("neighbours kept", f"{drift.neighbour_overlap:.3f}"),
        ("  beyond chance", fixed(corrected, 3)),
        ("Procrustes residual", f"{drift.procrustes_residual:.3f}"),
        ("CKA", f"{drift.cka:.3f}"),
        ("shift of the mean", "– (the dimensions differ)" if shift is None else f"{shift:.3f}"),
    ]


def _side(side: IndexSide) -> str:
    return f"{one_line(side.name)}: {count(side.chunks, 'chunk')}, embedded by {one_line(side.embedder)}"


def _aligned(figures: Sequence[tuple[str, str]]) -> list[str]:
    return [f"  {name:<20} {value}" for name, value in figures]
