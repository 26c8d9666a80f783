"""`raglass index`: folders and files that the corpus of a local backend follows."""

import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import (
    backend_option,
    complain,
    json_option,
    opened,
    print_json,
    progress_line,
    stopped_by_interrupt,
)
from pipeline.errors import InputError

if TYPE_CHECKING:
    from app.documents.job import IndexJob, JobState
    from app.documents.outcome import Outcome
    from app.documents.preview import Preview
    from app.services import Services
    from backends.local.corpus import LocalCorpus
    from backends.local.documents import Source

TELL_S = 5.0
"""How often progress is told where there is no terminal."""

POLL_S = 0.2

ELSEWHERE = (
    "This backend keeps its documents elsewhere: `raglass ingest` fills a stack's index. "
    "Choose a local one with --backend local/embedded."
)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--include", multiple=True, metavar="PATTERN", help="Read only such files; remembered with the folder.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Read no such files or folders; remembered, too.")
@click.option("--keep-missing", is_flag=True, help="Keep the documents of files that are gone.")
@click.option("--dry-run", is_flag=True, help="Say what each file would give and what would change; keep nothing.")
@click.option("--rebuild", is_flag=True, help="Build the index anew even if it is up to date.")
@backend_option
@json_option
def index(
    paths: tuple[Path, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    keep_missing: bool,
    dry_run: bool,
    rebuild: bool,
    backend: str | None,
    as_json: bool,
) -> None:
    """Follow folders or files, and build the index of their documents.

    New, changed, renamed and deleted files are told and followed when the same PATH is given again; without a PATH, every
    folder and file that was ever given is looked at. Text, Markdown, source code, web pages, EPUB, PDF, Office files, notebooks, mails,
    CSV, JSON and ZIP are read: docs/corpus.md has them all. A PATTERN is a name (drafts, *.tmp.md) or a path from the folder (old/*.pdf).

    Ctrl-C stops; the same command goes on from there.
    """
    stop = threading.Event()
    with stopped_by_interrupt(stop), opened() as current:
        corpus = open_corpus(current, backend)
        sources = choose_sources(corpus, paths, include, exclude)
        if stop.is_set():
            return
        if dry_run:
            preview_sources(current, corpus, sources, keep_missing, stop, as_json)
            return
        job = current.indexing.start(corpus, sources=sources, keep_missing=keep_missing, rebuild=rebuild)
        follow(job, stop)
        if print_index(job.state, as_json):
            sys.exit(1)


def open_corpus(current: "Services", backend: str | None) -> "LocalCorpus":
    """The corpus of a local backend. Raises InputError for another one."""
    corpus = current.backends.corpus(backend or current.settings.backend_name, build=False)
    if corpus is None:
        raise InputError(ELSEWHERE)
    return corpus


def choose_sources(
    corpus: "LocalCorpus", paths: tuple[Path, ...], include: tuple[str, ...], exclude: tuple[str, ...]
) -> "list[Source]":
    """The sources at these paths, or all there are. Raises InputError for a path at which nothing is or ever was."""
    from app.documents.following import settle_source

    if (include or exclude) and not paths:
        raise InputError("--include and --exclude belong to a PATH. Name the folder that they are for.")
    if not paths:
        return corpus.library.sources.all()
    settled = [settle_source(corpus.library, path, include, exclude) for path in paths]
    return list({source.root: source for source in settled}.values())


def follow(job: "IndexJob", stop: threading.Event) -> None:
    """See an indexing job through, with a line of progress; once `stop` is set it is asked to stop, and waited for."""
    from app.documents.words import WAITING, estimate_sentence, progress_text

    told = set[str]()

    def tell_once(words: str) -> None:
        if words not in told:
            told.add(words)
            click.echo(words, err=True)

    with progress_line(TELL_S) as tell:
        while job.running:
            job.wait(POLL_S)
            if stop.is_set():
                job.stop()
            state = job.state
            if state.estimate is not None:
                tell_once(estimate_sentence(state.estimate))
            if state.progress is not None and state.progress.step == "wait":
                tell_once(WAITING)
            tell(progress_text(state))


def print_index(state: "JobState", as_json: bool) -> bool:
    """Say how an indexing job ended; whether it failed, or something of it did."""
    outcome, manifest = state.outcome, state.manifest
    if as_json:
        about = {
            "phase": state.phase,
            "message": state.message,
            "index": None if manifest is None else asdict(manifest),
        }
        print_json(about | outcome_data(outcome))
    else:
        from app.documents.words import index_text

        click.echo(index_text(state))
        complain_of(outcome)
        if state.message:
            complain(state.message)
    return state.phase == "failed" or bool(outcome.failed or outcome.missing)


def complain_of(outcome: "Outcome") -> None:
    """Say of every file that was passed over, read in part or not at all, and of every source that is not there, why."""
    from app.documents.words import missing_words, named_message, passed_over_lines

    for line in passed_over_lines(outcome.passed_over):
        complain(f"passed over {line}")
    for path, doubt in outcome.doubts:
        complain(named_message(path, doubt))
    for path, message in outcome.failed:
        complain(named_message(path, message))
    for each in outcome.missing:
        complain(missing_words(each))


def outcome_data(outcome: "Outcome") -> dict[str, Any]:
    """What became of the files, for a program."""
    return {
        "changes": [asdict(each) for each in outcome.changes],
        "unchanged": outcome.unchanged,
        "documents": outcome.documents,
        "kept": outcome.kept,
        "errors": [{"file": path, "message": message} for path, message in outcome.failed],
        "doubts": [{"file": path, "message": message} for path, message in outcome.doubts],
        "passed_over": [{"file": str(each.path), "reason": each.reason} for each in outcome.passed_over],
        "missing": [asdict(each) for each in outcome.missing],
    }


def preview_sources(
    current: "Services",
    corpus: "LocalCorpus",
    sources: "list[Source]",
    keep_missing: bool,
    stop: threading.Event,
    as_json: bool,
) -> None:
    """Say what following the sources would do. Leaves with 1 where a file could not be read."""
    from app.documents.job import Stopped
    from app.documents.preview import preview
    from app.kit.plain import printable
    from backends.local.documents import ReadStopped

    with progress_line(TELL_S) as tell:
        try:
            found = preview(
                corpus,
                sources,
                limits=current.indexing.limits,
                keep_missing=keep_missing,
                stopping=stop.is_set,
                on_file=lambda number, total, path: tell(printable(f"Reading file {number + 1} of {total}: {path}")),
            )
        except (Stopped, ReadStopped):
            return
    print_preview(found, as_json)
    if found.outcome.failed or found.outcome.missing:
        sys.exit(1)


def print_preview(found: "Preview", as_json: bool) -> None:
    """Say what each file would give."""
    if as_json:
        data = {
            "files": [asdict(each) for each in found.files],
            "estimate": None if found.estimate is None else asdict(found.estimate),
        }
        print_json(data | outcome_data(found.outcome))
        return
    from app.documents.words import missing_words, passed_over_lines, preview_text

    click.echo(preview_text(found))
    for line in passed_over_lines(found.outcome.passed_over):
        complain(f"passed over {line}")
    for each in found.outcome.missing:
        complain(missing_words(each))
