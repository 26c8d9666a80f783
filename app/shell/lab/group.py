"""The group of commands; each study adds its own."""

import click

from app.shell.lab.kept import list_studies, remove, resume, show
from app.shell.lab.study import study


@click.group()
def lab() -> None:
    """What a choice does to retrieval, answers and time, and how sure that is."""


for command in (study, list_studies, show, resume, remove):
    lab.add_command(command)
