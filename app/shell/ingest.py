"""`raglass ingest`: fills a stack's Pinecone index with a corpus."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.shell.command import complain, json_option, opened, print_json
from pipeline.errors import InputError

if TYPE_CHECKING:
    from app.services import Services
    from backends.local.documents import Document
    from serving.ingest import Embed, IngestProgress


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--index", "index_name", default="raglass", show_default=True, help="Pinecone index; made if there is none."
)
@click.option("--namespace", default="", help="Namespace in it.")
@click.option("--endpoint", help="SageMaker endpoint that embeds; without it, the local embedder of the profile does.")
@click.option("--cloud", default="aws", show_default=True, help="Cloud of a new index.")
@click.option("--region", default="us-east-1", show_default=True, help="Region of a new index.")
@json_option
def ingest(
    paths: tuple[Path, ...],
    index_name: str,
    namespace: str,
    endpoint: str | None,
    cloud: str,
    region: str,
    as_json: bool,
) -> None:
    """Make a Pinecone index hold the corpus, or the files in PATHS and nothing else. Needs PINECONE_API_KEY.

    Ctrl-C stops; the same command goes on from there.
    """
    with opened() as current:
        from backends.aws.pinecone_space import open_space
        from backends.local.build import cut_documents
        from backends.local.chunking import Chunking
        from serving.ingest import ingest as fill

        chunking = Chunking.parse(current.settings.chunking)
        rows = cut_documents(read_documents(current, paths), lambda progress: None, chunking).rows
        embed, dimension, embedder = choose_embedder(current, endpoint)
        try:
            with open_space(index_name, namespace, dimension, cloud=cloud, region=region) as space:
                done = fill(rows, embed, space, embedder=embedder, on_progress=show_progress)
        except KeyboardInterrupt:
            complain("stopped. What was put into the index stays there; the same command goes on from here.")
            sys.exit(130)
        if as_json:
            print_json(asdict(done))
        else:
            click.echo(
                f"{done.upserted:,} put in, {done.unchanged:,} unchanged, {done.deleted:,} taken out; "
                f"the index {index_name} holds {done.total:,} chunks."
            )


def read_documents(current: "Services", paths: Sequence[Path]) -> "list[Document]":
    """The corpus's documents, or those of the files. Raises InputError for a file that cannot be read: nothing is put in then."""
    from backends.local.documents import Extractor, find_files

    if not paths:
        corpus = current.backends.corpus(f"local/{current.settings.profile}")
        return [] if corpus is None else list(corpus.documents())
    files = [file for path in paths for file in find_files(path).files]
    if not files:
        raise InputError("There is no file to read in these paths.")
    with Extractor(current.settings.read_limits()) as extractor:
        return [document for file in files for document in extractor.read(file.name, file)]


def choose_embedder(current: "Services", endpoint: str | None) -> "tuple[Embed, int, str]":
    """What embeds, the dimension of its vectors, and its identity."""
    if endpoint is None:
        corpus = current.backends.corpus(f"local/{current.settings.profile}")
        if corpus is None:
            raise InputError("The local backend has no embedder here. Name an endpoint with --endpoint.")
        return corpus.embed, corpus.dimension, corpus.embedder_fingerprint
    import os

    import boto3

    from serving.embedding import through_endpoint

    session = boto3.Session(region_name=current.settings.aws_region or None)
    region = session.region_name or "us-east-1"
    remote = through_endpoint(endpoint, region, session.get_credentials(), os.environ)
    return remote.embed, remote.dimension, remote.identity


def show_progress(progress: "IngestProgress") -> None:
    """A line on a terminal."""
    from app.kit.numbers import rough_time

    if sys.stderr.isatty():
        left = "" if progress.remaining_s is None else f", about {rough_time(progress.remaining_s)} left"
        click.echo(f"\r\033[K{progress.step}: {progress.done:,} of {progress.total:,}{left}", err=True, nl=False)
        if progress.done == progress.total:
            click.echo("", err=True)
