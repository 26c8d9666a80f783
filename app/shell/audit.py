"""`raglass audit`: who changed what."""

from dataclasses import asdict

import click

from app.shell.command import json_option, opened, print_json


@click.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Changes to list.")
@json_option
def audit(limit: int, as_json: bool) -> None:
    """List who changed what, newest first: on the pages by who signed in, in a shell by the machine's user."""
    with opened() as current:
        from app.permitting.words import changes_text, read_changes

        found = read_changes(current.store.audit, limit)
        if as_json:
            print_json([asdict(each) for each in found])
        else:
            click.echo(changes_text(found))
