"""`raglass corpus`: the documents, listed, shown and removed."""

from dataclasses import asdict

import click

from app.shell.command import backend_option, complain, json_option, opened, print_json
from app.shell.commands import Commands


@click.group(cls=Commands)
def corpus() -> None:
    """The documents of a local backend's corpus. `raglass index` adds and follows files."""


@corpus.command(name="list")
@click.option("--search", default="", help="Literal text of the title or source.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="Documents to list.")
@backend_option
@json_option
def list_(search: str, limit: int, backend: str | None, as_json: bool) -> None:
    """List documents and how each stands: waiting, failed, pending, read in part or indexed; and the folders that are followed."""
    with opened() as current:
        from app.documents.listing import list_documents, list_sources
        from app.documents.words import listing_text, sources_text
        from app.shell.index import open_corpus

        found = open_corpus(current, backend)
        listing = list_documents(found, search, limit)
        sources = list_sources(found.library)
        if as_json:
            rows = [asdict(row) for row in listing.rows]
            print_json({"documents": rows, "total": listing.total, "sources": [asdict(source) for source in sources]})
            return
        click.echo(listing_text(listing))
        if sources and not search:
            click.echo(sources_text(sources))


@corpus.command()
@click.argument("document")
@click.option("--text", "whole", is_flag=True, help="Print the whole text rather than chunks.")
@backend_option
@json_option
def show(document: str, whole: bool, backend: str | None, as_json: bool) -> None:
    """Show a document, by its id or its source: its chunks with their places, or its text."""
    with opened() as current:
        from app.documents.lookup import show_documents
        from app.documents.words import shown_text
        from app.shell.index import open_corpus

        found = show_documents(open_corpus(current, backend), document)
        if as_json:
            print_json([asdict(each) for each in found])
            return
        click.echo("\n\n".join(shown_text(each, whole=whole) for each in found))


@corpus.command()
@click.argument("targets", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@backend_option
@json_option
def remove(targets: tuple[str, ...], yes: bool, backend: str | None, as_json: bool) -> None:
    """Remove documents, files or followed folders, by id or path. A removed file stays away until it is named to `raglass index` itself."""
    with opened() as current:
        from app.documents.lookup import find_target, remove_target
        from app.documents.words import STALE, removal_words
        from app.kit.numbers import count
        from app.shell.index import open_corpus

        library = open_corpus(current, backend).library
        found = [find_target(library, target) for target in targets]
        if not yes:
            click.echo(f"To be removed:\n{removal_words(found)}", err=True)
            if not click.confirm("Remove?", err=True):
                complain("nothing was removed.")
                return
        removed = sum(remove_target(library, target) for target in found)
        if as_json:
            print_json({"removed": removed})
        else:
            click.echo(f"{count(removed, 'document')} removed. {STALE}")
