"""`raglass backup` and `raglass restore`: the whole trace store in one file, and back."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.kit.numbers import count
from app.shell.command import json_option, opened, print_json, progress_line, stopped_by_interrupt
from pipeline.errors import InputError

if TYPE_CHECKING:
    from metrics.upkeep import Mode

TELL_S = 5.0
"""How often progress is told where there is no terminal."""

NOT_IN_IT = (
    "Not in it: documents of the corpus, indexes, records of Lab's studies (all in RAGLASS_DATA_DIR), and settings."
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="In place of a file that is there.")
@json_option
def backup(file: Path, force: bool, as_json: bool) -> None:
    """Write the whole trace store to FILE, as it is at this moment, while the dashboard goes on.

    It holds traces with feedback and explanations, runs, calibrations, latencies, saved views, and keys (as digests), in one form for
    SQLite and PostgreSQL, and is checked before it gets its name. See docs/keeping.md.
    """
    stop = threading.Event()
    with stopped_by_interrupt(stop), opened() as current:
        from app.status.versions import installed_versions
        from metrics.backup import Stopped

        with suppress(Stopped), progress_line(TELL_S) as tell:
            made = current.store.upkeep.back_up(
                file,
                installed_versions()["raglass"],
                force=force,
                on_progress=_counting(tell, "rows written"),
                stopping=stop.is_set,
            )
        if stop.is_set():
            return
        if as_json:
            print_json(asdict(made))
            return
        traces = made.counts["traces"] + made.counts["outbox"]
        size = file.stat().st_size / 1e6
        click.echo(
            f"{file}: {count(traces, 'trace')}, {count(made.counts['runs'], 'run')}, {size:.3g} MB, checked. {NOT_IN_IT}"
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", "replacing", is_flag=True, help="In place of what the store holds, which is deleted.")
@click.option("--merge", "merging", is_flag=True, help="Add what the store lacks; what is there stays as it is.")
@click.option("--check", "checking", is_flag=True, help="Only check the file.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def restore(file: Path, replacing: bool, merging: bool, checking: bool, yes: bool, as_json: bool) -> None:
    """Put a backup back: into an empty store unless said otherwise, of either database.

    The file is checked before anything is touched. Filling an empty store, or replacing, happens as a whole or not at all.
    """
    if sum((replacing, merging, checking)) > 1:
        raise click.UsageError("Give one of --replace, --merge and --check, or none.")
    stop = threading.Event()
    with stopped_by_interrupt(stop), opened() as current:
        from app.permitting.acting import record
        from metrics.backup import Stopped
        from metrics.restoring import check

        with suppress(Stopped), progress_line(TELL_S) as tell:
            if checking:
                found = check(file, _counting(tell, "rows checked"), stop.is_set)
                print_json(asdict(found)) if as_json else click.echo(
                    f"{file} is whole: {count(found.counts['traces'], 'trace')}."
                )
                return
            mode: Mode = "replace" if replacing else "merge" if merging else "empty"
            if replacing and not yes:
                _confirm(current.store.count(), file)
            came = current.store.upkeep.restore(
                file,
                mode,
                on_check=_counting(tell, "rows checked"),
                on_progress=_counting(tell, "traces looked at" if merging else "rows restored"),
                stopping=stop.is_set,
            )
        if merging or not stop.is_set():  # what was merged until it was stopped stays
            record(f"restored a backup ({mode})", file.name)
        if not stop.is_set():
            print_json({"traces": came, "mode": mode}) if as_json else click.echo(
                f"{count(came, 'trace')} came from {file}."
            )


def _confirm(stored: int, file: Path) -> None:
    if not click.confirm(
        f"Delete what is stored, {count(stored, 'trace')} with runs and keys, for what {file} holds?", err=True
    ):
        raise InputError("Nothing was changed.")


def _counting(tell: Callable[[str], object], what: str) -> Callable[[int, int], object]:
    return lambda done, total: tell(f"{done:,} of {total:,} {what}")
