"""`raglass lab study`: a factorial from a plan in TOML."""

import tomllib
from pathlib import Path

import click

from app.shell.command import opened
from app.shell.lab.carried_out import carry_out, output_options
from pipeline.errors import InputError


@click.command("study")
@click.argument("plan_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Print the cells, the time and the cost, and do nothing.")
@output_options
def study(plan_file: Path, dry_run: bool, files: tuple[Path, ...], as_json: bool) -> None:
    """How much each choice matters: all combinations of the levels in PLAN_FILE, or a balanced fraction (docs/lab.md)."""
    if not dry_run:
        carry_out("study", _read(plan_file), files, as_json)
        return
    with opened() as current:
        from app.lab.factorial import plan_lines

        factorial = current.lab.study("study")
        plan = factorial.check(current.lab.parts, _read(plan_file))
        click.echo("\n".join([*plan_lines(plan), factorial.estimate(current.lab.parts, plan)]))


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Name a plan in TOML.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}. See docs/examples/study.toml.") from error
