"""`raglass lab profile`."""

from pathlib import Path

import click

from app.shell.command import backend_option
from app.shell.lab.carried_out import carry_out, output_options


@click.command()
@click.option(
    "--dataset", default="builtin", show_default=True, help="`builtin`, SQuAD v2 .json, .csv, .jsonl, or hf:NAME."
)
@click.option("--top-k", type=click.IntRange(1, 100), help="Chunks that a prompt holds.")
@backend_option
@output_options
def profile(dataset: str, top_k: int | None, backend: str | None, files: tuple[Path, ...], as_json: bool) -> None:
    """What a dataset and its corpus are made of: lengths, types, what comes twice, and what would not fit a model's window."""
    carry_out("profile", {"dataset": dataset, "backend": backend, "top_k": top_k}, files, as_json)
