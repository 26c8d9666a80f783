"""`raglass eval name`, `note` and `tag`: what people call a run and say of it."""

from typing import TYPE_CHECKING

import click

from app.shell.command import opened

if TYPE_CHECKING:
    from metrics.runs import StoredRun


@click.command()
@click.argument("run_id")
@click.argument("name")
def name(run_id: str, name: str) -> None:
    """Call a run NAME, in lists, comparisons and reports. An empty NAME gives it back its usual one. RUN_ID may be LAST."""
    with opened() as current:
        from app.runs.naming import name_run

        _print(name_run(current.store.runs, run_id, name))


@click.command()
@click.argument("run_id")
@click.argument("note")
def note(run_id: str, note: str) -> None:
    """Note something of a run, in place of what was noted. An empty NOTE takes it away. RUN_ID may be LAST."""
    with opened() as current:
        from app.runs.naming import note_run

        _print(note_run(current.store.runs, run_id, note))


@click.command()
@click.argument("run_id")
@click.argument("tags", nargs=-1)
def tag(run_id: str, tags: tuple[str, ...]) -> None:
    """Let TAGS be a run's tags, in place of those it has; none takes them away. RUN_ID may be LAST."""
    with opened() as current:
        from app.runs.naming import tag_run

        _print(tag_run(current.store.runs, run_id, tags))


def _print(run: "StoredRun") -> None:
    from app.runs.words import runs_text

    click.echo(runs_text([run]))
