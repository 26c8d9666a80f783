"""`raglass eval judge`: a model's word on the answers of a run."""

import sys
import threading
from contextlib import suppress

import click

from app.shell.command import complain, json_option, opened, print_json, progress_line, stopping_on_interrupt


@click.command()
@click.argument("run_id", default="LAST")
@click.option("--sample", type=click.IntRange(1), help="Draw so many answers; without it, all are judged.")
@json_option
def judge(run_id: str, sample: int | None, as_json: bool) -> None:
    """Have the answers of a run judged by the model at RAGLASS_JUDGE_URL. Ctrl-C stops; the same command goes on."""
    with opened() as current:
        from dataclasses import asdict

        from app.runs.judged_words import judged_text, judged_words
        from evaluation.judging import count_agreement

        stop, done, whole = threading.Event(), 0, 0
        with suppress(KeyboardInterrupt), stopping_on_interrupt(stop), progress_line() as tell:
            for done, whole in current.judging.judge(run_id, sample=sample, stop=stop):
                tell(f"{done:,} of {whole:,} answers judged")
        scores = current.evaluations.scores(current.evaluations.find(run_id).run_id)
        if as_json:
            found = count_agreement(scores)
            print_json({**asdict(found), "kappa": found.kappa, "words": judged_words(scores)})
        else:
            click.echo(judged_text(scores))
        if done < whole:
            complain("stopped. The same command goes on from here.")
            sys.exit(130)
