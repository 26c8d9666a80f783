"""`raglass status`: readiness of every part, versions, settings."""

import sys
from dataclasses import asdict

import click

from app.shell.command import backend_option, json_option, opened, print_json


@click.command()
@backend_option
@json_option
def status(backend: str | None, as_json: bool) -> None:
    """Say whether every part is ready, and print versions and settings (secrets masked). Leaves with 1 if one is not."""
    with opened() as current:
        from app.status.words import status_text

        found = current.status(backend)
        if as_json:
            print_json(asdict(found) | {"ready": found.ready})
        else:
            click.echo(status_text(found))
        if not found.ready:
            sys.exit(1)
