"""A study carried out in a shell: its estimate, where it is, its tables."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import complain, json_option, opened, print_json, progress_line, stopping_on_interrupt
from pipeline.errors import StoreError
from pipeline.whole_files import write_whole

if TYPE_CHECKING:
    from app.lab.catalogue import Lab
    from app.lab.job import LabJob
    from app.lab.records import LabRecord

FORMS = {".csv": "csv", ".json": "json", ".md": "md", ".html": "html"}
"""Forms in which results are written, by a file's suffix."""

TELL_S = 5.0
"""How often a line says where a study is, where there is no terminal."""

Options = Callable[[Callable[..., None]], Callable[..., None]]


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """What every study's command takes: --out FILE (repeatable; .csv, .json, .md or .html) and --json."""
    out = click.option(
        "--out",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write the results to this file as well: .csv, .json, .md or .html.",
    )
    return out(json_option(command))


def carry_out(name: str, plan: Mapping[str, Any], files: tuple[Path, ...], as_json: bool) -> None:
    """Begin a study, follow it and print what came out."""
    with opened() as current:
        _check_forms(files)
        study = current.lab.study(name)
        job = current.lab.begin(name, plan)
        click.echo(study.estimate(current.lab.parts, job.record.plan), err=True)
        finish(current.lab, job, files, as_json)


def finish(lab: "Lab", job: "LabJob", files: tuple[Path, ...], as_json: bool) -> None:
    """Do a job's work and print what came out. Leaves with 130 if it was stopped, 1 if it failed."""
    job.start()
    with stopping_on_interrupt(job.stop_event), progress_line(TELL_S) as tell:
        while job.running:
            job.wait(0.2)
            step = job.step
            if step is not None and job.running:
                tell(_words(step.done, step.total, step.doing, step.left_s))
    print_record(lab, job.record, as_json)
    write_files(lab, job.record, files)
    if job.record.status == "stopped":
        complain(f"Stopped. `raglass lab resume {job.record.record_id}` goes on from here.")
        sys.exit(130)
    if job.record.status == "failed":
        complain(job.record.problem)
        sys.exit(1)


def print_record(lab: "Lab", record: "LabRecord", as_json: bool) -> None:
    """A study's tables, or all of its record."""
    from dataclasses import asdict

    from app.lab.tables import to_plain

    if as_json:
        print_json(asdict(record))
        return
    click.echo(lab.heading(record))
    for table in lab.tables(record):
        click.echo("\n" + to_plain(table))


def write_files(lab: "Lab", record: "LabRecord", files: tuple[Path, ...]) -> None:
    """Write what came out to files, by their suffixes."""
    if record.result is None:
        return
    for path in files:
        try:
            form = FORMS[path.suffix.lower()]
            write_whole(path, lab.export(record, form).encode("utf-8-sig" if form == "csv" else "utf-8"))
        except OSError as error:
            raise StoreError(f"{path} cannot be written ({error.strerror}). Name another file.") from error


def _check_forms(files: tuple[Path, ...]) -> None:
    for path in files:
        if path.suffix.lower() not in FORMS:
            raise click.BadParameter(f"{path} ends in none of {', '.join(FORMS)}.")


def _words(done: int, total: int, doing: str, left_s: float | None) -> str:
    from app.kit.numbers import rough_time

    share = f", {done:,} of {total:,}" if total else ""
    left = "" if left_s is None else f", about {rough_time(left_s)} left"
    return f"{doing}{share}{left}"
