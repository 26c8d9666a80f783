"""`raglass dataset synthesise`: questions that are written from the documents."""

import click


@click.command()
def synthesise() -> None:
    """Not here yet."""
