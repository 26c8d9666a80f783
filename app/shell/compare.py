"""`raglass eval compare` and `raglass eval gate`: run against run, for a person and for continuous integration."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import json_option, opened, print_json
from pipeline.errors import InputError
from pipeline.whole_files import write_whole

if TYPE_CHECKING:
    from app.services import Services

max_drop_option = click.option(
    "--max-drop",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.02,
    show_default=True,
    help="Drop of the share of right answers to put up with.",
)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN_A RUN_B [RUN_C ...]")
@max_drop_option
@json_option
def compare(runs: tuple[str, ...], max_drop: float, as_json: bool) -> None:
    """Hold RUN_B against RUN_A over the questions they share: what changed, whether that is chance, and whether it is safe to ship.

    Three to five runs are held against each other pair by pair, the oldest as the baseline.
    """
    with opened() as current:
        text, found = _compared(current, runs, max_drop)
        if as_json:
            print_json(found)
        else:
            click.echo(text)


def _compared(current: "Services", runs: tuple[str, ...], max_drop: float) -> tuple[str, dict[str, Any]]:
    """A comparison as text and as JSON-ready data."""
    from app.kit.plain import printable
    from app.runs.compared_words import comparison_text, comparison_to_dict
    from app.runs.several_words import several_text, several_to_dict

    if len(runs) == 2:
        two = current.evaluations.compare(*runs, max_drop=max_drop)
        return printable(comparison_text(two)), comparison_to_dict(two)
    several = current.evaluations.compare_several(runs, max_drop=max_drop)
    return printable(several_text(several)), several_to_dict(several)


@click.command()
@click.option("--baseline", required=True, metavar="RUN", help="The run to hold against.")
@click.option(
    "--run", "run_id", default="LAST", show_default=True, metavar="RUN", help="The run that may take its place."
)
@max_drop_option
@click.option(
    "--markdown", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the summary here too."
)
def gate(baseline: str, run_id: str, max_drop: float, markdown: Path | None) -> None:
    """Print a summary for a pull request. Leaves with 1 if a measure is significantly worse or the verdict is "not safe"."""
    with opened() as current:
        from app.kit.plain import printable
        from app.runs.compared_words import gate_markdown

        found = current.evaluations.compare(baseline, run_id, max_drop=max_drop)
        summary = gate_markdown(found)
        click.echo(printable(summary))
        if markdown is not None:
            write_summary(markdown, summary)
        if found.comparison.blocks:
            sys.exit(1)


def write_summary(path: Path, summary: str) -> None:
    """Write a file. Raises InputError, saying why it cannot be."""
    try:
        write_whole(path, summary)
    except OSError as error:
        raise InputError(f"The summary cannot be written to {path} ({error.strerror}). Give another file.") from error
