"""Kept datasets as plain text and as cells: lists, versions, what changed. For page and shell."""

from collections.abc import Sequence

from app.kit.numbers import count
from app.kit.plain import WIDTH, one_line, shortened
from app.kit.wording import when
from evaluation.curated import Changes, DatasetRow, write_answers
from evaluation.kept import KeptVersion

NONE_YET = (
    "No dataset is kept yet. Make one of traces (on Traces, or `raglass dataset make`), of a file (`raglass dataset import`), or have "
    "questions written from the documents (`raglass dataset synthesise`)."
)

ANSWERABLE = {True: "yes", False: "no", None: ""}
"""Whether the documents have an answer, as a cell says it; blank where nobody has said so."""


def version_words(version: KeptVersion) -> str:
    """What is in a version, in a line."""
    open_ = version.questions - version.labelled
    parts = [count(version.questions, "question")]
    parts += [f"{open_:,} without an expected answer"] if open_ else []
    parts += [f"{version.synthetic:,} synthetic"] if version.synthetic else []
    return ", ".join(parts)


def versions_text(versions: Sequence[KeptVersion]) -> str:
    """A line or two for each version."""
    if not versions:
        return NONE_YET
    lines = []
    for each in versions:
        lines.append(
            f"{each.spec:<24} {when(each.saved_at)}  {version_words(each)}  {each.fingerprint or 'not to be asked yet'}"
        )
        lines.append(f"  {shortened(one_line(each.about), WIDTH - 2)}")
    return "\n".join(lines)


def row_words(row: DatasetRow) -> str:
    """A row in a line."""
    gold = (
        "no expected answer yet"
        if row.answerable is None
        else one_line(write_answers(row.answers)) or "the documents have none"
    )
    marks = [*(["synthetic"] if row.synthetic else []), *(["hard"] if row.hard else [])]
    return f"{shortened(one_line(row.question), WIDTH)}\n  {row.type or '–':<10} {shortened(gold, WIDTH - 30)}  {' '.join(marks)}".rstrip()


def changes_words(changes: Changes) -> str:
    """How much changed, in a sentence."""
    rows = len({change.row_id for change in changes.changed})
    if not (changes.added or changes.removed or rows):
        return "Nothing changed."
    return f"{count(len(changes.added), 'question')} added, {len(changes.removed):,} removed, {rows:,} changed."


def change_cells(changes: Changes) -> list[tuple[str, str, str, str]]:
    """Every change: the question, what changed, what it said and what it says."""
    return [
        *((row.question, "added", "", write_answers(row.answers)) for row in changes.added),
        *((row.question, "removed", write_answers(row.answers), "") for row in changes.removed),
        *((each.question, each.column, each.before, each.after) for each in changes.changed),
    ]


def changes_text(changes: Changes) -> str:
    """What changed, for a shell."""
    lines = [changes_words(changes)]
    for question, column, before, after in change_cells(changes):
        lines.append(f"{shortened(one_line(question), WIDTH - 12)}: {column}")
        lines += [
            f"  {sign} {shortened(one_line(text), WIDTH - 4)}" for sign, text in (("-", before), ("+", after)) if text
        ]
    return "\n".join(lines)
