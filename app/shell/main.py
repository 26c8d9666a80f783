"""`raglass`: the same use cases in a shell. `--json` prints what a program would read; messages go to standard error."""

import click

from app.shell.alerts import alerts
from app.shell.ask import ask
from app.shell.audit import audit
from app.shell.backend import backend
from app.shell.backup import backup, restore
from app.shell.commands import Commands
from app.shell.corpus import corpus
from app.shell.costs import costs
from app.shell.dataset import dataset
from app.shell.demo import demo
from app.shell.deploy import deploy
from app.shell.eval import evaluate
from app.shell.explain import explain
from app.shell.index import index
from app.shell.ingest import ingest
from app.shell.keys import keys
from app.shell.lab.group import lab
from app.shell.prompt import prompt
from app.shell.quality import quality
from app.shell.serve import serve
from app.shell.stability import stability
from app.shell.status import status
from app.shell.traces import traces


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="raglass")
def main() -> None:
    """A RAG pipeline under glass. Settings are RAGLASS_* variables: see docs/settings.md."""


for command in (
    alerts,
    ask,
    audit,
    backend,
    backup,
    corpus,
    costs,
    dataset,
    demo,
    deploy,
    evaluate,
    explain,
    index,
    ingest,
    keys,
    lab,
    prompt,
    quality,
    restore,
    serve,
    stability,
    status,
    traces,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
