"""`raglass lab embedders`: embedders and rerankers side by side."""

from pathlib import Path
from typing import Any

import click

from app.shell.lab.asked import question_options
from app.shell.lab.carried_out import carry_out, output_options


@click.command()
@click.argument("embedders", nargs=-1, required=True)
@click.option(
    "--reranker",
    "rerankers",
    multiple=True,
    help="A cross-encoder's id or path, or `sentences`: orders what the first embedder found. Can be given again.",
)
@question_options
@output_options
def embedders(embedders: tuple[str, ...], files: tuple[Path, ...], as_json: bool, **plan: Any) -> None:
    """Embedders side by side: `embedded`, sentence-transformers ids or paths, `sagemaker:ENDPOINT`."""
    carry_out("embedders", {**plan, "embedders": embedders}, files, as_json)
