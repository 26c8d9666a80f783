"""`raglass backend`: which backends there are, and setting up an HTTP endpoint as one."""

import sys
from dataclasses import asdict

import click

from app.shell.command import json_option, opened, print_json
from app.shell.commands import Commands


@click.group(cls=Commands)
def backend() -> None:
    """What answers questions: list it, and try an HTTP endpoint that a file describes."""


@backend.command(name="list")
@json_option
def list_backends(as_json: bool) -> None:
    """Every backend, with why one cannot be used here."""
    with opened() as current:
        from app.asking.trying import endpoint_text
        from backends.http.opening import find_endpoints

        found = current.backends.names()
        if as_json:
            print_json(found)
            return
        endpoints = find_endpoints(current.settings.backend_config())
        for name, why_not in found.items():
            about = endpoint_text(endpoints[name]) if name in endpoints else "installed"
            click.echo(f"{name}: {why_not or about}")


@backend.command(name="try")
@click.argument("file_or_name")
@click.option("--question", required=True, help="What to ask.")
@click.option("--top-k", type=int, help="Chunks to ask for.")
@click.option("--deadline", type=float, help="Seconds for everything.")
@json_option
def try_backend(file_or_name: str, question: str, top_k: int | None, deadline: float | None, as_json: bool) -> None:
    """Ask an endpoint once and show what each expression of its description finds in the reply. Leaves with 1 without an answer.

    FILE_OR_NAME: a TOML file, each of whose endpoints is asked, or the name of one, such as http/example. No trace is kept.
    """
    with opened() as current:
        from app.asking.trying import tried_text, try_endpoints

        settings = current.settings
        top_k, deadline = (
            settings.top_k if top_k is None else top_k,
            settings.deadline_s if deadline is None else deadline,
        )
        problems = 0
        for tried in try_endpoints(file_or_name, settings.backend_config(), question, top_k, deadline):
            problems += tried.problem is not None
            if as_json:
                findings = [asdict(each) for each in tried.findings]
                print_json({"backend": tried.endpoint.name, "findings": findings, "problem": tried.problem})
            else:
                click.echo(tried_text(tried))
        if problems:
            sys.exit(1)
