"""`raglass prompt`: what generators are told, kept under names and in versions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.shell.command import json_option, opened, print_json
from app.shell.commands import Commands

if TYPE_CHECKING:
    from metrics.prompts import SavedPrompt


@click.group(cls=Commands)
def prompt() -> None:
    """Prompts for `--prompt` of ask and eval run, for the Ask page and for studies. See docs/evaluate.md."""


@prompt.command("list")
@json_option
def list_prompts(as_json: bool) -> None:
    """List saved prompts, every version."""
    with opened() as current:
        found = current.store.prompts.all()
        if as_json:
            print_json([_told(each) for each in found])
            return
        from app.asking.words import prompts_text

        click.echo(prompts_text(found))


@prompt.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Print the text of NAME, of a version (NAME@HASH), of `default`, or of a file."""
    with opened() as current:
        from app.asking.prompts import find_prompt
        from app.kit.plain import printable

        found = find_prompt(name, current.store.prompts)
        if as_json:
            print_json({"name": found.name, "version": found.version, "text": found.text})
        else:
            click.echo(printable(found.text))


@prompt.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def save(name: str, file: Path) -> None:
    """Keep the text of FILE as the newest version of NAME; {question} stands in it once, {context} once or not at all."""
    with opened() as current:
        from app.asking.prompts import save_prompt
        from pipeline.prompts import PromptTemplate, read_prompt

        kept = save_prompt(current.store.prompts, PromptTemplate(name, read_prompt(file).text))
        click.echo(f"{kept.prompt.version} is version {kept.number} of {kept.prompt.name}.")


@prompt.command()
@click.argument("name")
def delete(name: str) -> None:
    """Forget a version (NAME@HASH), or all of NAME. Traces keep the text that they were asked with."""
    with opened() as current:
        from app.asking.prompts import delete_prompts
        from app.kit.numbers import count

        click.echo(f"{count(delete_prompts(current.store.prompts, name), 'version')} deleted.")


def _told(each: "SavedPrompt") -> dict[str, Any]:
    found = each.prompt
    return {
        "name": found.name,
        "version": found.version,
        "number": each.number,
        "saved_at": each.saved_at,
        "text": found.text,
    }
