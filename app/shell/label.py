"""`raglass eval label`: why the answers of a run came out as they did."""

import sys
import threading
from contextlib import suppress

import click

from app.shell.command import complain, json_option, opened, print_json, progress_line, stopping_on_interrupt


@click.command()
@click.argument("run_id", default="LAST")
@click.option("--sample", type=click.IntRange(1), help="Draw so many answers; without it, all are explained.")
@json_option
def label(run_id: str, sample: int | None, as_json: bool) -> None:
    """Explain the answers of a run and say which stage is to blame for the wrong ones. Ctrl-C stops; the same command goes on."""
    with opened() as current:
        from app.runs.labels import label_rows, labels_text, losses_words

        stop, done, whole = threading.Event(), 0, 0
        with suppress(KeyboardInterrupt), stopping_on_interrupt(stop), progress_line() as tell:
            for done, whole in current.evaluations.label(run_id, sample=sample, stop=stop):
                tell(f"{done:,} of {whole:,} answers explained")
        scores = current.evaluations.scores(current.evaluations.find(run_id).run_id)
        if as_json:
            rows = [dict(zip(("label", "answers", "stage", "meaning"), row, strict=True)) for row in label_rows(scores)]
            print_json({"labels": rows, "losses": losses_words(scores)})
        else:
            click.echo(labels_text(scores))
        if done < whole:
            complain("stopped. The same command goes on from here.")
            sys.exit(130)
