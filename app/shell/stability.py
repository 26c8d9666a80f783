"""`raglass stability`: whether retrieval and answers hold when questions are worded otherwise, and, as commands of their own, drift."""

import sys
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from app.shell.command import (
    backend_option,
    complain,
    json_option,
    opened,
    print_json,
    progress_line,
    stopping_on_interrupt,
)
from app.shell.commands import Commands
from app.shell.drift import certificate, index, questions

if TYPE_CHECKING:
    from app.services import Services
    from app.stability.perturbed import StabilityPlan, StabilityStep


@click.group(cls=Commands, invoke_without_command=True)
@click.option(
    "--dataset", default="builtin", show_default=True, help="`builtin`, SQuAD v2 .json, .csv, .jsonl, or hf:NAME."
)
@click.option("--perturb", default="all", show_default=True, help="What to change: all, or names separated by commas.")
@click.option("--limit", type=click.IntRange(0), default=60, show_default=True, help="Questions to draw; 0 for all.")
@click.option("--seed", type=int, default=0, show_default=True, help="What they are drawn with.")
@click.option(
    "--variants",
    type=click.IntRange(1, 5),
    default=5,
    show_default=True,
    help="Of a question, in each way of changing it.",
)
@click.option("--top-k", type=click.IntRange(1), help="Chunks to find and to compare.")
@backend_option
@json_option
@click.pass_context
def stability(
    context: click.Context,
    dataset: str,
    perturb: str,
    limit: int,
    seed: int,
    variants: int,
    top_k: int | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Ask questions in other words and over other chunks; say how far what is found and answered stays the same. Keeps no trace.

    The result is kept; `list`, `show` and `remove` are about those. Ctrl-C stops and prints what is known. Leaves with 1 if an ask
    failed, with 130 if it was stopped. The other commands look at questions over time, at another index or embedder, and at an upgrade.
    """
    if context.invoked_subcommand is not None:
        return
    with opened() as current:
        from app.stability.perturbed import StabilityPlan, read_kinds

        plan = StabilityPlan(
            dataset,
            backend or current.settings.backend_name,
            top_k or current.settings.top_k,
            current.settings.deadline_s,
            kinds=read_kinds(perturb),
            limit=limit or None,
            seed=seed,
            variants=variants,
        )
        sys.exit(_check(current, plan, as_json=as_json))


@stability.command(name="list")
@json_option
def list_results(as_json: bool) -> None:
    """The results that are kept, the newest first."""
    with opened() as current:
        from dataclasses import asdict

        from app.stability.kept import KeptStability
        from app.stability.perturbed_words import kept_text

        found = KeptStability(current.settings.data_dir).listed()
        if as_json:
            print_json([asdict(each) for each in found])
        else:
            click.echo(kept_text(found))


@stability.command()
@click.argument("result_id")
@json_option
def show(result_id: str, as_json: bool) -> None:
    """A result that is kept."""
    with opened() as current:
        from app.stability.kept import KeptStability
        from app.stability.perturbed_words import stability_text, stability_to_dict

        found = KeptStability(current.settings.data_dir).find(result_id)
        if as_json:
            print_json(stability_to_dict(*found))
        else:
            click.echo(stability_text(*found))


@stability.command()
@click.argument("result_id")
def remove(result_id: str) -> None:
    """Remove a result that is kept."""
    with opened() as current:
        from app.stability.kept import KeptStability

        KeptStability(current.settings.data_dir).remove(result_id)
        click.echo(f"Removed {result_id}.")


for command in (questions, index, certificate):
    stability.add_command(command)


def _check(current: "Services", plan: "StabilityPlan", *, as_json: bool) -> int:
    """See it through and print the result; the status to leave with."""
    from app.stability.kept import KeptStability
    from app.stability.perturbed_words import stability_text, stability_to_dict

    last = _follow(current, plan)
    if last is None or not last.results:
        complain("stopped before a question was asked.")
        return 130
    click.echo(f"Kept as {KeptStability(current.settings.data_dir).keep(plan, last).kept_id}.", err=True)
    if as_json:
        print_json(stability_to_dict(plan, last))
    else:
        click.echo(stability_text(plan, last))
    if len(last.results) < last.total:
        return 130
    return 1 if any(each.problem or each.failed for each in last.results) else 0


def _follow(current: "Services", plan: "StabilityPlan") -> "StabilityStep | None":
    from app.stability.perturbed import check_stability
    from app.stability.perturbed_words import estimate_words, progress_words

    last, stop = None, threading.Event()
    steps = check_stability(current.evaluations, plan)
    with suppress(KeyboardInterrupt), stopping_on_interrupt(stop), progress_line() as tell, closing(steps):
        for last in steps:
            if not last.results:
                click.echo(estimate_words(last), err=True)
            tell(progress_words(last))
            if stop.is_set():
                break
    return last
