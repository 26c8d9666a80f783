"""`raglass eval from-feedback`: labelled questions from what people said of traces."""

from pathlib import Path

import click

from app.shell.command import complain, opened
from pipeline.errors import InputError, StoreError
from pipeline.whole_files import write_whole


@click.command(name="from-feedback")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def from_feedback(file: Path, force: bool) -> None:
    """Write a dataset of the traces with feedback: praised answers are right, and so is what a note says after “Right:”."""
    with opened() as current:
        from app.runs.feedback import feedback_words

        if file.suffix.lower() != ".jsonl":
            raise InputError(f"{file.name} would be no dataset. Give a name that ends in .jsonl.")
        if file.exists() and not force:
            raise InputError(f"{file} is there already. Give another name, or --force.")
        found = current.evaluations.feedback()
        for problem in found.problems:
            complain(problem)
        if not found.rows:
            raise InputError(
                "No trace has feedback that says what is right. Praise answers on the Traces page, or note “Right: …”."
            )
        try:
            write_whole(file, found.to_jsonl())
        except OSError as error:
            raise StoreError(f"{file} cannot be written ({error.strerror}). Choose another place.") from error
        click.echo(f"{feedback_words(found)} Ask them: raglass eval run --dataset {file}")
