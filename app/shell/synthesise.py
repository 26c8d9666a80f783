"""`raglass dataset synthesise`: questions that are written from the documents."""

import sys
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from app.shell.command import (
    INTERRUPTED,
    backend_option,
    complain,
    json_option,
    opened,
    print_json,
    progress_line,
    stopping_on_interrupt,
)

if TYPE_CHECKING:
    from app.runs.synthesis import Of, Writer


@click.command()
@click.argument("name", default="synthetic")
@click.option(
    "--corpus",
    type=click.Choice(["all", "builtin", "added"]),
    default="all",
    show_default=True,
    help="Which of the backend's documents.",
)
@click.option("--count", type=click.IntRange(1, 5_000), default=100, show_default=True, help="Questions to keep.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the drawing of chunks and the order.")
@click.option(
    "--writer",
    type=click.Choice(["templates", "model"]),
    default="templates",
    show_default=True,
    help="Templates over what sentences say, or the backend's generator.",
)
@backend_option
@json_option
def synthesise(
    name: str, corpus: "Of", count: int, seed: int, writer: "Writer", backend: str | None, as_json: bool
) -> None:
    """Write questions from the documents, check each against its chunk alone, and keep them as NAME, marked as synthetic.

    Ctrl-C stops; the same command goes on.
    """
    with opened() as current:
        from app.runs.synthesis import SynthesisPlan
        from app.runs.synthesis_words import outcome_words, progress_words, rejected_words

        plan = SynthesisPlan(name, backend or current.settings.backend_name, corpus, count, seed, writer)
        stop, last = threading.Event(), None
        steps = current.synthesis.write(plan, stop)
        with suppress(KeyboardInterrupt), stopping_on_interrupt(stop), progress_line() as tell, closing(steps):
            for last in steps:
                tell(progress_words(last))
        if last is None or last.version is None:
            complain("stopped. The same command goes on from here.")
            sys.exit(INTERRUPTED)
        if as_json:
            print_json(
                {"version": last.version.spec, "kept": len(last.tally.kept), "rejected": dict(last.tally.rejected)}
            )
            return
        click.echo(outcome_words(last))
        for line in rejected_words(last.tally):
            click.echo(f"  {line}")
