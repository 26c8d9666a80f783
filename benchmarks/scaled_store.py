"""A store of any size in which nothing is missing that a page reads: trees of spans, sketches, counts, tokens, scores, documents, runs.

Written in bulk, as `bench_store.seed` does; what the product itself counts, it counts here.
"""

import random
import sys
import time
from functools import partial
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, literal, null, select, update

from benchmarks.bench_pages import seed_runs
from benchmarks.bench_traces import MODELS, STAGES, has_rows, seed_trees, tree_trace
from benchmarks.seeding import DAY_S
from metrics import outcomes
from metrics.store import TraceStore
from metrics.tables import answer_counts, labels, quality, run_answers, state, token_use, trace_labels, traces
from metrics.tables import runs as stored_runs

SKETCHED_S = 15 * DAY_S
"""Of so long there are sketches: a page tells of 7 days and of the 7 before."""

TREE_SPANS = len(STAGES) + 2
"""Spans of a trace before more are added."""

PEOPLE = 7
"""Of ten traces, those of people; the others are applications'."""

BACKEND = "local/embedded"
"""What answers people."""

DOCUMENTS = 200
"""Documents that the traces consulted, one each."""

COUNTED = 4_000
"""Traces whose ends are counted in one transaction."""

RULES = {
    "grounded": (traces.c.seq % 8) / 7.0,
    "abstained": traces.c.abstained * 1.0,
    "top_score": traces.c.top_score,
    "answer_words": (traces.c.seq % 9) + 20.0,
}
"""Rules that have scored every trace, and what they said."""


def scaled_trace(
    rng: random.Random, words: list[str], seq: int, asked_at: float, *, rare: bool, spans: int
) -> dict[str, Any]:
    """The trace of this number with `spans` spans: of a person, or of an application."""
    data = tree_trace(rng, words, seq, asked_at, rare=rare)
    root, second = data["spans"][:2]
    added = [
        {**second, "span_id": f"{place:04x}{seq:012x}", "name": f"step {place}", "kind": "chain", "stage": ""}
        for place in range(spans - len(data["spans"]))
    ]
    data["spans"] = [root, second, *data["spans"][2:], *added]
    if seq % 10 >= PEOPLE:
        return {**data, "backend": f"application/{data['service']}"}
    return {**data, "origin": "person", "backend": BACKEND, "service": ""}


def seed_scaled(store: TraceStore, count: int, spans: int, runs: int, answers: int) -> None:
    """Fill an empty store, or go on where that was broken off.

    spans: of each trace, TREE_SPANS at least. answers: of each run. Raises SystemExit where something else is stored.
    """
    now_s, began = time.time(), time.perf_counter()
    seed_trees(store, count, make=partial(scaled_trace, spans=spans), until=now_s, sketched_s=SKETCHED_S)
    _say(f"{count:,} traces", began)
    _add_documents(store, count)
    with store._database.engine.connect() as connection:
        counted = int(connection.scalar(select(func.sum(answer_counts.c.asked))) or 0)
    for start in range(counted, count, COUNTED):
        with store._database.writing() as connection:
            outcomes.add_up(connection, range(start + 1, min(start + COUNTED, count) + 1))
    _say("counts", began)
    with store._database.writing() as connection:
        _add_tokens(connection)
    for rule, value in RULES.items():
        with store._database.writing() as connection:
            if has_rows(connection, quality.c.rule == rule):
                continue
            scored = select(traces.c.seq, literal(rule), traces.c.asked_at, traces.c.backend, value, traces.c.asked_at)
            connection.execute(
                insert(quality).from_select(["seq", "rule", "asked_at", "backend", "value", "scored_at"], scored)
            )
    with store._database.writing() as connection:
        connection.execute(update(state).values(scored=count, judged=count, counted_from=null()))
    _say("tokens and scores", began)
    _add_runs(store, runs, answers)
    store._database.tidy()
    _say(f"{runs:,} runs", began)


def is_whole(store: TraceStore, count: int, runs: int) -> bool:
    """Whether a store was filled to its end: runs come last."""
    return store.count() == count and _finished(store) >= runs


def _finished(store: TraceStore) -> int:
    with store._database.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(stored_runs.c.status == "finished")) or 0


def _add_runs(store: TraceStore, runs: int, answers: int) -> None:
    with store._database.writing() as connection:  # one that was broken off is made anew
        begun = select(stored_runs.c.run_id).where(stored_runs.c.status != "finished")
        connection.execute(delete(run_answers).where(run_answers.c.run_id.in_(begun)))
        connection.execute(delete(stored_runs).where(stored_runs.c.status != "finished"))
    finished = _finished(store)
    seed_runs(store, runs - finished, answers, first=finished)


def _say(what: str, began: float) -> None:
    print(f"  stored {what} after {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def _add_documents(store: TraceStore, count: int) -> None:
    for number in range(min(DOCUMENTS, count)):
        with store._database.writing() as connection:
            if has_rows(connection, (labels.c.kind == "document") & (labels.c.value == f"document-{number}")):
                continue
            label_id = (connection.scalar(select(func.max(labels.c.label_id))) or 0) + 1
            connection.execute(insert(labels).values(label_id=label_id, kind="document", value=f"document-{number}"))
            seqs = [{"label_id": label_id, "seq": seq} for seq in range(number or DOCUMENTS, count + 1, DOCUMENTS)]
            if seqs:
                connection.execute(insert(trace_labels), seqs)


def _add_tokens(connection: Connection) -> None:
    """One call of a model for each trace."""
    if has_rows(connection, token_use.c.seq > 0):
        return
    model = case(
        *((traces.c.seq % len(MODELS) == place, literal(name)) for place, name in enumerate(MODELS)), else_=literal("")
    )
    used = select(traces.c.seq, model, traces.c.asked_at, literal(1), literal(900), literal(120), literal(0))
    connection.execute(insert(token_use).from_select(token_use.c.keys(), used))
