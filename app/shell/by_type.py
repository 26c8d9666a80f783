"""`raglass eval by-type`: how what a run measured is spread over question types."""

from pathlib import Path

import click

from app.shell.command import json_option, opened, print_json
from pipeline.errors import InputError, StoreError
from pipeline.whole_files import write_whole


@click.command(name="by-type")
@click.argument("run_id", default="LAST")
@click.option("--groups", is_flag=True, help="Three groups of types in place of the nine types.")
@click.option(
    "--csv", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write the boxes to this file as well."
)
@json_option
def by_type(run_id: str, groups: bool, path: Path | None, as_json: bool) -> None:
    """Similarity, its variance, length, reliance and confidence by question type; whether long answers go with similar chunks."""
    with opened() as current:
        from app.runs.by_type import by_type_csv, by_type_text, study_types

        run = current.evaluations.find(run_id)
        scores = current.evaluations.scores(run.run_id)
        if not scores:
            raise InputError(
                f"The run {run.run_id} has no answers yet. Go on with it: `raglass eval resume {run.run_id}`."
            )
        found = study_types(scores, grouped=groups)
        if not found.counts:
            raise InputError("No question of the run is of one of the three groups. Leave --groups out.")
        if path is not None:
            try:
                write_whole(path, by_type_csv(found).encode("utf-8-sig"))
            except OSError as error:
                raise StoreError(f"{path} cannot be written ({error.strerror}). Name another file.") from error
        if as_json:
            print_json(found.to_dict())
        else:
            click.echo(by_type_text(found))
