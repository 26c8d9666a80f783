"""`raglass demo`: a demonstration, ready in a minute, that stops by itself."""

import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import click

from app.shell.command import INTERRUPTED, readable_errors
from app.shell.serve import check_port

WITHIN = click.FloatRange(1, 120)
"""Minutes that a demonstration may take."""


@click.command()
@click.option("--minutes", type=WITHIN, default=15.0, show_default=True, help="How long questions come.")
@click.option(
    "--stay",
    type=click.FloatRange(0, 600),
    default=30.0,
    show_default=True,
    help="Minutes that the pages stay after that.",
)
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--alone", is_flag=True, help="The local backend alone, without the rehearsed stack.")
@click.option("--fresh", is_flag=True, help="Begin with nothing: an earlier demonstration's data are deleted.")
def demo(minutes: float, stay: float, host: str | None, port: int | None, alone: bool, fresh: bool) -> None:
    """Show what Raglass does in ten minutes: real questions, real faults that are healed, on the rehearsed stack and the local backend.

    It has a data folder of its own, and touches none of yours. docs/demo.md has a script to follow. Ctrl-C ends it; started again, it
    goes on.
    """
    from app.config import Settings
    from app.demonstration.performing import Plan, perform, rehearsed_stack
    from app.demonstration.standing import check_free
    from app.kit.privacy import making_private

    with readable_errors(), making_private(), _ended_by_signals() as stop:
        settings = Settings.from_environ()
        settings = replace(settings, host=host or settings.host, port=port or settings.port)
        plan = Plan(settings, minutes, stay)
        check_free(plan.folder)
        check_port(settings.host, settings.port)
        if fresh:
            shutil.rmtree(plan.folder, ignore_errors=True)
        began = time.monotonic()

        def tell(line: str) -> None:
            click.echo(f"[{time.monotonic() - began:4.0f} s] {line}")

        if alone:
            perform(plan, None, tell, stop)
        else:
            with rehearsed_stack(tell) as rehearsal:
                perform(plan, rehearsal, tell, stop)
        tell("All of it has ended")


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Ctrl-C, or SIGTERM, ends the block by way of every `finally`, and the command with 130 or 0. Both by name: a shell that starts us in
    the background has Ctrl-C ignored."""
    stop = threading.Event()

    def end(number: int, _: object) -> None:
        stop.set()
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except KeyboardInterrupt:
        click.echo("Ended.", err=True)
        sys.exit(INTERRUPTED)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
