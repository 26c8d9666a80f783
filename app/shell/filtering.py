"""The options by which a command chooses traces: what the page filters by, the same words."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import parse_qs

import click

from pipeline.spans import SPAN_KINDS
from pipeline.types import Origin

if TYPE_CHECKING:
    from app.traces.filters import TraceFilters
    from metrics.store import TraceStore

OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--search", default="", help="Literal text of the question, answer or note."),
    click.option("--where", "expression", default="", metavar="EXPRESSION", help="A condition; see docs/filters.md."),
    click.option("--view", metavar="NAME", help="A saved view; other options take the place of what it says."),
    click.option("--tag", "tags", multiple=True, help="Has this tag; again for one of several."),
    click.option("--session", "of_session", default="", help="In this conversation."),
    click.option("--user", "of_user", default="", help="Asked under this name."),
    click.option("--service", "services", multiple=True, help="This application had a part in it."),
    click.option("--model", "models", multiple=True, help="Called this model."),
    click.option("--kind", "kinds", multiple=True, type=click.Choice(SPAN_KINDS), help="Some span is of this kind."),
    click.option("--origin", "origins", multiple=True, type=click.Choice(get_args(Origin)), help="Whence it came."),
)
"""Every option, with the field of `TraceFilters` that it sets."""


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it gets them as keyword arguments, for `chosen_filters`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def chosen_filters(store: "TraceStore", view: str | None, **chosen: Any) -> "TraceFilters":
    """The filters that options stand for. Raises InputError for a view that there is not."""
    from app.traces.filters import TraceFilters

    base = TraceFilters() if view is None else TraceFilters.from_address(parse_qs(store.views.find(view).address))
    return replace(base, **{name: value for name, value in chosen.items() if value})
