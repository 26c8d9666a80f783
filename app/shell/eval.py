"""`raglass eval`: runs over labelled questions, their results, and calibration."""

import sys
import threading
from collections.abc import Generator
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from app.shell.by_type import by_type
from app.shell.command import (
    backend_option,
    complain,
    json_option,
    opened,
    print_json,
    progress_line,
    prompt_option,
    stopping_on_interrupt,
)
from app.shell.commands import Commands
from app.shell.compare import compare, gate
from app.shell.feedback import from_feedback
from app.shell.judge import judge
from app.shell.label import label
from app.shell.question_types import types
from app.shell.run_names import name, note, tag
from pipeline.errors import BackendError, StoreError

if TYPE_CHECKING:
    from app.runs.evaluations import RunStep
    from app.services import Services


@click.group(cls=Commands, name="eval")
def evaluate() -> None:
    """Answer labelled questions, and say with honest intervals how well that went."""


@evaluate.command()
@click.option(
    "--dataset",
    default="builtin",
    show_default=True,
    help="`builtin`, a kept one (NAME, NAME@3), SQuAD v2 .json, .csv, .jsonl, or hf:NAME.",
)
@click.option("--limit", type=click.IntRange(1), help="Draw so many questions at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="What they are drawn with.")
@click.option("--top-k", type=int, help="Chunks to retrieve.")
@click.option("--rerank/--no-rerank", default=False, help="Look at the order of the chunks a second time.")
@click.option("--workers", type=click.IntRange(1, 16), default=1, show_default=True, help="Batches in flight at once.")
@click.option(
    "--batch",
    type=click.IntRange(1, 256),
    help="Questions in a batch, where the backend takes several; 1 for each by itself.",
)
@prompt_option
@backend_option
@json_option
def run(
    dataset: str,
    limit: int | None,
    seed: int,
    top_k: int | None,
    rerank: bool,
    workers: int,
    batch: int | None,
    prompt: str | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Ask every question of a dataset. Ctrl-C stops, with status 130; `raglass eval resume` goes on. Leaves with 1 if some failed."""
    with opened() as current:
        from app.asking.prompts import find_prompt
        from app.runs.estimate import estimate_words
        from app.runs.record import RunPlan

        if backend:
            current.make_usual(backend)
        settings = current.settings
        told = None if prompt is None else find_prompt(prompt, current.store.prompts)
        plan = RunPlan(
            dataset,
            settings.backend_name,
            settings.top_k if top_k is None else top_k,
            settings.deadline_s,
            limit=limit,
            seed=seed,
            rerank=rerank,
            workers=workers,
            batch=batch,
        ).telling(told)
        stop = threading.Event()
        words = estimate_words(current.store, plan.backend, current.evaluations.count(plan), plan.workers)
        click.echo(words, err=True)
        follow(current, current.evaluations.run(plan, stop), stop, as_json=as_json)


@evaluate.command()
@click.argument("run_id")
@json_option
def resume(run_id: str, as_json: bool) -> None:
    """Go on with a run that was stopped or killed: nothing is asked twice, and what failed is asked again."""
    with opened() as current:
        stop = threading.Event()
        follow(current, current.evaluations.resume(run_id, stop), stop, as_json=as_json)


@evaluate.command()
@click.argument("run_id", default="LAST")
@json_option
def show(run_id: str, as_json: bool) -> None:
    """The results of a run, in all and by question type. RUN_ID may be LAST."""
    with opened() as current:
        print_run(current, run_id, as_json=as_json)


@evaluate.command(name="list")
@click.option("--tag", "tags", multiple=True, help="Only runs with this tag; may be given several times.")
@json_option
def list_runs(tags: tuple[str, ...], as_json: bool) -> None:
    """The newest runs: their names, what they came to, their tags."""
    with opened() as current:
        from dataclasses import asdict

        from app.runs.naming import run_name, tagged
        from app.runs.words import runs_text

        runs = tagged(current.evaluations.newest(), tags)
        if as_json:
            print_json([{"name": run_name(each), **asdict(each)} for each in runs])
        else:
            click.echo(runs_text(runs))


@evaluate.command()
@click.argument("run_id", default="LAST")
@click.option("--method", type=click.Choice(["auto", "temperature", "isotonic"]), default="auto", show_default=True)
@json_option
def calibrate(run_id: str, method: str, as_json: bool) -> None:
    """Turn a backend's confidence into a probability of being right: fitted on half of a run's articles, judged on the other."""
    with opened() as current:
        from app.runs.words import calibration_text

        found = current.calibrations.fit(run_id, method)
        if as_json:
            print_json(found.to_dict())
        else:
            click.echo(calibration_text(found))


def follow(
    current: "Services", steps: "Generator[RunStep, None, None]", stop: threading.Event, *, as_json: bool
) -> None:
    """See a run through and print its results. Ctrl-C lets the questions in flight end; leaves with 130 then, with 1 if some failed."""
    last = _last_step(steps, stop)
    if last is None:
        sys.exit(130)
    if last.progress is not None and last.progress.done:
        print_run(current, last.run_id, as_json=as_json)
    if last.progress is None or last.progress.done < last.progress.total:
        complain(f"stopped. {_goes_on(last)}")
        sys.exit(130)
    if last.progress.failed:
        sys.exit(1)


def _last_step(steps: "Generator[RunStep, None, None]", stop: threading.Event) -> "RunStep | None":
    """Where a run came to; None if it was stopped before it began. What ends it says how to go on."""
    from app.runs.words import step_words

    last = None
    try:
        with suppress(KeyboardInterrupt), stopping_on_interrupt(stop), progress_line() as tell, closing(steps):
            for last in steps:
                tell(step_words(last))
    except (BackendError, StoreError) as error:
        if last is None:
            raise
        complain(f"{error} {_goes_on(last)}")
        sys.exit(1)
    return last


def _goes_on(step: "RunStep") -> str:
    return f"`raglass eval resume {step.run_id}` goes on from here."


def print_run(current: "Services", run_id: str, *, as_json: bool) -> None:
    """The results of a run."""
    from app.runs.spending import run_spending
    from app.runs.words import run_text, summaries_to_dict

    found = current.evaluations.find(run_id)
    summaries, spent = current.evaluations.summary(found.run_id), run_spending(current.store, found)
    if as_json:
        print_json(summaries_to_dict(found, summaries, spent))
    else:
        click.echo(run_text(found, summaries, spent))


for command in (name, note, tag):
    evaluate.add_command(command)
evaluate.add_command(by_type)
evaluate.add_command(label)
evaluate.add_command(judge)
evaluate.add_command(types)
evaluate.add_command(from_feedback)
evaluate.add_command(compare)
evaluate.add_command(gate)
