"""`raglass serve`: the dashboard."""

import socket
from contextlib import suppress

import click

from app.shell.command import backend_option, complain, opened
from app.shutdown import ending_well_on_sigterm
from pipeline.errors import InputError


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@backend_option
def serve(host: str | None, port: int | None, backend: str | None) -> None:
    """Start the dashboard. SIGTERM ends it with status 0 once the questions in flight are answered."""
    with ending_well_on_sigterm(), opened() as current:
        if backend:
            current.make_usual(backend)
        current.listen(host or current.settings.host, port or current.settings.port)
        settings = current.settings
        check_port(settings.host, settings.port)
        door = current.admission.words()
        name = settings.backend_name
        click.echo("Opening the backend and, the first time, building the index of the built-in corpus …")
        problems = current.check_ready()
        for part, problem in problems.items():
            if problem:
                complain(f"{part} ({name}) is not ready: {problem}")
        if current.reporting.target is not None:
            target = current.reporting.target
            if target.why_not:
                complain(f"traces are kept here and sent nowhere: {target.why_not}")
            else:
                click.echo(f"Traces of questions are also sent to {target.shown} ({target.source})")
        if door:
            click.echo(door)
        if current.guard.needs_key(None):
            click.echo("Applications that send traces need a key: `raglass keys create NAME`")
        from app.server import serve as answer

        click.echo(f"Raglass is at http://{shown_host(settings.host)}:{settings.port} (Ctrl-C ends it)")
        with suppress(KeyboardInterrupt):
            answer(settings)


def check_port(host: str, port: int) -> None:
    """Raise InputError if something listens on the port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"Port {port} on {host} cannot be used ({error.strerror}). If Raglass runs already, open http://{shown_host(host)}:{port}; "
                f"otherwise choose another port: `raglass serve --port {port % 65535 + 1}`, or RAGLASS_PORT={port % 65535 + 1} make run."
            ) from error


def shown_host(host: str) -> str:
    """The host to type into a browser."""
    return "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host
