"""What every command of the shell shares: opening the services, printing for programs, and saying what is wrong."""

import errno
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from app.kit.privacy import making_private
from pipeline.errors import InputError, RaglassError

if TYPE_CHECKING:
    from app.permitting.roles import Person
    from app.services import Services

TELLS_SECRETS = ("botocore", "urllib3")
"""Libraries whose DEBUG lines hold session tokens, signatures or whole replies of AWS, or addresses with what stands behind their `?`."""

INTERRUPTED = 130
"""How a command leaves that Ctrl-C ended: 128 and the number of SIGINT."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that takes nothing more."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
prompt_option = click.option(
    "--prompt", "prompt", help="What the generator is told: a saved prompt's name or version, `default`, or a file."
)
backend_option = click.option(
    "--backend",
    help="Full name of a backend, for example local/research or http/NAME; where questions are asked also module:function.",
)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Print an error that is meant to be read, without a traceback, and leave with 2 for misuse or 1 otherwise."""
    try:
        yield
    except RaglassError as error:
        complain(str(error))
        sys.exit(2 if isinstance(error, InputError) else 1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if error.errno not in FULL:
            raise
        complain(
            f"{error.filename or 'What is printed'} cannot be written: the disk is full. Make room, or write to another disk."
        )
        _drop_printed()
        sys.exit(1)


def _drop_printed() -> None:
    """Say nothing more to standard output, which is tried once again when Python ends."""
    with suppress(OSError), open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())


@contextmanager
def opened() -> Iterator["Services"]:
    """The process's services, closed at the end. Imports come late so that `--help` is quick."""
    with readable_errors(), making_private():
        from app.permitting.acting import acting_as
        from app.services import services

        current = services()
        start_log(current.settings.log_level)
        try:
            with acting_as(shell_person()):
                yield current
        finally:
            current.close()


def shell_person() -> "Person":
    """Whoever has the machine: its user, who may do all."""
    import getpass

    from app.permitting.roles import Person, Role

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return Person(f"{user} in a shell", Role.ADMIN)


def start_log(level: str) -> None:
    """Write log lines of this level and above to standard error, but none that hold a secret."""
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    for name in TELLS_SECRETS:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))


@contextmanager
def progress_line(every_s: float | None = None) -> Iterator[Callable[[str], None]]:
    """A line on standard error that is written over and over, and is gone at the end.

    every_s: on what is no terminal, a line of its own as often as this, the first one after as long; None for none.
    """
    if not sys.stderr.isatty():
        yield _lines(every_s)
        return
    try:
        yield lambda line: click.echo(f"\r\033[K{line}", err=True, nl=False)
    finally:
        click.echo("\r\033[K", err=True, nl=False)


def _lines(every_s: float | None) -> Callable[[str], None]:
    last = time.monotonic()

    def tell(line: str) -> None:
        nonlocal last
        if every_s is not None and time.monotonic() - last >= every_s:
            last = time.monotonic()
            click.echo(line, err=True)

    return tell


@contextmanager
def stopped_by_interrupt(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C, whenever it comes, ends the command with 130 and says so: at the next safe point, at once if it comes again.

    stop: what the work looks at. What is written to the disk is whole at every moment, so that ending at once loses what is under way and
    no more.
    """

    def ask(*_: object) -> None:
        if stop.is_set():
            os.write(2, b"\nStopped.\n")
            os._exit(INTERRUPTED)
        stop.set()
        os.write(2, b"\nStopping \xe2\x80\xa6 (Ctrl-C again to stop at once)\n")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    except SystemExit:
        if not stop.is_set():
            raise
    finally:
        signal.signal(signal.SIGINT, before)
    if stop.is_set():
        click.echo("Stopped.", err=True)
        sys.exit(INTERRUPTED)


@contextmanager
def stopping_on_interrupt(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C asks long work to stop at the next safe point, a second one ends it there and then."""

    def ask(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("\nStopping once what is under way is done (again to stop at once) …", err=True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def print_json(data: Any) -> None:
    """Print JSON for a program: ASCII, so that no text of a document can act on a terminal or break a pipe's encoding."""
    click.echo(json.dumps(data, indent=2))


def complain(message: str) -> None:
    """Say on standard error what is wrong, without characters that would act on a terminal."""
    from app.kit.plain import printable

    click.echo(f"raglass: {printable(message)}", err=True)
