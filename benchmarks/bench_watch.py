"""What scoring quality costs: what an answer is held up, how far behind it is, and how long the Live page's charts take to read.

python -m benchmarks.bench_watch
python -m benchmarks.bench_watch --seconds 5 --rounds 2   # briefly
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.kit.streaming import InFlight
from app.quality.recent import read_window
from app.quality.watching import Watcher
from backends.fake import Script, ScriptedBackend
from benchmarks.bench_metrics import make_traces, timed_ms
from metrics.store import TraceStore
from pipeline.types import Trace


def make_store(folder: Path, name: str) -> TraceStore:
    """A new store."""
    return TraceStore.open(f"sqlite:///{folder / name}.sqlite")


def measure_held_up(folder: Path, answers: int, rounds: int, per_s: float) -> dict[str, float]:
    """Milliseconds by which an answer, made and stored, takes longer while the watcher runs, by the clock and by its own thread's work.

    In turns with and without it, so that what else the machine does falls on both; traces come at `per_s` a second, which is what the
    watcher has to do. The mean is less the slowest twentieth, and the difference of turns' medians has an interval of 95 %.
    """
    in_flight, backend = InFlight(), ScriptedBackend(Script())
    clock: dict[bool, list[list[float]]] = {False: [], True: []}
    work: dict[bool, list[float]] = {False: [], True: []}

    def answer(trace: Trace, _: Callable[[object], None]) -> None:
        began = time.thread_time()
        backend.answer(trace.question, top_k=5, deadline_s=5.0)
        store.put(replace(trace, asked_at=time.time()))
        work[watched].append((time.thread_time() - began) * 1000)

    with make_store(folder, "held") as store:
        for turn in range(2 * rounds):
            watched = bool(turn % 2)
            watcher = Watcher(lambda: store, lambda _: None, busy=lambda: in_flight.count > 0)
            if watched:
                watcher.loop.start()
            clock[watched].append([])
            for trace in make_traces(answers):
                started = time.monotonic()
                took_ms = timed_ms(lambda asked=trace: list(in_flight.stream(partial(answer, asked), "bench")))  # type: ignore[misc]
                clock[watched][-1].append(took_ms)
                time.sleep(max(0.0, 1 / per_s - (time.monotonic() - started)))
            watcher.loop.stop()
    on, off = ([each for turn in clock[watched] for each in turn] for watched in (True, False))
    pairs = [statistics.median(b) - statistics.median(a) for a, b in zip(clock[False], clock[True], strict=True)]
    low, high = spread(pairs)
    return {
        "answers": float(len(on) + len(off)),
        "answer_p50_ms": statistics.median(off),
        "held_up_p50_ms": statistics.median(pairs),
        "held_up_p50_low_ms": low,
        "held_up_p50_high_ms": high,
        "held_up_mean_ms": statistics.fmean(_trimmed(on)) - statistics.fmean(_trimmed(off)),
        "own_work_p50_ms": statistics.median(work[True]) - statistics.median(work[False]),
    }


def spread(values: Sequence[float]) -> tuple[float, float]:
    """An interval of 95 % of their median, by bootstrap."""
    rng = random.Random(0)
    drawn = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(2_000))
    return drawn[50], drawn[1_949]


def _trimmed(values: Sequence[float]) -> list[float]:
    """Without the slowest twentieth: what the disk and the machine's other users add by chance."""
    return sorted(values)[: max(1, len(values) * 19 // 20)]


def measure_lag(folder: Path, seconds: float, per_s: float) -> dict[str, float]:
    """Seconds from a trace's storing to its scores, at `per_s` traces a second, and the processor's share that scoring took."""
    with make_store(folder, "lag") as store:
        watcher = Watcher(lambda: store, lambda _: None)
        watcher.loop.start()
        started = time.time()
        for sent, trace in enumerate(make_traces(int(seconds * per_s)), 1):
            store.put(replace(trace, asked_at=time.time()))
            time.sleep(max(0.0, started + sent / per_s - time.time()))
        ended = time.time()
        while (lag := store.quality.lag()) is None or lag.traces or store.health().waiting:
            time.sleep(0.05)
        caught_up_s = time.time() - ended
        watcher.loop.stop()
        with store._database.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT scored_at - asked_at FROM quality WHERE rule = 'grounded'")
            lags = sorted(row[0] for row in rows)
    return {
        "traces": float(len(lags)),
        "lag_p50_s": statistics.median(lags),
        "lag_p95_s": lags[int(len(lags) * 0.95)],
        "lag_max_s": lags[-1],
        "caught_up_s": caught_up_s,
    }


def measure_scoring(folder: Path, count: int) -> dict[str, float]:
    """Milliseconds a trace takes to be scored, with its reading and writing, and bytes that its scores take."""
    with make_store(folder, "scoring") as store:
        now = time.time()
        store.put_all([replace(trace, asked_at=now) for trace in make_traces(count)])
        store.fold()
        before = count_pages(store)
        watcher = Watcher(lambda: store, lambda _: None, per_s=1e9)
        watcher.look()
        started, done = time.perf_counter(), 0
        while found := watcher.look():
            done += found
        took_s = time.perf_counter() - started
        size = count_pages(store) - before
    return {"score_ms": took_s / done * 1000, "score_bytes": size / count}


def count_pages(store: TraceStore) -> int:
    """Bytes of the pages of a store that hold something."""
    with store._database.engine.connect() as connection:
        pages, free, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def measure_charts(folder: Path, hours: int, per_s: float) -> dict[str, float]:
    """Milliseconds to read all charts of a window of so many hours, and of the hours before it, at `per_s` traces a second."""
    count, now = int(hours * 2 * 3600 * per_s), time.time()
    with make_store(folder, "charts") as store:
        with store._database.writing() as connection:
            for rule in ("grounded", "abstained", "top_score", "answer_words", "confidence"):
                connection.exec_driver_sql(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                    "INSERT INTO quality SELECT i, ?, ? - i / ?, 'local/embedded', (i * 7919 % 1000) / 1000.0, ? FROM n",
                    (count, rule, now, per_s, now),
                )
        read = [
            timed_ms(lambda: read_window(store, now - hours * 3600, now, backend="local/embedded")) for _ in range(5)
        ]
    return {"charts_scores": float(count * 5), "charts_ms": statistics.median(read)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-s", type=float, default=20.0, help="traces a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long they come")
    parser.add_argument("--answers", type=int, default=60, help="answers timed in a turn")
    parser.add_argument("--rounds", type=int, default=20, help="turns with the watcher, and as many without")
    parser.add_argument("--hours", type=int, default=1, help="window of the charts")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            **measure_held_up(folder, given.answers, given.rounds, given.per_s),
            **measure_lag(folder, given.seconds, given.per_s),
            **measure_scoring(folder, 400),
            **measure_charts(folder, given.hours, given.per_s),
        }
    print(json.dumps({key: round(value, 4) for key, value in found.items()}, indent=1))


if __name__ == "__main__":
    main()
