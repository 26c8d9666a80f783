"""`raglass explain --by-asking-again`: what the answer becomes without each chunk, in a shell."""

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from app.shell.command import INTERRUPTED, print_json, progress_line
from pipeline.errors import InputError

if TYPE_CHECKING:
    from app.services import Services
    from pipeline.types import Trace


def ask_without_each(current: "Services", trace: "Trace", *, alone: bool, as_json: bool) -> int:
    """Say what it will take, ask, and print what came of it; Ctrl-C keeps what was answered. Returns the status to leave with.

    alone: whether no other option was given but for JSON. Raises InputError where one was, and for a trace that cannot be asked again.
    """
    from app.explaining.regenerated import regenerate
    from app.explaining.regenerated_words import estimate_words, progress_words, regenerated_text, regenerated_to_dict

    if not alone:
        raise InputError(
            "--by-asking-again scores nothing, so that only --json goes with it. Leave the other options out."
        )
    why_not = current.playground.why_not_as_recorded(trace)
    if why_not is not None:
        raise InputError(why_not)
    click.echo(estimate_words(trace), err=True)
    found = None
    with suppress(KeyboardInterrupt), progress_line(every_s=10) as tell:
        for found in regenerate(trace, current.playground.ask_as_recorded):
            tell(progress_words(found))
    if found is None:
        return INTERRUPTED
    if as_json:
        print_json(regenerated_to_dict(found))
    else:
        click.echo(regenerated_text(found))
    if found.problem or found.unchanged is None:
        return 1
    return 0 if found.complete else INTERRUPTED
