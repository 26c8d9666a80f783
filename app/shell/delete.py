"""`raglass traces delete`: traces deleted for good."""

import sys
import threading
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import complain, json_option, opened, print_json, progress_line, stopped_by_interrupt
from app.shell.filtering import chosen_filters, filter_options
from pipeline.errors import InputError

if TYPE_CHECKING:
    from metrics.forgetting import Forgotten, Sparing
    from metrics.queries import TraceQuery
    from metrics.store import TraceStore

TELL_S = 5.0
"""How often progress is told where there is no terminal."""


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]…")
@click.option("--older-than", metavar="AGE", help="Asked longer ago than this: 12h, 30d, 8w.")
@click.option("--backend", "backends", multiple=True, help="Answered by this backend.")
@filter_options
@click.option("--all", "everything", is_flag=True, help="Every trace.")
@click.option(
    "--with-runs",
    is_flag=True,
    help="Also what runs and studies hold; their figures stay, the traces behind them do not.",
)
@click.option("--with-feedback", is_flag=True, help="Also what is rated or noted; what is named by ID goes anyway.")
@click.option(
    "--with-kept", is_flag=True, help="Also what has a tag of RAGLASS_KEEP_TAGS; what is named by ID goes anyway."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(
    ids: tuple[str, ...],
    older_than: str | None,
    everything: bool,
    with_runs: bool,
    with_feedback: bool,
    with_kept: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Delete traces for good: those with these IDs, or those that meet every condition. See docs/keeping.md.

    What a run or a study holds, is rated or noted, or is tagged `keep` stays unless said otherwise. Latencies of Live stay.

    Ctrl-C stops after the batch under way; the same command goes on from there.
    """
    stop = threading.Event()
    with stopped_by_interrupt(stop), opened() as current:
        from app.traces.deleting import parse_age
        from metrics.forgetting import NAMED, Sparing
        from metrics.retention import read_tags

        _check_choice(ids, older_than is not None or any(chosen.values()), everything)
        query = chosen_filters(current.store, **chosen).to_query()
        if older_than is not None:
            query = replace(query, asked_to=time.time() - parse_age(older_than))
        tags = frozenset() if with_kept else read_tags(current.settings.keep_tags)
        sparing = replace(NAMED, runs=not with_runs) if ids else Sparing(not with_runs, not with_feedback, tags)
        sys.exit(_delete(current.store, ids or query, sparing, stop, dry_run=dry_run, yes=yes, as_json=as_json))


def _check_choice(ids: tuple[str, ...], narrowed: bool, everything: bool) -> None:
    """Raise InputError unless traces are chosen in exactly one way."""
    if sum((bool(ids), narrowed, everything)) == 1:
        return
    if ids or narrowed:
        raise InputError("Name traces by ID, or give conditions, or say --all; not several of these.")
    raise InputError("Which traces? Name them by ID, give conditions such as --older-than 30d, or say --all.")


def _delete(
    store: "TraceStore",
    chosen: "TraceQuery | tuple[str, ...]",
    sparing: "Sparing",
    stop: threading.Event,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Say what would be done, ask, do it, say what was done. Returns the status to leave with."""
    from app.traces.changing import delete_traces
    from app.traces.deleting import done_text, first_lines, plan_text

    planned = store.forget(chosen, sparing=sparing, dry_run=True)
    if dry_run:
        _print(planned, "\n".join([plan_text(planned), *first_lines(planned, store.get)]), as_json)
        return _status(planned)
    click.echo(plan_text(planned), err=True)
    if planned.deleted and not yes and not click.confirm("Delete them for good?", err=True):
        click.echo("Nothing was deleted.", err=True)
        return 1
    with progress_line(TELL_S) as tell:
        done = delete_traces(
            store,
            chosen,
            sparing=sparing,
            on_progress=lambda now: tell(f"{now.deleted:,} of {planned.deleted:,} deleted"),
            stopping=stop.is_set,
        )
    _print(done, done_text(done), as_json)
    return _status(done)


def _print(found: "Forgotten", words: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
    else:
        click.echo(words)


def _status(found: "Forgotten") -> int:
    """1 where an id is not stored."""
    for trace_id in found.missing:
        complain(f"there is no trace {trace_id[:64]!r}")
    return 1 if found.missing else 0
