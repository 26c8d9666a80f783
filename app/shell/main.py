"""`raglass`: the same use cases in a shell. `--json` prints what a program would read; messages go to standard error."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import backend_option, complain, json_option, opened, print_json, progress_line
from app.shell.deploy import deploy
from app.shell.eval import evaluate
from app.shell.ingest import ingest
from app.shell.stability import stability
from app.shutdown import ending_well_on_sigterm
from pipeline.errors import InputError

if TYPE_CHECKING:
    pass


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="raglass")
def main() -> None:
    """A RAG pipeline under glass. Settings are RAGLASS_* variables: see docs/settings.md."""


main.add_command(ingest)
main.add_command(deploy)
main.add_command(evaluate)
main.add_command(stability)


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
def serve(host: str | None, port: int | None) -> None:
    """Start the dashboard. SIGTERM ends it with status 0 once the questions in flight are answered."""
    with ending_well_on_sigterm(), opened() as current:
        settings = replace(current.settings, host=host or current.settings.host, port=port or current.settings.port)
        check_port(settings.host, settings.port)
        name = settings.backend_name
        click.echo("Opening the backend and, the first time, building the index of the built-in corpus …")
        problems = current.check_ready()
        for part, problem in problems.items():
            if problem:
                complain(f"{part} ({name}) is not ready: {problem}")
        from app.server import app, streamlit_options

        click.echo(f"Raglass is at http://{shown_host(settings.host)}:{settings.port} (Ctrl-C ends it)")
        with suppress(KeyboardInterrupt):
            app.run(config=streamlit_options(settings))


@main.command()
@click.argument("question")
@click.option("--top-k", type=int, help="Chunks to retrieve.")
@click.option("--deadline", type=float, help="Seconds for everything.")
@click.option("--rerank/--no-rerank", default=False, help="Look at the order of the chunks a second time.")
@backend_option
@json_option
def ask(
    question: str, top_k: int | None, deadline: float | None, rerank: bool, backend: str | None, as_json: bool
) -> None:
    """Ask a question; print the answer, its chunks and where the time went. Leaves with 1 if a stage failed."""
    with opened() as current:
        from app.traces.words import trace_text
        from pipeline.schema import trace_to_dict

        usual = current.question(question)
        asked = current.ask(
            replace(
                usual,
                backend=backend or usual.backend,
                top_k=usual.top_k if top_k is None else top_k,
                deadline_s=usual.deadline_s if deadline is None else deadline,
                rerank=rerank,
            )
        )
        if as_json:
            print_json(trace_to_dict(asked.trace) | {"unaccounted_ms": asked.trace.unaccounted_ms})
        else:
            click.echo(trace_text(asked.trace))
        if asked.not_stored:
            complain(f"the trace was not stored. {asked.not_stored}")
        if asked.trace.error is not None or asked.not_stored:
            sys.exit(1)


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--rebuild", is_flag=True, help="Build the index anew even if it is up to date.")
@backend_option
@json_option
def index(paths: tuple[Path, ...], rebuild: bool, backend: str | None, as_json: bool) -> None:
    """Add files or folders to the corpus and build its index. Ctrl-C stops; the same command goes on from there."""
    with opened() as current:
        from app.documents.indexing import Upload
        from backends.local.documents import find_files

        corpus = current.corpus(backend or current.settings.backend_name)
        if corpus is None:
            raise InputError(
                "This backend keeps its documents elsewhere: `raglass ingest` fills a stack's index. "
                "Choose a local one with --backend local/embedded."
            )
        found = [find_files(path) for path in paths]
        files = [file for each in found for file in each.files]
        passed_over = sum(each.hidden + each.unknown + each.unreadable for each in found)
        job = current.start_indexing(corpus, [Upload(file.name, file) for file in files], rebuild=rebuild)
        follow(job)
        print_index(job.state, passed_over, as_json)


def follow(job: Any) -> None:
    """Run an indexing job, with a line of progress on a terminal; Ctrl-C asks it to stop and waits for the batch under way."""
    from app.traces.words import progress_text

    with progress_line() as tell:
        while job.running:
            try:
                job.wait(0.2)
                tell(progress_text(job.state))
            except KeyboardInterrupt:
                click.echo("\nStopping after this batch …", err=True)
                job.stop()


def print_index(state: Any, passed_over: int, as_json: bool) -> None:
    """Say how an indexing job ended. Leaves with 1 if it failed or a file could not be read, 130 if it was stopped."""
    outcome, manifest = state.outcome, state.manifest
    if as_json:
        print_json(
            {
                "phase": state.phase,
                "added": outcome.added,
                "replaced": outcome.replaced,
                "unchanged": outcome.unchanged,
                "passed_over": passed_over,
                "errors": [{"file": file, "message": message} for file, message in outcome.errors],
                "message": state.message,
                "index": None if manifest is None else asdict(manifest),
            }
        )
    else:
        from app.traces.words import index_text

        click.echo(index_text(state, passed_over))
        for file, message in outcome.errors:
            complain(f"{file}: {message}")
        if state.message:
            complain(state.message)
    if state.phase == "stopped":
        sys.exit(130)
    if state.phase == "failed" or outcome.errors:
        sys.exit(1)


@main.command()
@click.option("--search", default="", help="Literal text of the question, answer or note.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Traces to list.")
@click.option("--id", "trace_id", help="Print one trace.")
@click.option("--export", type=click.Choice(["jsonl", "csv"]), help="Print every matching trace in this form.")
@json_option
def traces(search: str, limit: int, trace_id: str | None, export: str | None, as_json: bool) -> None:
    """List stored traces, newest first; print one; or export them."""
    with opened() as current:
        from app.traces import words as report
        from metrics.export import to_csv, to_jsonl
        from metrics.queries import TraceQuery
        from pipeline.schema import trace_to_dict

        query = TraceQuery(search=search)
        if trace_id:
            trace = current.trace(trace_id)
            if as_json:
                print_json(trace_to_dict(trace))
            else:
                click.echo(report.trace_text(trace))
        elif export:
            writer: Callable[..., Iterator[str]] = to_csv if export == "csv" else to_jsonl
            for part in writer(current.store.export(query)):
                click.echo(part, nl=False)
        else:
            page = current.store.page(query, limit=limit)
            if as_json:
                print_json([asdict(row) for row in page.rows])
            else:
                click.echo(report.traces_text(page))


@main.command()
@click.argument("trace_id")
@click.option("--sentences", is_flag=True, help="Tell the chunks' sentences apart instead of the chunks.")
@click.option(
    "--gold",
    help="The right answer (several separated by |): say which stage is to blame, and try repairs. Of a run's trace it is known.",
)
@click.option("--article", default="", help="Title or id of the document that holds it.")
@click.option("--no-answer", is_flag=True, help="The documents have no answer: say whether abstaining was right.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Also write a page (HTML) to print or send."
)
@json_option
def explain(
    trace_id: str, sentences: bool, gold: str | None, article: str, no_answer: bool, report: Path | None, as_json: bool
) -> None:
    """Say which chunks a stored trace's answer stands on, and whether that can be believed. Ctrl-C keeps what was scored."""
    with opened() as current:
        from app.shell.explain import explain_one
        from explain.gold import Gold

        right = Gold.parse(gold or "", article, unanswerable=no_answer) if gold or no_answer or article else None
        status = explain_one(
            current, current.trace(trace_id), "sentences" if sentences else "chunks", right, report, as_json=as_json
        )
        sys.exit(status)


@main.command()
@backend_option
@json_option
def status(backend: str | None, as_json: bool) -> None:
    """Say whether every part is ready, and print versions and settings (secrets masked). Leaves with 1 if one is not."""
    with opened() as current:
        from app.status.readiness import read_status
        from app.traces.words import status_text

        found = read_status(current, backend)
        if as_json:
            print_json(asdict(found) | {"ready": found.ready})
        else:
            click.echo(status_text(found))
        if not found.ready:
            sys.exit(1)


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
