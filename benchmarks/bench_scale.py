"""What grows with what is stored: script time of every page, time of the main commands, and the plans of the queries behind them.

    python -m benchmarks.bench_scale --quick
    python -m benchmarks.bench_scale --traces 10000 100000 1000000 --folder stores      # SQLite; keeps the seeded stores
    python -m benchmarks.bench_scale --store postgres --traces 10000 1000000 --runs 100 1000 --folder stores --parts pages
    python -m benchmarks.bench_scale --folder stores --parts whole --only backup        # of what was seeded before
    python -m benchmarks.bench_scale --parts corpus --chunks 10000 1000000
    python -m benchmarks.bench_scale --parts pages --traces 1000000 --runs 1000 --over 1000000 --folder stores     # and as many chunks

Pages run under Streamlit's AppTest, without a browser: `first` is a page that this process has not drawn since something was stored, with
all imports and connections made, `again` a rerun with nothing changed. Times are the processor's, of this process and of PostgreSQL's,
and in parentheses wall time, which on a busy machine says more of the others. A page may take 1 s at first and 0.3 s again; what takes
longer of the processor is marked. `whole` are the commands that go through all that is stored, each in a process of its own, with its
peak of memory. What is seeded in a folder is kept there, and seeding that was broken off goes on where it was.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.scaled_commands import COMMANDS
from benchmarks.scaled_corpus import measure_corpus, own_data, place_of
from benchmarks.scaled_pages import (
    PAGES,
    Sent,
    Taken,
    as_asked_last,
    measure_commands,
    measure_pages,
    read_plans,
    said_once,
)
from benchmarks.scaled_places import Place, places
from benchmarks.scaled_store import TREE_SPANS, is_whole, seed_scaled
from benchmarks.scaled_wholes import Whole, measure_wholes
from metrics.store import TraceStore

FIRST_S, AGAIN_S = 1.0, 0.3
"""What a page may take."""

PARTS = ("pages", "commands", "whole", "corpus")

QUICK = {"traces": [1_000, 4_000], "runs": [5, 20], "chunks": [500, 2_000], "answers": 20}

Results = dict[str, Any]


def measure_size(
    url: str, place: Place, parts: Sequence[str], only: Sequence[str], folder: Path, over: Path | None
) -> Results:
    """Everything that is asked of one store. folder: where a backup may lie for a while. over: a data folder with documents."""
    found: Results = {}
    sent = Sent()
    with tempfile.TemporaryDirectory() as empty, said_once(), as_asked_last(url):
        data_dir = empty if over is None else str(over)
        os.environ |= {"RAGLASS_DATA_DIR": data_dir} if over is None else own_data(over)
        os.environ["RAGLASS_DATABASE_URL"] = url
        if "pages" in parts:
            found["pages"] = measure_pages(PAGES, only, sent)
        if "commands" in parts:
            found["commands"] = measure_commands(COMMANDS, only, Path(data_dir), sent)
        if sent.by_sql:
            found["plans"] = read_plans(sent)
        if "whole" in parts:
            found["whole"] = measure_wholes(url, place, only, folder)
    return found


@contextmanager
def seeded(options: argparse.Namespace, traces: int, runs: int, place: Place) -> Iterator[tuple[str, float]]:
    """The address of a store of that size and its bytes; seeded to its end unless it was."""
    with place(f"scaled_{traces}_{options.spans}_{runs}") as url:
        with TraceStore.open(url) as store:
            if not is_whole(store, traces, runs):
                print(f"storing {traces:,} traces, {runs:,} runs …", file=sys.stderr)
                seed_scaled(store, traces, options.spans, runs, options.answers)
        with TraceStore.open(url) as store:  # closing the first moved SQLite's log into the file
            stored_bytes = store.health().stored_bytes
        yield url, stored_bytes


def report(results: Mapping[str, Results], spans: int, answers: int) -> Iterator[str]:
    """The figures as lines of text."""
    sizes = list(results)
    yield f"\n{'stored':<34}" + "".join(f"{size:>22}" for size in sizes)
    yield f"  {'spans':<32}" + "".join(f"{results[size]['traces'] * spans:>22,}" for size in sizes)
    yield f"  {'answers of runs':<32}" + "".join(f"{results[size]['runs'] * answers:>22,}" for size in sizes)
    yield f"  {'GB':<32}" + "".join(f"{results[size]['bytes'] / 1e9:>22.3g}" for size in sizes)
    pages = {size: found["pages"] for size, found in results.items() if "pages" in found}
    if pages:
        yield from _report_times("pages, first, s", pages, 0, FIRST_S)
        yield from _report_times("pages, again, s", pages, 1, AGAIN_S)
        steps = {size: found["pages"] for size, found in results.items() if "pages" in found}
        yield from _report_steps(steps)
    commands = {size: found["commands"] for size, found in results.items() if "commands" in found}
    if commands:
        yield from _report_times("commands, s", commands, 0, None)
    wholes = {size: found["whole"] for size, found in results.items() if "whole" in found}
    if wholes:
        yield from _report_wholes(wholes)
    for size, found in results.items():
        if "plans" in found:
            yield from _report_plans(size, found["plans"])


def _report_times(
    title: str, by_size: Mapping[str, Mapping[str, Taken]], place: int, most_s: float | None
) -> Iterator[str]:
    yield f"\n{title:<34}" + "".join(f"{size:>22}" for size in by_size) + f"{'grows':>9}"
    for name in next(iter(by_size.values())):
        taken = [found[name] for found in by_size.values() if name in found]
        used = [each.cpu_s[place] for each in taken]
        cells = "".join(f"{each.cpu_s[place]:>12.3f} ({each.wall_s[place]:>7.3f})" for each in taken)
        slow = "  too slow" if most_s is not None and max(used) > most_s else ""
        yield f"  {name:<32}{cells}{used[-1] / max(used[0], 1e-9):>8.1f}×{slow}"


def _report_wholes(by_size: Mapping[str, Mapping[str, Whole]]) -> Iterator[str]:
    yield f"\n{'of all that is stored, s and MB':<34}" + "".join(f"{size:>30}" for size in by_size)
    for name in next(iter(by_size.values())):
        taken = [found[name] for found in by_size.values()]
        yield f"  {name:<32}" + "".join(
            f"{each.cpu_s:>12.1f} ({each.wall_s:>7.1f}){each.peak_mb:>6.0f} MB" for each in taken
        )


def _report_steps(by_size: Mapping[str, Mapping[str, Taken]]) -> Iterator[str]:
    if not any(each.steps for found in by_size.values() for each in found.values()):
        return
    yield f"\n{'SQLite steps of a first run, thousands':<34}" + "".join(f"{size:>22}" for size in by_size)
    for name in next(iter(by_size.values())):
        yield f"  {name:<32}" + "".join(f"{found[name].steps / 1e3:>22,.0f}" for found in by_size.values())


def _report_plans(size: str, plans: Mapping[str, Any]) -> Iterator[str]:
    yield f"\nplans, {size}: {plans['statements']} statements of pages and commands; those that read a table from one end"
    for row in plans["scans"]:
        yield f"  {row['what']:<44} {row['sql']}"
        yield f"      asked by {', '.join(row['by'])}"
    if not plans["scans"]:
        yield "  none"


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Results]:
    """Figures by the size of the store."""
    results: dict[str, Results] = {}
    over = place_of(options.over, folder, options.index) if options.over else None
    if over is not None:
        measure_corpus([options.over], folder, options.index, options.effort)
    runs = [*options.runs, *[options.runs[-1]] * len(options.traces)]
    for traces, of_runs in zip(options.traces, runs, strict=False):
        with (
            places(options.store, folder) as place,
            seeded(options, traces, of_runs, place) as (url, stored_bytes),
        ):
            name = f"{traces:,} / {of_runs:,}"
            found = measure_size(url, place, options.parts, options.only, folder, over)
            results[name] = {"traces": traces, "runs": of_runs, "bytes": stored_bytes, **found}
            print(f"measured {name}", file=sys.stderr, flush=True)
    return results


def read_options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--traces", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of the store"
    )
    parser.add_argument("--spans", type=int, default=10, help=f"spans of a trace, {TREE_SPANS} at least")
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 300, 1_000], help="runs in each of these stores")
    parser.add_argument("--answers", type=int, default=100, help="answers of each run")
    parser.add_argument(
        "--chunks", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="chunks in the index"
    )
    parser.add_argument(
        "--index", default="", help="the kind of index, as FAISS names it; chosen automatically unless said"
    )
    parser.add_argument(
        "--over", type=int, default=0, help="chunks in the index that pages and commands see; none unless said"
    )
    parser.add_argument("--effort", type=int, default=64, help="how hard such an index is searched")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", nargs="+", default=[], help="pages and commands whose names hold one of these words")
    parser.add_argument("--folder", type=Path, help="keep seeded stores and indexes here, and use those already there")
    parser.add_argument("--quick", action="store_true", help="small sizes, which take a few minutes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(**QUICK)
        options = parser.parse_args()
    return options


def main() -> None:
    """Seed where need be, measure, print."""
    options = read_options()
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)  # a PostgreSQL server runs as another user
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        stores = measure(options, folder) if set(options.parts) - {"corpus"} else {}
        corpora = (
            measure_corpus(options.chunks, folder, options.index, options.effort) if "corpus" in options.parts else {}
        )
    if options.json:
        print(json.dumps({"stores": stores, "corpora": corpora}, indent=1, default=asdict))
        return
    print(f"{options.store}, {os.cpu_count()} processors; by traces / runs stored")
    print("\n".join(report(stores, options.spans, options.answers)) if stores else "")
    for line in report_corpora(corpora):
        print(line)


def report_corpora(corpora: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """What the index takes, by its chunks."""
    if not corpora:
        return
    yield f"\n{'chunks in the index':<34}" + "".join(f"{size:>16}" for size in corpora) + f"{'grows':>9}"
    for name in next(iter(corpora.values())):
        values = [found[name] for found in corpora.values()]
        yield (
            f"  {name:<32}"
            + "".join(f"{value:>16,.3g}" for value in values)
            + f"{values[-1] / max(values[0], 1e-9):>8.1f}×"
        )


if __name__ == "__main__":
    main()
