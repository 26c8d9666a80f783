"""`raglass quality`: what the quality rules say of late, and how far they have come."""

import time
from dataclasses import asdict

import click

from app.shell.command import json_option, opened, print_json


@click.command()
@click.option("--last", default="1d", show_default=True, metavar="AGE", help="Of how long: 90m, 12h, 7d.")
@click.option("--backend", help="Of this backend's traces alone.")
@json_option
def quality(last: str, backend: str | None, as_json: bool) -> None:
    """Say how answers of late hold up, rule by rule, against those before. Nothing is scored here: a dashboard does that."""
    with opened() as current:
        from app.quality.recent import read_window
        from app.quality.words import headline, quality_text
        from app.traces.deleting import parse_age

        now_s = time.time()
        found = read_window(current.store, now_s - parse_age(last), now_s, backend=backend)
        state = current.quality.state()
        if as_json:
            rules = [{"headline": headline(each), **asdict(each)} for each in found]
            print_json({"rules": rules, "watching": asdict(state)})
            return
        click.echo(quality_text(found, state, now_s))
