"""`raglass traces`: what is stored, listed, printed, exported or deleted."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import click
from click.core import ParameterSource

from app.shell.command import json_option, opened, print_json
from app.shell.commands import Commands
from app.shell.delete import delete
from app.shell.filtering import chosen_filters, filter_options
from app.shell.imports import import_traces


@click.group(cls=Commands, invoke_without_command=True)
@filter_options
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Traces to list.")
@click.option("--id", "trace_id", help="Print one trace.")
@click.option("--export", type=click.Choice(["jsonl", "csv"]), help="Print every matching trace in this form.")
@json_option
@click.pass_context
def traces(
    context: click.Context, /, limit: int, trace_id: str | None, export: str | None, as_json: bool, **chosen: Any
) -> None:
    """List stored traces, newest first; print one; or export them. `delete` and `import` are commands below it."""
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    with opened() as current:
        from app.traces.lookup import find_trace
        from app.traces.words import trace_text, traces_text
        from metrics.export import to_csv, to_jsonl
        from pipeline.schema import trace_to_dict

        query = chosen_filters(current.store, **chosen).to_query()
        if trace_id:
            trace = find_trace(current.store, trace_id)
            if as_json:
                print_json(trace_to_dict(trace))
            else:
                click.echo(trace_text(trace))
        elif export:
            writer: Callable[..., Iterator[str]] = to_csv if export == "csv" else to_jsonl
            for part in writer(current.store.export(query)):
                click.echo(part, nl=False)
        else:
            page = current.store.page(query, limit=limit)
            if as_json:
                print_json([asdict(row) for row in page.rows])
            else:
                click.echo(traces_text(page))


def _refuse_options(context: click.Context) -> None:
    """Raise UsageError for options of the list before another command's name, where they would choose nothing."""
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"Give options after `{context.invoked_subcommand}`.")


traces.add_command(delete)
traces.add_command(import_traces)
