"""`raglass costs`: what the stored traces' models took and cost by the token, by day."""

import click

from app.shell.command import json_option, opened, print_json


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 366), default=7, show_default=True, help="Days, today's among them (UTC)."
)
@json_option
def costs(days: int, as_json: bool) -> None:
    """Tokens and cost by day and model, of the stored traces, by a dated table of list prices. What is not known is said."""
    with opened() as current:
        from app.live.spending import read_spending, spending_text, spending_to_dict

        found = read_spending(current.store, days)
        if as_json:
            print_json(spending_to_dict(found))
        else:
            click.echo(spending_text(found))
