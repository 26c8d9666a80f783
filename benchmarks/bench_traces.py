"""The Traces page over traces of other applications, a million of six spans each: first page, rerun, and each filter.

    python -m benchmarks.bench_traces
    python -m benchmarks.bench_traces --rows 20000 --folder stores        # keeps the seeded store, and uses one that is there

Store: median milliseconds of a page of 50 with its counts. Page: script seconds under Streamlit's AppTest, the first time and again with
nothing changed.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import ColumnElement, Connection, exists, func, insert, literal, select, true

from app.traces.filters import TraceFilters
from benchmarks.bench_pages import rerun, run_once
from benchmarks.seeding import RARE, seed, small_trace
from metrics.store import TraceStore
from metrics.tables import labels, stage_times, trace_labels, traces

FIRST_S, RERUN_S = 1.0, 0.3
"""What the page may take."""

REPEATS = 5

STAGES = (
    ("embed", "embedding", 0.1),
    ("retrieve", "retriever", 0.1),
    ("rerank", "reranker", 0.2),
    ("generate", "llm", 0.5),
)
"""Stages of every trace with their kinds and shares of its time; a root and a guardrail, or a tool, make it six spans."""

MODELS = ("model-a", "model-b", "model-c", "model-d")

EACH_SESSION, USERS = 8, 5_000
"""Traces of a conversation, and how many people ask."""

CASES: Mapping[str, dict[str, Any]] = {
    "no filter": {},
    "sorted by duration": {"sort": "slowest"},
    "session": {"of_session": "s17"},
    "session, none such": {"of_session": "nobody's"},
    "user": {"of_user": "u17"},
    "tag, of a third": {"tags": ("beta",)},
    "tag, of a thousandth": {"tags": ("keep",)},
    "tag, rare and sorted": {"tags": ("keep",), "sort": "slowest"},
    "service, of most": {"services": ("shop",)},
    "service, of a tenth": {"services": ("desk",)},
    "model": {"models": ("model-b",)},
    "kind, of all": {"kinds": ("reranker",)},
    "kind, rare": {"kinds": ("tool",)},
    "origin": {"origins": ("application",)},
    "two at once": {"services": ("help",), "tags": ("beta",)},
    "search, frequent": {"search": "what is"},
    "search, rare": {"search": RARE},
    "search, rare, of a user": {"search": RARE, "of_user": "u1"},
    "expression, latency": {"expression": "latency_ms > 2000"},
    "expression, stage": {"expression": "stage.generate.ms > 2000"},
    "expression, frequent word": {"expression": '"the" in question'},
    "expression, three parts": {
        "expression": f'latency_ms > 500 and stage.rerank.ms < 400 and "{RARE.split()[0]}" in question'
    },
    "expression, none": {"expression": "stage.generate.ms > 1e9"},
}
"""What a person chooses, by name: fields of `TraceFilters`."""


def service_of(seq: int) -> str:
    """The application of a trace: seven tenths, two tenths, a tenth."""
    return ("desk", "help", "help")[seq % 10] if seq % 10 < 3 else "shop"


def tree_trace(rng: random.Random, words: list[str], seq: int, asked_at: float, *, rare: bool) -> dict[str, Any]:
    """The trace of this number in its JSON form, with what it is found by following from the number."""
    data = small_trace(rng, words, seq, asked_at, rare=rare)
    whole_ms, service = data["duration_ms"], service_of(seq)
    extra = "tool" if seq % 1_000 == 7 else "guardrail"
    spans = [
        _span(seq, 0, "", "ask", "chain", whole_ms, service, {}),
        _span(seq, 5, "", extra, extra, 1.0, service, {}),
    ]
    for place, (stage, kind, share) in enumerate(STAGES, 1):
        model = {"model": MODELS[seq % len(MODELS)]} if kind == "llm" else {}
        spans.append(_span(seq, place, stage, stage, kind, whole_ms * share, service, model))
    return {
        **data,
        "schema_version": "2.0",
        "backend": service,
        "spans": spans,
        "retrieved": [],
        "origin": "application",
        "service": service,
        "session": f"s{seq // EACH_SESSION}",
        "user": f"u{seq % USERS}",
        "tags": [*(["beta"] if seq % 3 == 0 else []), *(["keep"] if seq % 1_000 == 1 else [])],
        "metadata": {},
    }


def _span(
    seq: int, place: int, stage: str, name: str, kind: str, took_ms: float, service: str, attributes: dict[str, Any]
) -> dict[str, Any]:
    return {
        "stage": stage,
        "start_ms": 0.0,
        "duration_ms": took_ms,
        "attributes": attributes,
        "error": None,
        "parent_id": f"{seq * 8:016x}" if place else None,
        "span_id": f"{seq * 8 + place:016x}",
        "name": name,
        "kind": kind,
        "service": service,
        "status": "unset",
        "events": [],
    }


def seed_trees(
    store: TraceStore, count: int, *, make: Callable[..., dict[str, Any]] = tree_trace, **given: Any
) -> None:
    """Fill a store as `seed` does with `count` traces of six spans, and all that they are found by, in bulk. given: to `seed`."""
    seed(store, count, make=make, **given)

    seq = traces.c.seq
    found: dict[tuple[str, str], ColumnElement[bool]] = {
        ("tag", "beta"): seq % 3 == 0,
        ("tag", "keep"): seq % 1_000 == 1,
        ("kind", "chain"): true(),
        ("kind", "tool"): seq % 1_000 == 7,
        ("kind", "guardrail"): seq % 1_000 != 7,
        **{("kind", kind): true() for _, kind, _ in STAGES},
        **{("model", model): seq % len(MODELS) == place for place, model in enumerate(MODELS)},
        **{("service", service): traces.c.service == service for service in ("shop", "help", "desk")},
    }
    for label_id, ((kind, value), condition) in enumerate(found.items(), 1):
        with store._database.writing() as connection:
            if has_rows(connection, labels.c.label_id == label_id):
                continue
            connection.execute(insert(labels).values(label_id=label_id, kind=kind, value=value))
            labelled = select(literal(label_id), seq).where(condition).order_by(seq)
            connection.execute(insert(trace_labels).from_select(["label_id", "seq"], labelled))
    for stage, _, share in STAGES:
        with store._database.writing() as connection:
            if has_rows(connection, stage_times.c.stage == stage):
                continue
            took = select(literal(stage), traces.c.duration_ms * share, seq).order_by(traces.c.duration_ms, seq)
            connection.execute(insert(stage_times).from_select(["stage", "duration_ms", "seq"], took))
    store._database.tidy()


def has_rows(connection: Connection, condition: ColumnElement[bool]) -> bool:
    """Whether some row meets a condition, so that what is broken off is not done twice."""
    return bool(connection.scalar(select(exists().where(condition))))


def measure_store(store: TraceStore) -> dict[str, tuple[float, str]]:
    """Milliseconds, median, and how many traces match, by case."""
    found: dict[str, tuple[float, str]] = {}
    for name, chosen in CASES.items():
        query = TraceFilters(**chosen).to_query()
        times, matched = [], ""
        for _ in range(REPEATS + 1):
            started = time.perf_counter()
            matched = str(store.page(query, limit=50).matched)
            times.append((time.perf_counter() - started) * 1000)
        found[name] = statistics.median(times[1:]), matched
    return found


def measure_pages(store_url: str) -> dict[str, tuple[float, float]]:
    """Script seconds of the page, first and again, by case."""
    import streamlit as st

    from app import services

    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ |= {"RAGLASS_DATA_DIR": data_dir, "RAGLASS_DATABASE_URL": store_url}
        services.services.cache_clear()
        run_once({})  # imports and connections are not the page's time
        for name, chosen in CASES.items():
            st.cache_data.clear()
            test, first_s = run_once(dict(parse_qsl(TraceFilters(**chosen).to_address())))
            found[name] = first_s, rerun(test)
        services.services().close()
    return found


def report(
    rows: int, store: Mapping[str, tuple[float, str]], pages: Mapping[str, tuple[float, float]]
) -> Iterator[str]:
    """The figures as lines of text; what takes longer than it may is marked."""
    yield f"Traces page, {rows:,} traces of {len(STAGES) + 2} spans"
    yield f"  {'':<28}{'matched':>12}{'store, ms':>12}{'first, s':>12}{'again, s':>12}"
    for name, (took_ms, matched) in store.items():
        line = f"  {name:<28}{matched:>12}{took_ms:>12.3g}"
        if name in pages:
            first_s, again_s = pages[name]
            line += f"{first_s:>12.3f}{again_s:>12.3f}"
            line += "  too slow" if first_s > FIRST_S or again_s > RERUN_S else ""
        yield line


def main() -> None:
    """Seed where need be, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the seeded store here, and use the one already there")
    parser.add_argument("--url", help="an empty or seeded PostgreSQL in place of SQLite")
    parser.add_argument("--only", choices=("store", "pages"))
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        url = options.url or f"sqlite:///{folder / f'trees-{options.rows}.sqlite'}"
        with TraceStore.open(url) as store:
            if not store.count():
                began = time.perf_counter()
                seed_trees(store, options.rows)
                print(f"stored {options.rows:,} traces in {time.perf_counter() - began:.0f} s", file=sys.stderr)
            by_store = {} if options.only == "pages" else measure_store(store)
            with store._database.engine.connect() as connection:
                labelled = connection.scalar(select(func.count()).select_from(trace_labels))
            print(f"{store.health().stored_bytes / 1e9:.3g} GB, {labelled:,} labels of traces", file=sys.stderr)
        by_page = {} if options.only == "store" else measure_pages(url)
    if options.json:
        print(json.dumps({"rows": options.rows, "store": by_store, "pages": by_page}, indent=1))
    else:
        print("\n".join(report(options.rows, by_store or dict.fromkeys(by_page, (0.0, "not asked")), by_page)))


if __name__ == "__main__":
    main()
