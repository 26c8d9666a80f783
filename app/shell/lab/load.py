"""`raglass lab load`: questions at a rate, whatever becomes of those before."""

from pathlib import Path

import click

from app.shell.lab.carried_out import carry_out, output_options


@click.command()
@click.option("--target", help="Full name of a backend; the usual one if nothing is said.")
@click.option("--rate", type=float, default=1.0, show_default=True, help="Questions a second.")
@click.option("--minutes", type=float, default=1.0, show_default=True, help="How long.")
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "constant"]),
    default="poisson",
    show_default=True,
    help="As of people who know nothing of each other, or at even gaps.",
)
@click.option("--workers", type=int, default=4, show_default=True, help="Questions in flight at once, at most.")
@click.option(
    "--most-errors",
    type=float,
    default=0.2,
    show_default=True,
    help="It stops itself where a larger share of the newest 20 fail.",
)
@click.option(
    "--most-waiting", type=int, help="It stops itself where more questions wait; those of 10 s if nothing is said."
)
@click.option("--dataset", help="Where questions come from: `builtin`, a file, or hf:NAME.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="What arrivals are drawn with.")
@click.option(
    "--yes", is_flag=True, help="The target that --target names is yours to load, though it is not of this machine."
)
@output_options
def load(
    target: str | None,
    rate: float,
    minutes: float,
    arrivals: str,
    workers: int,
    most_errors: float,
    most_waiting: int | None,
    dataset: str | None,
    seed: int,
    yes: bool,
    files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Ask at a rate that does not wait for answers: throughput, latency from when each question was due, errors, by ten seconds.

    It stops itself where the target cannot keep up or fails. A target of this machine may be loaded freely, any other only with
    --target and --yes.
    """
    plan = {
        "target": target,
        "confirmed": target if yes else "",
        "rate": rate,
        "minutes": minutes,
        "arrivals": arrivals,
        "workers": workers,
        "most_errors": most_errors,
        "most_waiting": most_waiting,
        "dataset": dataset,
        "seed": seed,
    }
    carry_out("load", plan, files, as_json)
