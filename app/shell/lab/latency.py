"""`raglass lab latency`: how fast one target is, or two beside each other."""

from pathlib import Path

import click

from app.shell.lab.carried_out import carry_out, output_options


@click.command()
@click.option(
    "--target",
    "targets",
    multiple=True,
    help="Full name of a backend, as in local/embedded or aws; twice to compare two.",
)
@click.option("--questions", type=click.IntRange(1), help="Questions that are measured; 10 if nothing else is said.")
@click.option("--warm-up", type=click.IntRange(0), help="Calls before them that are not; 2 if nothing else is said.")
@click.option(
    "--before", help="A latency study kept earlier, to hold this one against: its id, how that begins, or LAST."
)
@click.option("--dataset", help="Where questions come from: `builtin`, a file, or hf:NAME.")
@click.option("--seed", type=click.IntRange(0), help="What they are drawn with.")
@click.option("--top-k", type=click.IntRange(1), help="Chunks to retrieve.")
@output_options
def latency(
    targets: tuple[str, ...],
    questions: int | None,
    warm_up: int | None,
    before: str | None,
    dataset: str | None,
    seed: int | None,
    top_k: int | None,
    files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """The same questions on one target or two: end to end, every stage, what was cold, and whether the difference could be chance.

    With --before the study's own dataset, questions and seed are taken, so that a deployment can be measured, changed and measured again.
    """
    plan = {
        "targets": list(targets),
        "questions": questions,
        "warm_up": warm_up,
        "before": before,
        "dataset": dataset,
        "seed": seed,
        "top_k": top_k,
    }
    carry_out("latency", plan, files, as_json)
