"""The trace store: what storing a trace blocks and takes, whether any is lost, and how lists behave at a million traces.

python benchmarks/bench_store.py                        # 10,000 and 1,000,000 traces
python benchmarks/bench_store.py --rows 10000 50000 --json
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.seeding import DAY_S, RARE, UNTIL, make_trace, make_words, seed
from metrics.queries import TraceQuery
from metrics.store import TraceStore
from pipeline.schema import trace_to_json


def measure_put(folder: Path, count: int = 2_000) -> dict[str, float]:
    """Blocking time of `put`, beside a bare `sqlite3` commit of one JSON row, in turns; and bytes a trace."""
    rng, words = random.Random(1), make_words()
    bare = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = NORMAL")
    bare.execute("CREATE TABLE traces (trace_id TEXT PRIMARY KEY, payload TEXT)")
    puts, bares = [], []
    with TraceStore.open(f"sqlite:///{folder / 'put.sqlite'}") as store:
        for made in [make_trace(rng, words) for _ in range(count)]:
            payload = trace_to_json(made)
            puts.append(_time_ms(lambda made=made: store.put(made)))
            bares.append(
                _time_ms(
                    lambda made=made, payload=payload: bare.execute(
                        "INSERT INTO traces VALUES (?, ?)", (made.trace_id, payload)
                    )
                )
            )
        store.fold()
        store._database.tidy()
    bare.close()
    stored_bytes = (folder / "put.sqlite").stat().st_size
    return {
        "put_median_ms": statistics.median(puts),
        "put_p95_ms": statistics.quantiles(puts, n=20)[-1],
        "bare_median_ms": statistics.median(bares),
        "ratio_to_bare": statistics.median(puts) / statistics.median(bares),
        "bytes_per_trace": stored_bytes / count,
    }


def measure_flood(folder: Path, count: int = 10_000, threads: int = 8) -> dict[str, float]:
    """Traces lost when `threads` threads put `count` traces as fast as they can."""
    rng, words = random.Random(2), make_words()
    made = [make_trace(rng, words) for _ in range(count)]
    with TraceStore.open(f"sqlite:///{folder / 'flood.sqlite'}") as store:
        start = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(store.put, made))
        took_s = time.perf_counter() - start
        lost = sum(store.get(trace.trace_id) is None for trace in made) + count - store.count()
    return {"put": count, "lost": lost, "traces_per_s": count / took_s}


CHILD = """
import random, sys
sys.path.insert(0, {root!r})
from benchmarks.seeding import make_trace, make_words
from metrics.store import TraceStore
store = TraceStore.open({url!r})
rng, words = random.Random(3), make_words()
while True:
    trace = make_trace(rng, words)
    store.put(trace)
    print(trace.trace_id, flush=True)
"""


def measure_kill(folder: Path, count: int = 500) -> dict[str, float]:
    """Traces lost when a process is killed (SIGKILL) after `put` has returned for `count` or more."""
    url = f"sqlite:///{folder / 'kill.sqlite'}"
    code = CHILD.format(root=str(Path(__file__).resolve().parent.parent), url=url)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        reported = [child.stdout.readline().strip() for _ in range(count)]
        os.kill(child.pid, signal.SIGKILL)
        reported += [line.strip() for line in child.stdout if line.endswith("\n")]
    with TraceStore.open(url) as store:
        lost = sum(store.get(trace_id) is None for trace_id in reported)
    return {"put": len(reported), "lost": lost}


def list_actions(store: TraceStore) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a page of traces does, by name."""
    queries = {
        "first page": TraceQuery(),
        "sorted by duration": TraceQuery(sort="duration"),
        "sorted by confidence, ascending": TraceQuery(sort="confidence", descending=False),
        "search, frequent": TraceQuery(search="the"),
        "search, frequent phrase": TraceQuery(search="what is"),
        "search, rare": TraceQuery(search=RARE),
        "search, rare and sorted": TraceQuery(search=RARE, sort="duration"),
        "search, no match": TraceQuery(search="zebra crossing"),
        "search, one letter": TraceQuery(search="a"),
        "search, two rare characters": TraceQuery(search="zq"),
        "search, emoji": TraceQuery(search="\N{GLOWING STAR}"),
        "search, frequent, failed": TraceQuery(search="the", error="any"),
        "filter, backend": TraceQuery(backends=frozenset({"aws"})),
        "filter, failed": TraceQuery(error="any"),
        "filter, one kind of error": TraceQuery(error="Timeout", sort="duration"),
        "filter, slow": TraceQuery(duration_min_ms=1_500.0),
        "filter, low confidence": TraceQuery(confidence_below=0.01),
        "filter, rated down": TraceQuery(rating="down"),
        "filter, abstained": TraceQuery(abstained=True),
        "filter, one hour": TraceQuery(asked_from=1_756_000_000.0, asked_to=1_756_003_600.0),
        "filter, no match": TraceQuery(error="Throttled", backends=frozenset({"none"})),
    }
    deep = store.page(TraceQuery(sort="duration", duration_max_ms=10.0), limit=50).next
    for name, query in queries.items():
        yield name, lambda query=query: store.page(query, limit=50)
    yield "deep page", lambda: store.page(TraceQuery(sort="duration"), after=deep, limit=50)
    yield "version", store.version
    yield "backends", store.backends
    yield "latency, last hour", lambda: store.latency(UNTIL - 3_600, UNTIL)
    yield "latency, last day", lambda: store.latency(UNTIL - DAY_S, UNTIL, 900)


def measure_lists(urls: dict[int, str], repeats: int = 9) -> dict[int, dict[str, float]]:
    """Median milliseconds of each action, by size of the store; an empty store is seeded first.

    The sizes take turns, so that whatever else the machine does slows all of them alike.
    """
    figures: dict[int, dict[str, float]] = {}
    with ExitStack() as stack:
        actions = {}
        for rows, url in urls.items():
            store = stack.enter_context(TraceStore.open(url))
            figures[rows] = {}
            if not store.count():
                start = time.perf_counter()
                seed(store, rows)
                figures[rows]["(seeding, s)"] = time.perf_counter() - start
            figures[rows]["(bytes a trace)"] = store.health().stored_bytes / rows
            actions[rows] = dict(list_actions(store))
        for name in actions[min(urls)]:
            taken: dict[int, list[float]] = {rows: [] for rows in urls}
            for turn in range(repeats + 1):
                for rows, named in actions.items():
                    took_ms = _time_ms(named[name])
                    if turn:  # the first turn warms the caches
                        taken[rows].append(took_ms)
            for rows, times in taken.items():
                figures[rows][name] = statistics.median(times)
    return figures


def _time_ms(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def report(results: dict[str, Any]) -> Iterator[str]:
    """The results as lines of text."""
    for part, figures in results.items():
        if part == "lists":
            continue
        yield f"\n{part}"
        yield from (f"  {name:<36}{value:>14,.4g}" for name, value in figures.items())
    lists: dict[int, dict[str, float]] = results.get("lists", {})
    if not lists:
        return
    sizes = sorted(lists)
    yield "\n" + f"{'lists, ms':<38}" + "".join(f"{size:>14,}" for size in sizes) + f"{'ratio':>10}"
    for name in lists[sizes[-1]]:
        values = [lists[size].get(name, float("nan")) for size in sizes]
        yield f"  {name:<36}" + "".join(f"{value:>14.3g}" for value in values) + f"{values[-1] / values[0]:>10.2f}"


def main() -> None:
    """Run what the options ask for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, nargs="*", default=[10_000, 1_000_000], help="sizes of the seeded stores")
    options.add_argument("--folder", type=Path, help="keep the seeded SQLite stores here, and use those already there")
    options.add_argument(
        "--urls", nargs="*", help="PostgreSQL URLs in place of SQLite for the lists, one for each of --rows"
    )
    options.add_argument("--only", choices=("put", "flood", "kill", "lists"), help="measure only this")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, measure in (("put", measure_put), ("flood", measure_flood), ("kill", measure_kill)):
            if chosen.only in (None, name):
                results[name] = measure(folder)
        if chosen.only in (None, "lists"):
            kept = chosen.folder or folder
            kept.mkdir(parents=True, exist_ok=True)
            urls = chosen.urls or [f"sqlite:///{kept / f'seeded-{rows}.sqlite'}" for rows in chosen.rows]
            results["lists"] = measure_lists(dict(zip(chosen.rows, urls, strict=True)))
    print(json.dumps(results, indent=1) if chosen.json else "\n".join(report(results)))


if __name__ == "__main__":
    main()
