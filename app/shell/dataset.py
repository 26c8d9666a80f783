"""`raglass dataset`: labelled questions that are kept in versions, made of traces, of files, or of the documents."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import backend_option, complain, json_option, opened, print_json, progress_line
from app.shell.commands import Commands
from app.shell.filtering import chosen_filters, filter_options
from app.shell.synthesise import synthesise
from pipeline.errors import InputError, StoreError
from pipeline.whole_files import write_whole

if TYPE_CHECKING:
    from app.services import Services

FORMS = (".jsonl", ".csv")


@click.group(cls=Commands)
def dataset() -> None:
    """Datasets that are edited and kept in versions: `raglass eval run --dataset NAME`, or NAME@3. See docs/datasets.md."""


@dataset.command("list")
@click.argument("name", required=False)
@json_option
def list_datasets(name: str | None, as_json: bool) -> None:
    """List the newest version of each dataset, or every version of NAME."""
    with opened() as current:
        from app.kit.plain import printable
        from app.runs.dataset_words import versions_text

        kept = current.evaluations.datasets
        found = kept.newest() if name is None else kept.versions(kept.find(name).name)
        if as_json:
            print_json([asdict(each) for each in found])
        else:
            click.echo(printable(versions_text(found)))


@dataset.command()
@click.argument("spec")
@json_option
def show(spec: str, as_json: bool) -> None:
    """Print the questions of a dataset (NAME), or of a version of it (NAME@3)."""
    with opened() as current:
        from app.kit.plain import printable
        from app.runs.dataset_words import row_words, versions_text

        kept = current.evaluations.datasets
        rows = kept.rows(spec)
        if as_json:
            print_json([row.to_dict() for row in rows])
            return
        click.echo(printable(versions_text([kept.find(spec)])))
        for row in rows:
            click.echo(printable(row_words(row)))


@dataset.command()
@click.argument("name")
@filter_options
@click.option("--low-confidence", is_flag=True, help="Confidence is known and low.")
@click.option("--rated", "rating", type=click.Choice(["up", "down", "any", "none"]), help="Has this rating.")
@click.option("--drifted", is_flag=True, help="The question is far from all that --backend was asked before.")
@backend_option
@click.option(
    "--limit", type=click.IntRange(1, 2000), default=200, show_default=True, help="Traces to take, newest first."
)
def make(name: str, drifted: bool, backend: str | None, limit: int, **chosen: Any) -> None:
    """Make a dataset of stored traces, or add them to NAME as a new version.

    The expected answer is what people said of a trace; what a model answered is kept beside it as a suggestion alone.
    """
    with opened() as current:
        from app.kit.plain import printable
        from app.runs.picking import made_of, pick_traces, picked_words

        told = {key: value for key, value in {**chosen, "drifted": drifted, "backend": backend}.items() if value}
        filters = chosen_filters(current.store, **chosen)
        if backend is not None:
            filters = replace(filters, backends=(backend,))
        only = _far(current, backend or current.settings.backend_name) if drifted else None
        picked = pick_traces(current.store, filters.to_query(), limit=limit, only=only)
        version = current.evaluations.datasets.add(name, picked.rows, made_of(told))
        click.echo(printable(picked_words(picked, version)))


def _far(current: "Services", backend: str) -> set[str]:
    from app.stability.drift import MOST, QuestionPlan
    from app.stability.far import find_far_traces

    with progress_line() as tell:
        plan = QuestionPlan(backend, newest=MOST)
        found = find_far_traces(
            current.store,
            current.backends.corpus,
            plan,
            lambda done, of: tell(f"{done:,} of {of:,} questions embedded"),
        )
    if not found:
        raise InputError(f"No question to {backend} is far from what was asked before. Leave --drifted out.")
    return set(found)


@dataset.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def import_file(name: str, file: Path) -> None:
    """Keep the questions of FILE (.jsonl or .csv) as the newest version of NAME."""
    with opened() as current:
        from app.runs.dataset_words import versions_text
        from evaluation.curated import read_rows

        rows, problems = read_rows(file)
        for problem in problems[:20]:
            complain(problem)
        if len(problems) > 20:
            complain(f"and {len(problems) - 20:,} rows more that are left out")
        click.echo(versions_text([current.evaluations.datasets.save(name, rows, f"Imported from {file.name}.")]))


@dataset.command()
@click.argument("spec")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def export(spec: str, file: Path, force: bool) -> None:
    """Write NAME, or NAME@3, into FILE (.jsonl or .csv)."""
    with opened() as current:
        from app.kit.numbers import count
        from evaluation.curated import to_csv, to_jsonl

        if file.suffix.lower() not in FORMS:
            raise InputError(f"{file.name} names no form. Give a name that ends in {' or '.join(FORMS)}.")
        if file.exists() and not force:
            raise InputError(f"{file} is there already. Give another name, or --force.")
        rows = current.evaluations.datasets.rows(spec)
        try:
            write_whole(file, (to_csv if file.suffix.lower() == ".csv" else to_jsonl)(rows))
        except OSError as error:
            raise StoreError(f"{file} cannot be written ({error.strerror}). Choose another place.") from error
        click.echo(f"{count(len(rows), 'question')} in {file}.")


@dataset.command()
@click.argument("first")
@click.argument("second")
@json_option
def compare(first: str, second: str, as_json: bool) -> None:
    """Say what changed from FIRST to SECOND, versions such as NAME@1 and NAME@2."""
    with opened() as current:
        from app.kit.plain import printable
        from app.runs.dataset_words import changes_text
        from evaluation.curated import compare_rows

        kept = current.evaluations.datasets
        found = compare_rows(kept.rows(first), kept.rows(second))
        if as_json:
            print_json(asdict(found))
        else:
            click.echo(printable(changes_text(found)))


@dataset.command()
@click.argument("name")
def delete(name: str) -> None:
    """Forget NAME with all its versions. Runs over it keep their answers, and cannot be gone on with."""
    with opened() as current:
        from app.kit.numbers import count

        click.echo(f"{count(current.evaluations.datasets.delete(name), 'version')} deleted.")


@dataset.command()
def forget() -> None:
    """Take questions out of every version whose trace was deleted since. Without this, what was picked stays when its trace goes."""
    with opened() as current:
        from app.kit.numbers import count

        store = current.store
        taken = current.evaluations.datasets.forget(lambda ids: {each for each in ids if store.get(each) is None})
        click.echo(f"{count(taken, 'question')} taken out.")


dataset.add_command(synthesise)
