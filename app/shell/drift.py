"""Commands of `raglass stability`: whether questions or an index moved, and what a changed system does otherwise."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from app.shell.command import backend_option, json_option, opened, print_json, progress_line
from app.shell.compare import max_drop_option, write_summary
from pipeline.errors import InputError


@click.command()
@backend_option
@click.option("--newest", type=click.IntRange(20, 5_000), default=400, show_default=True, help="Traces to look at.")
@click.option(
    "--window", type=click.IntRange(10, 1_000), default=50, show_default=True, help="Questions in a window, at least."
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="End of the reference, UTC; without it the oldest half is the reference.",
)
@json_option
def questions(backend: str | None, newest: int, window: int, until: datetime | None, as_json: bool) -> None:
    """Hold the later stored questions of a backend against the earlier ones. Leaves with 1 if a window drifted."""
    with opened() as current:
        from app.kit.plain import printable
        from app.stability.drift import QuestionPlan, check_questions
        from app.stability.drift_words import questions_text, questions_to_dict

        ends = None if until is None else until.replace(tzinfo=UTC).timestamp()
        plan = QuestionPlan(backend or current.settings.backend_name, newest, window, ends)
        with _progress() as tell:
            found = check_questions(current.store, current.backends.corpus, plan, tell)
        if as_json:
            print_json(questions_to_dict(found))
        else:
            click.echo(printable(questions_text(found)))
        if found.drifted:
            sys.exit(1)


@click.command()
@backend_option
@click.option("--other-backend", help="Compare with this backend's embedder, over the same chunks.")
@click.option(
    "--other-data-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Compare with the index in this data folder.",
)
@click.option(
    "--chunks",
    type=click.IntRange(3, 20_000),
    default=500,
    show_default=True,
    help="Chunks to embed, with --other-backend.",
)
@json_option
def index(
    backend: str | None, other_backend: str | None, other_data_dir: Path | None, chunks: int, as_json: bool
) -> None:
    """Hold a local backend's index against that of another data folder, or its embedder against another backend's."""
    with opened() as current:
        from app.kit.plain import printable
        from app.stability.drift_words import indexes_text
        from app.stability.index_drift import compare_embedders, compare_folders

        name = backend or current.settings.backend_name
        if (other_backend is None) == (other_data_dir is None):
            raise InputError("Give either --other-backend or --other-data-dir.")
        if other_data_dir is not None:
            found = compare_folders(current.backends.corpus, name, other_data_dir)
        else:
            with _progress() as tell:
                found = compare_embedders(
                    current.backends.corpus, name, str(other_backend), chunks=chunks, on_progress=tell
                )
        if as_json:
            print_json(asdict(found))
        else:
            click.echo(printable(indexes_text(found)))


@click.command()
@click.argument("run_a")
@click.argument("run_b")
@max_drop_option
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the certificate here too.",
)
@json_option
def certificate(run_a: str, run_b: str, max_drop: float, markdown: Path | None, as_json: bool) -> None:
    """Certify a changed embedder, index or prompt: RUN_B held against RUN_A, over the same questions. Leaves with 1 on an alarm."""
    with opened() as current:
        from app.kit.plain import printable
        from app.stability.certificate import certify_runs
        from app.stability.certificate_words import certificate_markdown, certificate_text, certificate_to_dict

        found = certify_runs(current.evaluations, current.store, run_a, run_b, max_drop=max_drop)
        if as_json:
            print_json(certificate_to_dict(found))
        else:
            click.echo(printable(certificate_text(found)))
        if markdown is not None:
            write_summary(markdown, certificate_markdown(found))
        if found.alarm:
            sys.exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A line that says how far embedding is."""
    from app.stability.drift_words import progress_words

    with progress_line() as tell:
        yield lambda done, total: tell(progress_words(done, total))
