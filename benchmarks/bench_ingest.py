"""Ingestion, beside a real Phoenix in the same run: what is lost, traces a second, processor, memory, the reply, what survives kill -9, and
how long a person with the Traces page open waits meanwhile.

    python -m benchmarks.bench_ingest                                # 10,000 traces of 6 spans from 8 senders
    python -m benchmarks.bench_ingest --traces 500 --only raglass
    python -m benchmarks.bench_ingest --only raglass --store postgres   # over a PostgreSQL of its own, which waits for the disk
    RAGLASS_PHOENIX=.clients/phoenix/bin/python python -m benchmarks.bench_ingest

Each receiver is a process of its own over an empty folder, begun anew for each way of sending. Senders post protobuf, gzipped, as fast as
they are answered, and wait and try again after 429 and 503 as OpenTelemetry's exporters do.
"""

import argparse
import json
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.person import Person, visiting
from benchmarks.receivers import (
    Receiver,
    forget_peak,
    peak_mb,
    processor_s,
    receiving_phoenix,
    serving_raglass,
)
from benchmarks.senders import SPANS, Body, Sent, make_bodies, send_all
from tests.metrics.postgres_cluster import PostgresCluster, find_binaries

SETTLE_S = 60.0
"""How long a count may stand still before what is missing counts as lost."""

POLL_S = 0.5

THINK_S = 0.5
"""How long a person looks at a page before the next click."""

CLICKS = 20
"""Clicks before anything is sent; while it is, as many as there is time for."""

Figures = dict[str, Any]


def measure(receiver: Receiver, bodies: Sequence[Body], senders: int, settle_s: float) -> Figures:
    """Send all bodies and wait until the receiver lists them, or nothing more comes."""
    wanted = [trace_id for body in bodies for trace_id in body.trace_ids]
    forget_peak(receiver.pid)
    used_s, began = processor_s(receiver.pid), time.monotonic()
    sent = send_all(receiver.url, bodies, senders)
    listed, listed_s = await_listed(receiver, len(wanted), settle_s)
    used_s = processor_s(receiver.pid) - used_s
    peak = peak_mb(receiver.pid)
    found = receiver.spans_of(wanted)
    acknowledged_s = sent.last_s - began
    return {
        "traces": len(wanted),
        "acknowledged": len(sent.acknowledged),
        "lost, of those acknowledged": sum(trace_id not in found for trace_id in sent.acknowledged),
        "stored in part": sum(found.get(trace_id, SPANS) != SPANS for trace_id in sent.acknowledged),
        "listed": listed,
        "given up by the sender": sum(sent.refused.values()) and sent.refused,
        "put off (429, 503)": sent.put_off,
        "traces/s, acknowledged": len(sent.acknowledged) / acknowledged_s if acknowledged_s > 0 else 0.0,
        "traces/s, listed": listed / (listed_s - began),
        "processor, ms a trace": used_s / len(wanted) * 1000,
        "peak memory, MB": peak,
        **replies(sent),
    }


def replies(sent: Sent) -> Figures:
    """Times of the replies to requests that were taken."""
    if not sent.reply_ms:
        return {}
    half, most, longest = np.quantile(sent.reply_ms, [0.5, 0.95, 1])
    return {"reply p50, ms": half, "reply p95, ms": most, "reply longest, ms": longest}


def await_listed(receiver: Receiver, wanted: int, settle_s: float) -> tuple[int, float]:
    """How many traces are listed in the end, and when the last came."""
    listed, last = receiver.count_listed(), time.monotonic()
    while listed < wanted and time.monotonic() < last + settle_s:
        time.sleep(POLL_S)
        now = receiver.count_listed()
        if now != listed:
            listed, last = now, time.monotonic()
    return listed, last


def measure_kill(folder: Path, bodies: Sequence[Body], senders: int, database_url: str) -> Figures:
    """Send to a dashboard that is killed (SIGKILL) once half is acknowledged; what was acknowledged must be there afterwards."""
    total = sum(len(body.trace_ids) for body in bodies)
    counter = multiprocessing.get_context("fork").Value("q", 0)
    with serving_raglass(folder, database_url) as receiver:

        def kill_halfway() -> None:
            while counter.value < total // 2:
                time.sleep(0.001)
            os.kill(receiver.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_halfway, daemon=True)
        killer.start()
        sent = send_all(receiver.url, bodies, senders, counter=counter, patience_s=0.0)
        killer.join(60)
    found = receiver.spans_of(sent.acknowledged)
    return {
        "acknowledged before the kill": len(sent.acknowledged),
        "lost": sum(trace_id not in found for trace_id in sent.acknowledged),
        "stored in part": sum(count != SPANS for count in found.values()),
    }


def measure_person(folder: Path, bodies: Sequence[Body], senders: int, database_url: str) -> Figures:
    """How long the reruns of the Traces page take that one person has open, with nothing sent and beside the senders."""
    first, single, rest = bodies[: len(bodies) // 5], bodies[-CLICKS:], bodies[len(bodies) // 5 : -CLICKS]
    with serving_raglass(folder, database_url) as receiver:
        send_all(receiver.url, first, senders)
        listed = sum(len(body.trace_ids) for body in first)
        await_listed(receiver, listed, SETTLE_S)
        with visiting(receiver.address, "traces") as person:
            alone = [_click(person) for _ in range(CLICKS)]
            anew = []
            for body in single:
                send_all(receiver.url, [body], 1)
                listed += len(body.trace_ids)
                await_listed(receiver, listed, SETTLE_S)
                anew.append(_click(person))
            sending = threading.Thread(target=send_all, args=(receiver.url, rest, senders))
            sending.start()
            beside = [_click(person)]
            while sending.is_alive():
                beside.append(_click(person))
            sending.join()
    half_alone, half_anew, half_beside = (float(np.median(each)) for each in (alone, anew, beside))
    return {
        "reruns, alone and beside": f"{len(alone)}, {len(beside)}",
        "rerun alone p50, ms": half_alone,
        "with a new trace to list": half_anew,
        "rerun beside p50, ms": half_beside,
        "rerun alone p95, ms": float(np.quantile(alone, 0.95)),
        "rerun beside p95, ms": float(np.quantile(beside, 0.95)),
        "times as long, p50": half_beside / half_alone,
        "than with a new trace": half_beside / half_anew,
    }


def _click(person: Person) -> float:
    time.sleep(THINK_S)
    return person.run()


def opening(name: str, folder: Path, phoenix: Path | None, database_url: str) -> AbstractContextManager[Receiver]:
    """A receiver by name, over an empty folder."""
    if name == "phoenix":
        assert phoenix is not None
        return receiving_phoenix(phoenix, folder)
    return serving_raglass(folder, database_url)


def report(results: dict[str, dict[str, Figures]]) -> Iterator[str]:
    """The results as lines of text: a table for each way of sending."""
    for way, by_receiver in results.items():
        yield f"\n{way:<34}" + "".join(f"{name:>16}" for name in by_receiver)
        names = list(dict.fromkeys(name for figures in by_receiver.values() for name in figures))
        for name in names:
            yield f"  {name:<32}" + "".join(f"{_shown(figures.get(name)):>16}" for figures in by_receiver.values())
        rates = [figures.get("traces/s, acknowledged") for figures in by_receiver.values()]
        if len(rates) == 2 and all(rates):
            yield f"  {'times as many, acknowledged':<32}{rates[0] / rates[1]:>16.1f}"
            listed = [figures["traces/s, listed"] for figures in by_receiver.values()]
            yield f"  {'times as many, listed':<32}{listed[0] / listed[1]:>16.1f}"
            # Raglass stores before it answers; Phoenix answers first, so that only what it lists is known to be stored.
            yield f"  {'times as many, stored':<32}{rates[0] / listed[1]:>16.1f}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3g}" if value < 1_000 else f"{value:,.0f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


Open = Callable[[], AbstractContextManager[str]]
"""Gives the address of an empty database for one measurement; an empty one for SQLite's file."""


@contextmanager
def databases(store: str) -> Iterator[Open]:
    """Databases of a PostgreSQL of our own, or none for SQLite. Raises SystemExit where there is no PostgreSQL."""
    if store == "sqlite":
        yield lambda: nullcontext("")
        return
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("No PostgreSQL is here: install it, or put initdb on the PATH.")
    with PostgresCluster(binaries, durable=True) as cluster:
        yield cluster.database


def run(options: argparse.Namespace, database: Open) -> dict[str, dict[str, Figures]]:
    """Every measurement that was asked for, by the way of sending and the receiver."""
    results: dict[str, dict[str, Figures]] = {}
    for batch in options.batch:
        bodies = make_bodies(options.traces, batch)
        sizes = [
            sum(each) / len(bodies) / 1000
            for each in zip(*((len(b.payload), b.raw_bytes) for b in bodies), strict=True)
        ]
        way = f"{batch:,} trace(s) a request"
        print(f"{way}: {len(bodies):,} requests of {sizes[0]:.3g} kB, {sizes[1]:.3g} kB before gzip", flush=True)
        for name in [each for each in ("raglass", "phoenix") if each in options.only]:
            with (
                tempfile.TemporaryDirectory(prefix="raglass-bench-") as folder,
                database() as url,
                opening(name, Path(folder), options.phoenix, url) as receiver,
            ):
                results.setdefault(way, {})[name] = measure(receiver, bodies, options.senders, options.settle)
    if "kill" in options.only:
        bodies = make_bodies(options.kill_traces, 1, seed=1)
        with tempfile.TemporaryDirectory(prefix="raglass-bench-") as folder, database() as url:
            killed = measure_kill(Path(folder), bodies, options.senders, url)
        results["kill -9 amid sending"] = {"raglass": killed}
    if "person" in options.only:
        bodies = make_bodies(options.traces, 1, seed=2)
        with tempfile.TemporaryDirectory(prefix="raglass-bench-") as folder, database() as url:
            seen = measure_person(Path(folder), bodies, options.senders, url)
        results["a person at the Traces page"] = {"raglass": seen}
    return results


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=10_000)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument(
        "--batch", type=int, nargs="*", default=[1, 50], help="traces in a request: one measurement for each"
    )
    parser.add_argument(
        "--only",
        nargs="*",
        choices=("raglass", "phoenix", "kill", "person"),
        default=["raglass", "phoenix", "kill", "person"],
    )
    parser.add_argument(
        "--phoenix",
        type=Path,
        default=os.environ.get("RAGLASS_PHOENIX"),
        help="Python of an environment with arize-phoenix",
    )
    parser.add_argument(
        "--store", choices=("sqlite", "postgres"), default="sqlite", help="what Raglass keeps traces in"
    )
    parser.add_argument("--kill-traces", type=int, default=4_000, help="traces sent to the dashboard that is killed")
    parser.add_argument(
        "--settle", type=float, default=SETTLE_S, help="seconds without a new trace before the rest counts as lost"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.phoenix is None and "phoenix" in options.only:
        print("No Phoenix is at hand (RAGLASS_PHOENIX, which `make clients` installs): Raglass is measured alone.")
        options.only.remove("phoenix")
    with databases(options.store) as database:
        results = run(options, database)
    print(json.dumps(results, indent=1) if options.json else "\n".join(report(results)))


if __name__ == "__main__":
    main()
