"""Options of the studies that ask questions."""

from collections.abc import Callable

import click

from app.shell.command import backend_option

Command = Callable[..., None]


def question_options(command: Command) -> Command:
    """--dataset, --limit, --seed, --top-k and --backend."""
    dataset = click.option(
        "--dataset", default="builtin", show_default=True, help="`builtin`, SQuAD v2 .json, .csv, .jsonl, or hf:NAME."
    )
    limit = click.option("--limit", type=click.IntRange(1), help="Draw so many questions at random.")
    seed = click.option("--seed", type=int, default=0, show_default=True, help="What they are drawn with.")
    top_k = click.option("--top-k", type=click.IntRange(1), help="Chunks to retrieve.")
    return dataset(limit(seed(top_k(backend_option(command)))))
