"""`raglass ask`: a question in, the answer and where the time went out."""

import sys
from dataclasses import replace

import click

from app.shell.command import backend_option, complain, json_option, opened, print_json, prompt_option


@click.command()
@click.argument("question")
@click.option("--top-k", type=int, help="Chunks to retrieve.")
@click.option("--deadline", type=float, help="Seconds for everything.")
@click.option("--rerank/--no-rerank", default=False, help="Look at the order of the chunks a second time.")
@prompt_option
@backend_option
@json_option
def ask(
    question: str,
    top_k: int | None,
    deadline: float | None,
    rerank: bool,
    prompt: str | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Ask a question; print the answer, its chunks and where the time went. Leaves with 1 if a stage failed."""
    with opened() as current:
        from app.asking.prompts import find_prompt
        from app.documents.words import STALE
        from app.traces.words import trace_text
        from pipeline.schema import trace_to_dict

        if backend:
            current.make_usual(backend)
        usual = current.asking.question(question)
        asked = current.asking.ask(
            replace(
                usual,
                top_k=usual.top_k if top_k is None else top_k,
                deadline_s=usual.deadline_s if deadline is None else deadline,
                rerank=rerank,
                prompt=None if prompt is None else find_prompt(prompt, current.store.prompts),
            )
        )
        if as_json:
            print_json(trace_to_dict(asked.trace) | {"unaccounted_ms": asked.trace.unaccounted_ms})
        else:
            click.echo(trace_text(asked.trace))
        if current.backends.is_stale(asked.trace.backend):
            complain(STALE)
        if asked.not_stored:
            complain(f"the trace was not stored. {asked.not_stored}")
        if asked.trace.error is not None or asked.not_stored:
            sys.exit(1)
