"""Studies that are kept: listed, shown, gone on with, removed."""

from pathlib import Path

import click

from app.shell.command import json_option, opened, print_json
from app.shell.lab.carried_out import finish, output_options, print_record, write_files


@click.command("list")
@json_option
def list_studies(as_json: bool) -> None:
    """All studies, the newest first."""
    with opened() as current:
        from dataclasses import asdict

        from app.kit.wording import when

        records = current.lab.records.newest()
        if as_json:
            print_json([asdict(record) for record in records])
            return
        for record in records:
            click.echo(
                f"{record.record_id}  {when(record.started_at)}  {record.study:<11} {current.lab.records.standing(record)}"
            )
        if not records:
            click.echo("No study yet. `raglass lab --help` shows what there is.")


@click.command()
@click.argument("record_id", default="LAST")
@output_options
def show(record_id: str, files: tuple[Path, ...], as_json: bool) -> None:
    """What came out of a study: its id, how that begins, or LAST."""
    with opened() as current:
        record = current.lab.records.find(record_id)
        print_record(current.lab, record, as_json)
        write_files(current.lab, record, files)


@click.command()
@click.argument("record_id", default="LAST")
@output_options
def resume(record_id: str, files: tuple[Path, ...], as_json: bool) -> None:
    """Go on with a study that was stopped, killed or failed."""
    with opened() as current:
        finish(current.lab, current.lab.resume(record_id), files, as_json)


@click.command()
@click.argument("record_id")
def remove(record_id: str) -> None:
    """Forget a study; its runs stay."""
    with opened() as current:
        record = current.lab.records.find(record_id)
        current.lab.records.remove(record.record_id)
        click.echo(f"The study {record.record_id} is removed.")
