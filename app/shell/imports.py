"""`raglass traces import`: traces that other tools exported, from files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.shell.command import complain, json_option, opened, print_json, progress_line
from pipeline.errors import InputError

if TYPE_CHECKING:
    from app.ingesting.imports.importing import Format, Imported
    from app.services import Services

FORMATS = ("otlp", "phoenix", "langfuse")
"""`importing.FORMATS`, which `--help` need not import."""


@click.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format", "export", type=click.Choice(FORMATS), help="What the files are; found out if it is not given."
)
@click.option("--service", default="", help="Name of the application, where a file does not say it.")
@click.option("--dry-run", is_flag=True, help="Read and count, and store nothing.")
@json_option
def import_traces(files: tuple[Path, ...], export: "Format | None", service: str, dry_run: bool, as_json: bool) -> None:
    """Store the traces of FILES: OTLP (JSON lines, JSON or protobuf), spans of Phoenix (JSON lines or Parquet), exports of Langfuse
    (JSON, JSON lines or CSV). A file that is imported again adds nothing. Leaves with 1 if something was rejected."""
    with opened() as current:
        from app.ingesting.imports.words import import_text, import_to_dict

        told, status = [], 0
        for path in files:
            try:
                found = _import(current, path, export, service, dry_run=dry_run)
            except InputError as error:
                complain(str(error))
                status = 2
                continue
            status = status or (1 if found.rejected else 0)
            if as_json:
                told.append(import_to_dict(path.name, found, dry_run=dry_run))
            else:
                from app.kit.plain import printable

                click.echo(printable(import_text(path.name, found, dry_run=dry_run)))
        if as_json:
            print_json(told)
        sys.exit(status)


def _import(current: "Services", path: Path, export: "Format | None", service: str, *, dry_run: bool) -> "Imported":
    from app.ingesting.imports.importing import import_file
    from app.ingesting.imports.words import progress_words

    with progress_line(every_s=10) as tell:
        return import_file(
            path,
            current.store,
            export=export,
            service=service,
            dry_run=dry_run,
            on_progress=lambda found, done, size: tell(progress_words(found, done, size)),
        )
