"""`raglass lab index` and `raglass lab use-index`: which index, measured, and chosen."""

from pathlib import Path

import click

from app.shell.command import backend_option, opened
from app.shell.lab.carried_out import carry_out, output_options


@click.command()
@click.option("--k", "ks", default="5,10", show_default=True, help="At how many chunks recall is measured.")
@click.option("--depth", type=int, help="Chunks that are asked for at once. [default: 100, as answers ask]")
@click.option(
    "--dataset", default="builtin", show_default=True, help="`builtin`, SQuAD v2 .json, .csv, .jsonl, or hf:NAME."
)
@click.option("--limit", type=click.IntRange(1), help="Draw so many questions at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="What they are drawn with.")
@backend_option
@output_options
def index(
    ks: str,
    depth: int | None,
    dataset: str,
    limit: int | None,
    seed: int,
    backend: str | None,
    files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """What each FAISS index finds of your vectors, how long it takes, and what it needs."""
    plan = {
        "ks": [each.strip() for each in ks.split(",")],
        "depth": depth,
        "dataset": dataset,
        "limit": limit,
        "seed": seed,
        "backend": backend,
    }
    carry_out("index", plan, files, as_json)


@click.command("use-index")
@click.argument("record_id", default="LAST")
@click.option("--index", "factory", help="As FAISS names it: HNSW32. [default: the one that is recommended]")
@click.option("--effort", type=int, help="efSearch, nprobe or the refinement's factor, as the study lists it.")
@click.option("--automatic", is_flag=True, help="Let builds choose by themselves again.")
@backend_option
def use_index(record_id: str, factory: str | None, effort: int | None, automatic: bool, backend: str | None) -> None:
    """Let builds of the index follow a setting of a study: its id, how that begins, or LAST."""
    with opened() as current:
        from app.documents.choosing import choose_automatically
        from app.lab.index_choosing import choose
        from app.shell.index import open_corpus

        if automatic:
            chosen = choose_automatically(open_corpus(current, backend))
            click.echo(
                "The next build chooses by itself." if chosen else "Nothing was chosen: builds choose by themselves."
            )
            return
        record = current.lab.records.find(record_id, "index")
        name = backend or str(record.plan["backend"])
        choice = choose(current.backends.open(name, build=False), record, factory, effort)
        click.echo(f"{choice.name} is chosen. `raglass index --rebuild --backend {name}` builds it.")
