"""A diagnosis in words, for a terminal, a page and a report, and as JSON, from which it can be read again."""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.kit.plain import WIDTH, one_line, printable
from explain.counterfactuals import Change, Diagnosed, Trial
from explain.diagnosis import NAMES, Diagnosis, Failure, label_name
from explain.explained import Explained
from explain.gold import Gold
from pipeline.errors import InputError

OUTCOMES = {True: "right", False: "not right"}


def trial_words(trial: Trial) -> str:
    """What came of a trial: "“Oslo”, right", "no answer, not right", or why it could not be tried."""
    if trial.problem:
        return f"could not be tried: {trial.problem}"
    said = "no answer" if trial.abstained else f"“{one_line(trial.answer)}”"
    return f"{said}, {OUTCOMES[trial.correct]}"


def right_headline(found: Explained, diagnosed: Diagnosed | None, known: Gold | None) -> str:
    """Whether the answer was right, as a question and its answer. known: what its run's dataset says."""
    if diagnosed is not None:
        right = None if diagnosed.gold.document_only else diagnosed.correct
    else:
        right = None if known is None else known.agrees(found.answer, found.abstained)
    return f"Was it right? {'Not known.' if right is None else 'Yes.' if right else 'No.'}"


def known_words(answer: str, abstained: bool, known: Gold) -> str:
    """Whether an answer was right, and what is, by the dataset of its run."""
    right = "Yes." if known.agrees(answer, abstained) else "No."
    if known.unanswerable:
        return f"Was it right? {right} The dataset says that the documents have no answer."
    return f"Was it right? {right} Right is {_said(known)}, by the dataset."


def _said(known: Gold) -> str:
    return " or ".join(f"“{one_line(answer)}”" for answer in known.answers)


def right_words(known: Gold | None) -> str:
    """What is known to be right before anybody has diagnosed it, and what to do. known: as above."""
    if known is None:
        return "Give the right answer to see which stage is to blame, and what would mend it."
    if known.unanswerable:
        return "The dataset says that the documents have no answer. Diagnose to see which stage is to blame."
    return f"Right is {_said(known)}, by the dataset. Diagnose to see which stage is to blame, and what would mend it."


def gold_words(found: Diagnosed) -> str:
    """What was given as right, and whether the answer read a chunk that holds it."""
    given = _said(found.gold)
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


def terms_words(found: Diagnosed) -> str:
    """What the field calls what is said here, for whoever knows its terms."""
    label = "" if found.diagnosis is None else found.diagnosis.label.value
    named = f"“{label_name(label).capitalize()}” is what the field calls {label}. " if label in NAMES else ""
    return f"{named}A right chunk is one that holds the right answer; the field calls it a gold chunk."


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
    label = found.diagnosis
    return {
        "sentence": found.sentence,
        "remedy": found.remedy or None,
        "label": None if label is None else label.label.value,
        "stage": None if label is None else label.stage,
        "meaning": None if label is None else label.meaning,
        "suggestion": None if label is None else label.remedy,
        "unknown": found.unknown,
        "gold": asdict(found.gold),
        "correct": found.correct,
        "caveat": found.caveat,
        "gold_ranks": list(found.gold_ranks),
        "found_at": found.found_at,
        "counterfactuals": [asdict(trial) for trial in found.counterfactuals],
        "repairs": [asdict(trial) for trial in found.repairs],
    }


def diagnosis_from_dict(data: Mapping[str, Any]) -> Diagnosed:
    """From `diagnosis_to_dict`. Raises InputError for anything else."""
    try:
        gold, found_at = data["gold"], data["found_at"]
        return Diagnosed(
            Gold(tuple(map(str, gold["answers"])), str(gold["article"]), document_only=bool(gold["document_only"])),
            bool(data["correct"]),
            tuple(map(int, data["gold_ranks"])),
            None if found_at is None else int(found_at),
            _label(data),
            str(data["unknown"]),
            tuple(map(_trial, data["counterfactuals"])),
            tuple(map(_trial, data["repairs"])),
            str(data["caveat"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"This is no diagnosis ({type(error).__name__}: {error}).") from error


def _label(data: Mapping[str, Any]) -> Diagnosis | None:
    if data["label"] is None:
        return None
    return Diagnosis(Failure(data["label"]), str(data["stage"]), str(data["meaning"]), str(data["suggestion"]))


def _trial(data: Mapping[str, Any]) -> Trial:
    return Trial(
        str(data["name"]),
        tuple(map(str, data["chunks"])),
        str(data["answer"]),
        bool(data["abstained"]),
        bool(data["correct"]),
        str(data["problem"]),
        Change(**data.get("change", {})),  # older diagnoses do not say it
    )
