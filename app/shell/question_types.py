"""`raglass eval types`: what kind of answer the questions of a dataset ask for, and what a person decides where that is unsure."""

from pathlib import Path

import click

from app.kit.numbers import count
from app.shell.command import json_option, opened, print_json
from pipeline.errors import InputError


@click.command()
@click.argument("dataset")
@click.option("--set", "given", multiple=True, metavar="ID=TYPE", help="Decide about a question; ID= takes that back.")
@click.option(
    "--from",
    "table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Decide by a CSV with the columns id and type.",
)
@click.option("--all", "everything", is_flag=True, help="List every question, not only the unsure ones.")
@click.option("--run", "run_id", help="Let a run count by them too; it may be LAST.")
@json_option
def types(
    dataset: str, given: tuple[str, ...], table: Path | None, everything: bool, run_id: str | None, as_json: bool
) -> None:
    """The types that questions count under. Rules and a classifier agree on most; the others are unsure until you decide."""
    with opened() as current:
        from app.runs.types_words import type_cells, types_text
        from evaluation.datasets import load_dataset
        from evaluation.typed_questions import count_types

        read = load_dataset(current.evaluations.datasets.resolve(dataset))
        decisions = {**_from_table(table), **dict(map(_split, given))}
        if decisions:
            current.evaluations.types.decide(read, decisions)
        if run_id is not None:
            number = current.evaluations.retype(run_id)
            click.echo(
                f"{count(number, 'answer')} of the run now {'counts' if number == 1 else 'count'} under another type.",
                err=True,
            )
        typed = current.evaluations.types.of(read)
        if as_json:
            rows = [
                {"id": each.question.question_id, "how": each.how, **type_cells(each)}
                for each in typed
                if everything or each.how == "unsure"
            ]
            print_json({"counts": count_types(typed), "questions": rows})
        else:
            click.echo(types_text(read, typed, unsure=not everything))


def _split(given: str) -> tuple[str, str]:
    """Ids may hold `=`, types do not."""
    question_id, separator, kind = given.rpartition("=")
    if not separator:
        raise InputError(f"{given!r} is no decision. Write --set ID=TYPE.")
    return question_id, kind


def _from_table(path: Path | None) -> dict[str, str]:
    from app.runs.question_types import read_decisions

    if path is None:
        return {}
    try:
        return read_decisions(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}). Give a CSV in UTF-8.") from error
