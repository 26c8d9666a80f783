"""`raglass deploy`: makes a stack on AWS, changes it, looks at it, brings back the one before, removes it."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import complain, json_option, print_json, readable_errors
from app.shell.commands import Commands
from pipeline.errors import InputError

if TYPE_CHECKING:
    from serving.deploy.site import Site

STOPPED = 130
POLL_S = 5.0
"""Between two looks of `logs --follow`."""

LEFT = {
    "up": "AWS goes on with the change under way. `raglass deploy up` waits for it and finishes; `raglass deploy down` removes it.",
    "rollback": "AWS goes on with the change under way. `raglass deploy rollback` finishes it.",
    "down": "AWS goes on removing what was begun. `raglass deploy down` removes the rest.",
}

Command = Callable[..., Any]


def deploy_options(command: Command) -> Command:
    """The options that every command about a stack has."""
    for option in (
        json_option,
        click.option("--region", help="AWS region, instead of the configured one."),
        click.option("--stack", help="Name of the stack, instead of the configured one."),
        click.option(
            "--config", "path", type=click.Path(path_type=Path), help="Configuration; raglass-deploy.toml by default."
        ),
    ):
        command = option(command)
    return command


role_option = click.option(
    "--role", "role_arn", default="", help="ARN of the service role with which CloudFormation works."
)
image_option = click.option(
    "--image", default="", help="The dashboard's image by digest, instead of the configured one."
)
ci_option = click.option("--ci", is_flag=True, help="Also the role with which GitHub Actions deploys.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(cls=Commands)
def deploy() -> None:
    """Make a stack on AWS, change it, look at it, go back, remove it.

    Leaves with 0 if all is well, 1 if something failed or is missing, 2 for misuse, 130 if it was stopped.
    """


@deploy.command()
@click.option("--stack", default="raglass", show_default=True, help="Name of the stack.")
@click.option(
    "--config", "path", type=click.Path(path_type=Path), help="Where to write; raglass-deploy.toml by default."
)
def init(stack: str, path: Path | None) -> None:
    """Write a configuration with comments and every default. Overwrites nothing."""
    with readable_errors():
        from serving.deploy.config import FILE_NAME, read_config
        from serving.deploy.config_file import example

        target = path or Path(FILE_NAME)
        text = example(stack=read_config(None, stack=stack).stack) if not target.exists() else ""
        try:
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise InputError(f"{target} is there already and was left as it is. Name another with --config.") from None
        except OSError as error:
            with suppress(OSError):
                target.unlink()
            raise InputError(
                f"{target} cannot be written ({error.strerror}). Make room, or name another with --config."
            ) from error
        click.echo(
            f"{target} is written. `raglass deploy plan` says what it would make, what that costs and what is missing."
        )


@deploy.command()
@image_option
@role_option
@ci_option
@deploy_options
def plan(as_json: bool, image: str, role_arn: str, ci: bool, **where: Any) -> None:
    """Say what `up` would do, what a month costs, and what is missing. Works without an account and changes nothing."""
    with site_of(where, as_json, image=image, role_arn=role_arn) as site:
        from app.deploying.words import plan_text
        from serving.deploy.planning import plan as work_out

        found = work_out(site, ci=ci)
        if as_json:
            print_json(asdict(found) | {"ready": not found.missing, "usd_per_month": found.cost.total_usd})
        else:
            click.echo(plan_text(found))
        if found.missing:
            sys.exit(1)


@deploy.command()
@image_option
@role_option
@ci_option
@yes_option
@deploy_options
def up(as_json: bool, yes: bool, image: str, role_arn: str, ci: bool, **where: Any) -> None:
    """Make the stack, or bring it to the configuration; ask a question; go back by itself if that fails."""
    with site_of(where, as_json, "up", image=image, role_arn=role_arn) as site:
        from app.deploying.words import outcome_text
        from app.kit.numbers import usd
        from serving.deploy import deployment
        from serving.deploy.prices import estimate

        if not yes:
            cost = usd(estimate(site.config).total_usd)
            confirm(f"Bring the stack {site.config.stack} up in {site.account.region}, for about {cost} a month?")
        done = deployment.up(site, ci=ci)
        print_json(asdict(done)) if as_json else click.echo(outcome_text(done))


@deploy.command()
@role_option
@yes_option
@deploy_options
def rollback(as_json: bool, yes: bool, role_arn: str, **where: Any) -> None:
    """Bring back the release before the one that stands."""
    with site_of(where, as_json, "rollback", role_arn=role_arn) as site:
        from app.deploying.words import outcome_text
        from serving.deploy import deployment

        if not yes:
            confirm(f"Bring back the release of {site.config.stack} before the one that stands?")
        done = deployment.rollback(site)
        print_json(asdict(done)) if as_json else click.echo(outcome_text(done))


@deploy.command()
@click.option("--drift", is_flag=True, help="Also look for what was changed by hand; takes a minute.")
@deploy_options
def status(as_json: bool, drift: bool, **where: Any) -> None:
    """Say how every part is, and which releases there are. Leaves with 1 if a part is not as it should be."""
    with site_of(where, as_json) as site:
        from app.deploying.words import standing_text
        from serving.deploy.standing import look

        found = look(site, drift=drift)
        if as_json:
            shown = asdict(found) | {"works": found.works}
            shown["releases"] = [
                {"release_id": each.release_id, "version": each.version, "withdrawn": each.withdrawn}
                for each in found.releases
            ]
            print_json(shown)
        else:
            click.echo(standing_text(found))
        if not found.works:
            sys.exit(1)


@deploy.command()
@click.option("--minutes", type=click.FloatRange(min=0.1), default=15, show_default=True, help="How far back.")
@click.option("--containing", default="", help="Literal text, for example a trace id or a request id.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@deploy_options
def logs(as_json: bool, minutes: float, containing: str, follow: bool, **where: Any) -> None:
    """Print the log lines of the Lambdas, the endpoints and the dashboard, oldest first. --json prints an object a line."""
    with site_of(where, as_json) as site:
        from app.kit.plain import printable
        from metrics.catalogue import log_groups
        from metrics.logs import LogReader

        dashboard = site.stack("ui").outputs().get("LogGroup")
        groups = (*log_groups(site.config.stack), *([dashboard] if dashboard else ()))
        reader = LogReader(groups, client=site.account.client("logs"))
        token: str | None = None
        while True:
            page = reader.read(time.time() - minutes * 60, containing=containing, follow=token)
            for line in page.lines:
                if as_json:
                    click.echo(json.dumps(asdict(line)))
                else:
                    stamp = time.strftime("%H:%M:%S", time.gmtime(line.at_s))
                    click.echo(f"{stamp} {line.group}: {printable(line.message.strip())}")
            for group in page.missing if token is None else ():
                complain(f"there is no log group {group} yet")
            if not follow:
                return
            token = page.follow
            time.sleep(POLL_S)


@deploy.command()
@role_option
@yes_option
@deploy_options
def down(as_json: bool, yes: bool, role_arn: str, **where: Any) -> None:
    """List what the stack holds, ask, and remove it, with everything in its bucket."""
    with site_of(where, as_json, "down", role_arn=role_arn) as site:
        from serving.deploy import standing

        found = standing.contents(site)
        count = sum(len(resources) for resources in found.values())
        if not as_json:
            for stack, resources in found.items():
                click.echo("\n".join([f"{stack}:", *(f"  {resource}" for resource in resources)]))
        if count and not yes:
            confirm(f"Remove these {count}, and everything in the stack's bucket?")
        if count:
            standing.down(site)
        if as_json:
            print_json({"stack": site.config.stack, "removed": found, "count": count})
        else:
            click.echo(
                f"{count} removed, nothing is left of {site.config.stack}."
                if count
                else f"There is nothing of {site.config.stack}."
            )


@deploy.command()
@image_option
@deploy_options
def doctor(as_json: bool, image: str, **where: Any) -> None:
    """Look at everything that a deployment needs: credentials, region, quotas, models, Pinecone key, clock."""
    with site_of(where, as_json, image=image) as site:
        from app.deploying.words import checks_text
        from serving.deploy.checks import examine

        checks = list(examine(site.config, site.account, site.image))
        print_json([asdict(check) for check in checks]) if as_json else click.echo(checks_text(checks))
        if any(check.verdict == "missing" for check in checks):
            sys.exit(1)


@contextmanager
def site_of(where: dict[str, Any], as_json: bool, doing: str = "", **options: Any) -> "Iterator[Site]":
    """The stack that the options name. Progress goes to standard error; Ctrl-C says what state was left."""
    with readable_errors():
        from serving.deploy.account import Account
        from serving.deploy.config import read_config
        from serving.deploy.site import Site

        config = read_config(where["path"], stack=where["stack"], region=where["region"])
        try:
            yield Site(config, Account(config.region), tell=lambda line: click.echo(line, err=True), **options)
        except KeyboardInterrupt:
            complain(f"stopped. {LEFT.get(doing, 'Nothing was changed.')}")
            sys.exit(STOPPED)


def confirm(question: str) -> None:
    """Ask on a terminal. Raises InputError where nobody can answer, or where the answer is no."""
    if not sys.stdin.isatty():
        raise InputError(f"{question} Nobody can answer here: say --yes.")
    if not click.confirm(question, err=True):
        raise InputError("Nothing was changed.")
