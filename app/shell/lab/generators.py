"""`raglass lab generators`: generators side by side."""

from pathlib import Path
from typing import Any

import click

from app.shell.lab.asked import question_options
from app.shell.lab.carried_out import carry_out, output_options


@click.command()
@click.argument("generators", nargs=-1, required=True)
@click.option(
    "--reliance", type=click.IntRange(0), help="Answers whose reliance on the chunks is measured; 100 if left out."
)
@click.option("--rerank/--no-rerank", default=False, help="Look at the order of the chunks a second time.")
@question_options
@output_options
def generators(generators: tuple[str, ...], files: tuple[Path, ...], as_json: bool, **plan: Any) -> None:
    """Generators side by side: `embedded`, or ids and paths of the research profile. All read what --backend retrieves."""
    carry_out("generators", {**plan, "generators": generators}, files, as_json)
