"""`raglass lab study`: a factorial from a plan in TOML."""

from pathlib import Path
from typing import Any

import click

from app.shell.command import opened, readable_errors
from app.shell.lab.carried_out import carry_out, output_options
from pipeline.errors import InputError


@click.command("study")
@click.argument("plan_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Print the cells, the time and the cost, and do nothing.")
@output_options
def study(plan_file: Path, dry_run: bool, files: tuple[Path, ...], as_json: bool) -> None:
    """How much each choice matters: all combinations of the levels in PLAN_FILE, or a balanced fraction (docs/lab.md)."""
    with readable_errors():
        read = _read(plan_file)
    if not dry_run:
        carry_out("study", read, files, as_json)
        return
    with opened() as current:
        from app.lab.factorial import plan_lines

        factorial = current.lab.study("study")
        plan = factorial.check(current.lab.parts, read)
        click.echo("\n".join([*plan_lines(plan), factorial.estimate(current.lab.parts, plan)]))


def _read(path: Path) -> dict[str, Any]:
    from app.lab.factorial_plan import find_prompts, read_plan

    try:
        return find_prompts(read_plan(path.read_text("utf-8"), str(path)), path.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Name a plan in TOML.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8. Name a plan in TOML.") from error
