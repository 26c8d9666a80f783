"""`raglass lab chunks`: ways of cutting documents side by side."""

from pathlib import Path
from typing import Any

import click

from app.shell.lab.asked import question_options
from app.shell.lab.carried_out import carry_out, output_options


@click.command()
@click.argument("chunkings", nargs=-1)
@question_options
@click.option("--rerank/--no-rerank", default=False, help="Look at the order of the chunks a second time.")
@output_options
def chunks(chunkings: tuple[str, ...], files: tuple[Path, ...], as_json: bool, **plan: Any) -> None:
    """Ways of cutting documents, such as paragraph:800 or heading:800:150, against the one in use; usual ones if none is named."""
    carry_out("chunks", {**plan, "chunkings": chunkings}, files, as_json)
