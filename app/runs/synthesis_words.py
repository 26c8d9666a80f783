"""Written questions in words: how far it is, what was rejected and why."""

from app.kit.numbers import count
from app.runs.synthesis import SynthesisStep
from evaluation.synthesis.writing import Tally


def progress_words(step: SynthesisStep) -> str:
    """How far the work is, in a line."""
    tally = step.tally
    return f"{len(tally.kept):,} of {count(tally.wanted, 'question')} kept, {sum(tally.rejected.values()):,} rejected"


def rejected_words(tally: Tally) -> list[str]:
    """Why questions were rejected, the most frequent reason first."""
    return [f"{number:,}: {reason}" for reason, number in tally.rejected.most_common()]


def outcome_words(step: SynthesisStep) -> str:
    """What came of it, in a few sentences."""
    tally, version = step.tally, step.version
    hard = sum(each.row is not None and each.row.hard for each in tally.kept)
    short = (
        f" Fewer than the {tally.wanted:,} asked for: the documents gave no more."
        if len(tally.kept) < tally.wanted
        else ""
    )
    marked = (
        f" {count(hard, 'of them is', 'of them are')} marked hard: retrieval does not find the chunk." if hard else ""
    )
    return f"{'' if version is None else f'{version.spec}: '}{progress_words(step)}.{marked}{short}"
