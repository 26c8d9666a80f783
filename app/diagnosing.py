"""A diagnosis in words: for a terminal, a page and a report."""

import textwrap
from dataclasses import asdict
from typing import Any

from app.report import WIDTH, one_line, printable
from explain.counterfactuals import Diagnosed, Trial

OUTCOMES = {True: "right", False: "wrong"}


def trial_words(trial: Trial) -> str:
    """What came of a trial: "“Oslo”, right", "no answer, wrong", or why it could not be tried."""
    if trial.problem:
        return f"could not be tried: {trial.problem}"
    said = "no answer" if trial.abstained else f"“{one_line(trial.answer)}”"
    return f"{said}, {OUTCOMES[trial.correct]}"


def gold_words(found: Diagnosed) -> str:
    """What was given as right, and whether the answer read a gold chunk."""
    given = " or ".join(f"“{one_line(answer)}”" for answer in found.gold.answers)
    return f"Given as right: {given}. {_gold_chunk_words(found)}" if given else _gold_chunk_words(found)


def _gold_chunk_words(found: Diagnosed) -> str:
    if found.gold.document_only:
        return "Only its document was named, not the right answer."
    if found.gold.unanswerable:
        return "The documents were said to have no answer."
    if found.gold_ranks:
        ranks = ", ".join(map(str, found.gold_ranks))
        return f"The right answer stands in chunk {ranks} of those that were read."
    if found.found_at is not None:
        return f"No chunk that was read holds the right answer; the first that does is at rank {found.found_at}."
    return "No chunk that was read holds the right answer in these words."


def diagnosis_rows(found: Diagnosed) -> list[tuple[str, str, str]]:
    """Every trial: what it was for, its condition, what came of it."""
    shown = [("what if", trial.name, trial_words(trial)) for trial in found.counterfactuals]
    return shown + [("repair", trial.name, trial_words(trial)) for trial in found.repairs]


def diagnosis_text(found: Diagnosed) -> str:
    """The sentence, where the right answer stands, what was tried, what to do."""
    lines = [*textwrap.wrap(printable(found.sentence), WIDTH), "", *textwrap.wrap(gold_words(found), WIDTH)]
    if found.caveat:
        lines += textwrap.wrap(found.caveat, WIDTH)
    lines += [printable(f"  {purpose:<7} asked {name}: {words}") for purpose, name, words in diagnosis_rows(found)]
    if found.remedy:
        lines += ["", *textwrap.wrap(f"What to do: {found.remedy}", WIDTH)]
    return "\n".join(lines)


def diagnosis_to_dict(found: Diagnosed) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "sentence": found.sentence,
        "label": None if found.diagnosis is None else found.diagnosis.label.value,
        "stage": None if found.diagnosis is None else found.diagnosis.stage,
        "remedy": found.remedy or None,
        "gold": asdict(found.gold),
        "correct": found.correct,
        "caveat": found.caveat,
        "gold_ranks": list(found.gold_ranks),
        "found_at": found.found_at,
        "counterfactuals": [_trial(trial) for trial in found.counterfactuals],
        "repairs": [_trial(trial) for trial in found.repairs],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return asdict(trial) | {"chunks": [chunk.chunk_id for chunk in trial.chunks]}
