"""The types of questions in words and rows, for the page and the shell."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit.numbers import count
from app.kit.plain import one_line, shortened
from evaluation.datasets import Dataset
from evaluation.typed_questions import TypedQuestion, count_types

MEANINGS = {
    "given": "from the dataset",
    "edited": "chosen by a person",
    "agreed": "that rules and classifier agree on",
    "unsure": "unsure",
}
"""Where a type comes from, in words."""

PAGE_ROWS = 200
"""Questions that are shown at once."""


def types_words(counts: Mapping[str, int]) -> str:
    """Where types come from, in a sentence; empty where the dataset says all."""
    if set(counts) <= {"given"}:
        return ""
    told = [f"{number:,} {MEANINGS[how]}" for how, number in counts.items() if how in MEANINGS]
    return f"Question types: {', '.join(told)}."


def type_cells(each: TypedQuestion) -> dict[str, Any]:
    """A row of the table of types."""
    guesses = each.guesses
    return {
        "question": each.question.text,
        "rules": "" if guesses is None else guesses.by_rules,
        "classifier": "" if guesses is None else guesses.by_classifier,
        "type": each.type or None,
    }


def editable(typed: Sequence[TypedQuestion], *, unsure: bool) -> list[TypedQuestion]:
    """The questions that a person may decide about; unsure: only those that nobody has."""
    wanted = ("unsure",) if unsure else ("unsure", "edited", "agreed")
    return [each for each in typed if each.how in wanted]


def count_pages(rows: Sequence[TypedQuestion]) -> int:
    """Pages of PAGE_ROWS, at least one."""
    return max(1, -(-len(rows) // PAGE_ROWS))


def on_page(rows: Sequence[TypedQuestion], page: int) -> Sequence[TypedQuestion]:
    """The rows of a page, from 1."""
    return rows[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]


def changed(shown: Sequence[TypedQuestion], types: Sequence[str | None]) -> dict[str, str]:
    """Decisions by question id: what stands in the table now and did not before."""
    return {
        each.question.question_id: kind or ""
        for each, kind in zip(shown, types, strict=True)
        if (kind or "") != each.type
    }


def types_text(dataset: Dataset, typed: Sequence[TypedQuestion], *, unsure: bool) -> str:
    """The types of a dataset for a terminal."""
    counts = count_types(typed)
    lines = [
        f"{count(len(typed), 'question')} of {one_line(dataset.name)}. {types_words(counts) or 'The dataset says all their types.'}"
    ]
    rows = [each for each in typed if each.how == "unsure" or not unsure]
    if rows:
        lines += ["", f"{'type':<11} {'rules':<11} {'classifier':<11} {'id':<26} question"]
    for each in rows:
        cells = type_cells(each)
        name = shortened(one_line(each.question.question_id), 26)
        lines.append(
            f"{each.type or 'unsure':<11} {cells['rules']:<11} {cells['classifier']:<11} {name:<26} "
            f"{shortened(one_line(each.question.text), 80)}"
        )
    return "\n".join(lines)
