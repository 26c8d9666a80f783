"""Script time of the Traces page at two sizes of the store: first run, rerun with nothing changed, and search.

The page runs under Streamlit's own AppTest, so that what is measured is the script and its queries, without a browser.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from benchmarks.bench_store import RARE, seed

ROOT = Path(__file__).resolve().parent.parent
SCRIPT_TIMEOUT_S = 300
REPEATS = 5

SEARCHES = {"frequent": "what is", "rare": RARE, "no match": "zebra crossing"}
"""Words that most, some and no seeded questions hold."""


def run_once(address: dict[str, str]) -> tuple[AppTest, float]:
    """A new session on the Traces page: the test and its script time in seconds."""
    test = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=SCRIPT_TIMEOUT_S).switch_page(
        "../pages/traces.py"
    )
    for name, value in address.items():
        test.query_params[name] = value
    started = time.perf_counter()
    test.run()
    elapsed = time.perf_counter() - started
    assert not test.exception, test.exception
    return test, elapsed


def rerun(test: AppTest) -> float:
    """Seconds that a rerun with nothing changed takes: median."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        test.run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure(rows: int, folder: Path) -> dict[str, float]:
    """Seconds, by case, over a store of `rows` traces, which is seeded unless `folder` holds it."""
    import streamlit as st

    from app import services

    database = folder / f"seeded-{rows}.sqlite"
    with tempfile.TemporaryDirectory() as data_dir:
        os.environ |= {"RAGLASS_DATA_DIR": data_dir, "RAGLASS_DATABASE_URL": f"sqlite:///{database}"}
        services.services.cache_clear()
        st.cache_data.clear()
        if services.services().store.count() == 0:
            print(f"storing {rows:,} traces …", file=sys.stderr)
            seed(services.services().store, rows)
        run_once({})  # imports and connections are not the page's time
        st.cache_data.clear()
        test, first = run_once({})
        found = {"first run": first, "rerun, nothing changed": rerun(test)}
        for name, search in SEARCHES.items():
            st.cache_data.clear()
            _, found[f"search, {name}"] = run_once({"search": search})
        services.services().close()
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, nargs=2, default=[10_000, 1_000_000], help="sizes of the store, small and large"
    )
    parser.add_argument("--folder", type=Path, help="keep the seeded stores here, and use those already there")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    small, large = arguments.rows
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = {rows: measure(rows, folder) for rows in (small, large)}
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"Traces page, script seconds\n  {'':<26}{small:>12,}{large:>14,}{'ratio':>8}")
    for case in figures[small]:
        few, many = figures[small][case], figures[large][case]
        print(f"  {case:<26}{few:>12.3f}{many:>14.3f}{many / few:>8.2f}")


if __name__ == "__main__":
    main()
