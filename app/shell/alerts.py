"""`raglass alerts`: rules that raise alerts, the alerts, silences, and a message to try the channels."""

import sys
from typing import Any

import click

from app.shell.command import json_option, opened, print_json
from app.shell.commands import Commands
from pipeline.errors import InputError


@click.group(cls=Commands)
def alerts() -> None:
    """Alerts on latency, errors, abstentions, drift and quality; a dashboard watches for them. See docs/alerts.md."""


@alerts.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="Alerts at most.")
@json_option
def list_alerts(only_open: bool, limit: int, as_json: bool) -> None:
    """List alerts: the open ones first, with their messages and traces."""
    with opened() as current:
        from app.alerting.words import alert_to_dict, alerts_text

        alarms = current.alarms
        found = alarms.opened()[:limit] if only_open else alarms.newest(limit)
        if as_json:
            print_json([alert_to_dict(each) for each in found])
        else:
            click.echo(alerts_text(found, alarms.silenced(), alarms))


@alerts.command()
@json_option
def rules(as_json: bool) -> None:
    """List rules and silences."""
    with opened() as current:
        from dataclasses import asdict

        from app.alerting.words import rules_text

        alarms = current.alarms
        if as_json:
            silences = [asdict(each) for each in alarms.silenced()]
            print_json({"rules": [asdict(each) for each in alarms.rules()], "silences": silences})
        else:
            click.echo(rules_text(alarms.rules(), alarms.silenced(), alarms))


@alerts.command()
@click.argument("name")
@click.option("--series", required=True, help="What to watch; a wrong name lists those that there are.")
@click.option("--above", help="The bound above which a value is bad: 2000, 2s, 5%.")
@click.option("--below", help="The bound below which it is.")
@click.option("--backend", help="Whose questions; the usual backend unless said.")
@click.option("--stage", help="Of a latency or of errors: a stage; the whole question unless said.")
@click.option("--window", help="What a value is measured over, such as 5m.")
@click.option("--for", "held", help="How long it must hold, such as 5m; 0m for at once.")
@click.option("--minimum", type=click.IntRange(1), help="Traces in a window below which nothing is said.")
@click.option("--clear", help="The bound on whose good side an alert ends.")
@click.option("--replace", is_flag=True, help="In place of a rule of that name.")
@click.option("--dry-run", is_flag=True, help="Only say what it would have done in the last 24 h.")
def add(
    name: str, series: str, above: str | None, below: str | None, replace: bool, dry_run: bool, **given: Any
) -> None:
    """Make a rule called NAME, and say what it would have done in the last 24 h."""
    with opened() as current:
        from app.alerting.rules import make_rule, parse_amount, parse_duration, rule_words
        from app.alerting.words import previewed
        from app.kit.plain import printable
        from app.kit.wording import listed

        alarms = current.alarms
        known = alarms.readers.all().get(series)
        if known is None:
            raise InputError(f"There is no series {series!r} to watch. There are {listed(list(alarms.readers.all()))}.")
        if (above is None) == (below is None):
            raise InputError("Give either --above or --below.")
        rule = make_rule(
            name,
            known,
            str(above if below is None else below),
            side="above" if below is None else "below",
            backend=given["backend"] or current.settings.backend_name,
            stage=given["stage"],
            window_s=None if given["window"] is None else parse_duration(given["window"]),
            for_s=None if given["held"] is None else parse_duration(given["held"]),
            minimum=given["minimum"],
            clear=None if given["clear"] is None else parse_amount(given["clear"], known.unit),
        )
        click.echo(printable(f"{rule.name}: {rule_words(rule, known)}."))
        click.echo(printable(previewed(lambda: alarms.preview(rule), known, rule)))
        if not dry_run:
            alarms.save(rule, replacing=rule.name if replace else "")


@alerts.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget the rule called NAME, and end its alert."""
    with opened() as current:
        current.alarms.remove(name)


@alerts.command()
@click.argument("rule", required=False, default="")
@click.option("--all", "everything", is_flag=True, help="Every rule.")
@click.option("--for", "held", default="1h", show_default=True, help="How long, such as 30m, 2h, 1d.")
@click.option("--why", default="", help="The reason, shown beside the alert.")
@click.option("--lift", is_flag=True, help="End its silences instead.")
def silence(rule: str, everything: bool, held: str, why: str, lift: bool) -> None:
    """Let RULE send no message for a while; its alerts are shown all the same."""
    with opened() as current:
        from app.alerting.rules import parse_duration
        from app.alerting.words import silence_words
        from app.kit.plain import printable

        if bool(rule) == everything:
            raise InputError("Name a rule, or give --all.")
        if lift:
            for each in current.alarms.silenced():
                if each.rule == rule:
                    current.alarms.lift(each.silence_id)
            return
        made = current.alarms.silence(rule, parse_duration(held), why)
        click.echo(printable(f"{silence_words(made)}."))


@alerts.command()
def test() -> None:
    """Send one message to each channel that is set. Leaves with 1 if one was not delivered."""
    with opened() as current:
        from app.alerting.words import NO_CHANNEL
        from app.kit.plain import printable

        results = current.alarms.sender.test()
        if not results:
            raise InputError(f"There is nothing to test: {NO_CHANNEL}.")
        for channel, problem in results.items():
            click.echo(printable(f"{'NOT' if problem else 'ok '} {channel}{f': {problem}' if problem else ''}"))
        if any(results.values()):
            sys.exit(1)
