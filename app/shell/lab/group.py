"""The group of commands; each study adds its own."""

import click

from app.shell.commands import Commands
from app.shell.lab.chunks import chunks
from app.shell.lab.embedders import embedders
from app.shell.lab.generators import generators
from app.shell.lab.index import index, use_index
from app.shell.lab.kept import list_studies, remove, resume, show
from app.shell.lab.latency import latency
from app.shell.lab.load import load
from app.shell.lab.profile import profile
from app.shell.lab.study import study


@click.group(cls=Commands)
def lab() -> None:
    """What a choice does to retrieval, answers and time, and how sure that is."""


STUDIES = (profile, index, use_index, embedders, generators, chunks, study, latency, load)
KEPT = (list_studies, show, resume, remove)

for command in (*STUDIES, *KEPT):
    lab.add_command(command)
