"""Script time of two pages: Traces at two sizes of the store (first run, rerun with nothing changed, search), and Runs with many long runs.

A page runs under Streamlit's own AppTest, so that what is measured is the script and its queries, without a browser.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks.seeding import RARE, seed
from evaluation.ranking import Redundancy
from evaluation.scoring import Scored
from evaluation.similarity import measure_similarity
from evaluation.summary import GROUPS, headline_figures
from explain.diagnosis import Failure
from metrics.store import TraceStore

ROOT = Path(__file__).resolve().parent.parent
SCRIPT_TIMEOUT_S = 300
REPEATS = 5

SEARCHES = {"frequent": "what is", "rare": RARE, "no match": "zebra crossing"}
"""Words that most, some and no seeded questions hold."""


def run_once(address: dict[str, str], page: str = "traces") -> tuple[AppTest, float]:
    """A new session on a page: the test and its script time in seconds."""
    test = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=SCRIPT_TIMEOUT_S).switch_page(
        f"../pages/{page}.py"
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


def seed_runs(store: TraceStore, runs: int, questions: int, *, first: int = 0) -> list[str]:
    """Runs of so many scored answers in articles of ten and nine types, without traces; their ids, counted from `first`."""
    kinds = [kind for group in GROUPS.values() for kind in group]
    ids = [f"{number:08x}" for number in range(first, first + runs)]
    for run_id in ids:
        random = np.random.default_rng(int(run_id, 16))
        scores = [make_score(number, kinds[number % len(kinds)], run_id, random) for number in range(questions)]
        about = {
            "name": "builtin",
            "dataset": "builtin",
            "backend": "local/embedded",
            "questions": questions,
            "top_k": 5,
        }
        store.runs.start(run_id, {**about, "problems": [], "version": "0", "limit": None, "seed": 0, "rerank": False})
        store.runs.keep(run_id, [(each.question_id, each.trace_id, each.to_dict()) for each in scores])
        store.runs.note(run_id, {"figures": headline_figures(scores)})
        store.runs.set_status(run_id, "finished")
    return ids


def make_score(number: int, kind: str, run_id: str, random: np.random.Generator) -> Scored:
    """A made-up answer of a run, right in eight cases of ten, with a label."""
    right, rank = bool(random.random() < 0.8), int(random.integers(1, 6))
    return Scored(
        question_id=f"q{number}",
        question=f"What is known of subject {number} in the article on matter {number // 10}?",
        type=kind,
        cluster=f"article {number // 10}",
        answerable=True,
        trace_id=f"{run_id}{number:024x}",
        answer=f"Of subject {number} it is known that it is like many others, and has been so for {number} years.",
        abstained=False,
        failed=False,
        problem="",
        correct=right,
        exact=False,
        f1=float(random.random()),
        holds_gold=right,
        gold_rank=rank,
        confidence=float(random.random()),
        confidence_kind="calibrated",
        answer_words=int(random.integers(5, 40)),
        duration_ms=float(random.gamma(4, 5)),
        similarity=measure_similarity(sorted(random.uniform(0.7, 0.95, 5), reverse=True)),
        golds=(f"{number} years",),
        article=f"article {number // 10}",
        label=str(Failure.CORRECT if right else Failure.CONTEXT_IGNORED),
        reliance_nats=float(random.normal(8, 4)),
        gold_ranks=(rank,),
        redundancy=Redundancy(float(random.random()), float(random.uniform(1, 5))),
        stages_ms={"embed": 8.0, "retrieve": 1.0, "generate": float(random.gamma(4, 2))},
    )


def measure_runs(runs: int, questions: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds of the list of runs, of one run and of two compared: the first time, and again with nothing changed."""
    import streamlit as st

    from app import services

    os.environ |= {"RAGLASS_DATA_DIR": str(folder), "RAGLASS_DATABASE_URL": f"sqlite:///{folder / 'runs.sqlite'}"}
    services.services.cache_clear()
    print(f"storing {runs:,} runs of {questions:,} answers …", file=sys.stderr)
    ids = seed_runs(services.services().store, runs, questions)
    run_once({}, "runs")  # imports and connections are not the page's time
    addresses = {"list of runs": {}, "one run": {"run": ids[-1]}, "two runs": {"run": ids[-2], "with": ids[-1]}}
    found: dict[str, tuple[float, float]] = {}
    for name, address in addresses.items():
        st.cache_data.clear()
        st.cache_resource.clear()
        test, first = run_once(address, "runs")
        found[name] = first, rerun(test)
    services.services().close()
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, nargs=2, default=[10_000, 1_000_000], help="sizes of the store, small and large"
    )
    parser.add_argument("--folder", type=Path, help="keep the seeded stores here, and use those already there")
    parser.add_argument("--runs", type=int, default=100, help="runs on the Runs page")
    parser.add_argument("--questions", type=int, default=1_000, help="answers of each")
    parser.add_argument("--only", choices=("traces", "runs"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = {} if arguments.only == "runs" else {rows: measure(rows, folder) for rows in arguments.rows}
    with tempfile.TemporaryDirectory() as temporary:
        wanted = arguments.only != "traces"
        runs = measure_runs(arguments.runs, arguments.questions, Path(temporary)) if wanted else {}
    if arguments.json:
        print(json.dumps({"traces": figures, "runs": runs}, indent=2))
        return
    if figures:
        print_traces(*arguments.rows, figures)
    if runs:
        print(f"Runs page, script seconds, {arguments.runs:,} runs of {arguments.questions:,} answers")
        print(f"  {'':<26}{'first':>12}{'again':>14}")
        for name, (first, again) in runs.items():
            print(f"  {name:<26}{first:>12.3f}{again:>14.3f}")


def print_traces(small: int, large: int, figures: dict[int, dict[str, float]]) -> None:
    """The Traces page at two sizes."""
    print(f"Traces page, script seconds\n  {'':<26}{small:>12,}{large:>14,}{'ratio':>8}")
    for case in figures[small]:
        few, many = figures[small][case], figures[large][case]
        print(f"  {case:<26}{few:>12.3f}{many:>14.3f}{many / few:>8.2f}")


if __name__ == "__main__":
    main()
