"""`raglass keys`: keys of the applications that send traces or take them out."""

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import click

from app.shell.command import json_option, opened, print_json
from app.shell.commands import Commands

if TYPE_CHECKING:
    from metrics.keys import Scope


USE = {
    "ingest": 'Set it where the application runs, for example:\n  OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20$KEY"',
    "read": "Send it as a header with what takes traces out, for example:\n"
    '  curl -H "Authorization: Bearer $KEY" http://localhost:8501/export/traces.jsonl',
}
"""What to do with a new key, by its scope."""


@click.group(cls=Commands)
def keys() -> None:
    """Keys of applications, needed once the dashboard listens beyond this machine. See docs/ingest.md."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["ingest", "read"]),
    default="ingest",
    show_default=True,
    help="Send traces, or export them.",
)
@json_option
def create(name: str, scope: str, as_json: bool) -> None:
    """Make a key called NAME and print its secret, this once."""
    with opened() as current:
        from app.ingesting.keys import create_key

        made = create_key(current.store.keys, name, cast("Scope", scope))
        if as_json:
            print_json({**asdict(made.key), "secret": made.secret})
            return
        click.echo(made.secret)
        click.echo(f"It is shown this once. {USE[scope]}", err=True)


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List keys, and when each was last used."""
    with opened() as current:
        found = current.store.keys.all()
        if as_json:
            print_json([asdict(key) for key in found])
            return
        from app.ingesting.words import keys_text

        click.echo(keys_text(found))


@keys.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End the key called NAME, or with this id, from the next request on."""
    with opened() as current:
        from app.ingesting.keys import revoke_key
        from app.kit.plain import printable

        ended = revoke_key(current.store.keys, name)

        click.echo(f"The key {printable(ended.name)} ({ended.key_id}) is revoked.")
