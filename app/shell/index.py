"""`raglass index`: files into the corpus of a local backend."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.shell.command import backend_option, complain, json_option, opened, print_json, progress_line
from pipeline.errors import InputError

if TYPE_CHECKING:
    from app.documents.indexing import IndexJob, JobState


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--rebuild", is_flag=True, help="Build the index anew even if it is up to date.")
@backend_option
@json_option
def index(paths: tuple[Path, ...], rebuild: bool, backend: str | None, as_json: bool) -> None:
    """Add files or folders to the corpus and build its index. Ctrl-C stops; the same command goes on from there."""
    with opened() as current:
        from app.documents.indexing import Upload
        from backends.local.documents import find_files

        corpus = current.corpus(backend or current.settings.backend_name)
        if corpus is None:
            raise InputError(
                "This backend keeps its documents elsewhere: `raglass ingest` fills a stack's index. "
                "Choose a local one with --backend local/embedded."
            )
        found = [find_files(path) for path in paths]
        files = [file for each in found for file in each.files]
        passed_over = sum(each.hidden + each.unknown + each.unreadable for each in found)
        job = current.indexing.start(corpus, [Upload(file.name, file) for file in files], rebuild=rebuild)
        follow(job)
        print_index(job.state, passed_over, as_json)


def follow(job: "IndexJob") -> None:
    """Run an indexing job, with a line of progress on a terminal; Ctrl-C asks it to stop and waits for the batch under way."""
    from app.documents.words import progress_text

    with progress_line() as tell:
        while job.running:
            try:
                job.wait(0.2)
                tell(progress_text(job.state))
            except KeyboardInterrupt:
                click.echo("\nStopping after this batch …", err=True)
                job.stop()


def print_index(state: "JobState", passed_over: int, as_json: bool) -> None:
    """Say how an indexing job ended. Leaves with 1 if it failed or a file could not be read, 130 if it was stopped."""
    outcome, manifest = state.outcome, state.manifest
    if as_json:
        print_json(
            {
                "phase": state.phase,
                "added": outcome.added,
                "replaced": outcome.replaced,
                "unchanged": outcome.unchanged,
                "passed_over": passed_over,
                "errors": [{"file": file, "message": message} for file, message in outcome.errors],
                "message": state.message,
                "index": None if manifest is None else asdict(manifest),
            }
        )
    else:
        from app.documents.words import index_text

        click.echo(index_text(state, passed_over))
        for file, message in outcome.errors:
            complain(f"{file}: {message}")
        if state.message:
            complain(state.message)
    if state.phase == "stopped":
        sys.exit(130)
    if state.phase == "failed" or outcome.errors:
        sys.exit(1)
