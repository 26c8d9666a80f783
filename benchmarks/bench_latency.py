"""Latency of the embedded profile by stage, cold and warm; start of `make run` to the first usable page; peak memory.

Every figure is measured on a fresh data folder with the built-in corpus. Ratios compare within this run.
"""

import argparse
import importlib.util
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import corpus
from tests.browser.install import find_browser

ROOT = Path(__file__).resolve().parent.parent

QUESTIONS = 60

CHILD = """
import json, resource, sys, time
started = time.perf_counter()
from pathlib import Path
from app.config import Settings
from app.services import Services
from dataclasses import replace
services = Services(replace(Settings(), data_dir=Path(sys.argv[1])))
imported = time.perf_counter()
backend = services.backends.open("local/embedded")
opened = time.perf_counter()
rows = []
for question in sys.stdin.read().splitlines():
    asked = services.asking.ask(services.asking.question(question))
    spans = {span.stage: span.duration_ms for span in asked.trace.spans}
    rows.append(spans | {"unaccounted": asked.trace.unaccounted_ms, "total": asked.trace.duration_ms})
services.close()
print(json.dumps({
    "import_ms": (imported - started) * 1000,
    "open_ms": (opened - imported) * 1000,
    "rows": rows,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def run_child(data_dir: Path, questions: list[str]) -> dict:
    """Ask questions in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(data_dir)],
        input="\n".join(questions),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    return json.loads(done.stdout.splitlines()[-1])


def first_page_s(data_dir: Path) -> dict[str, float]:
    """Seconds from `make run` in a warm environment to the server's first answer, to readiness, and to a page one can use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = os.environ | {"RAGLASS_DATA_DIR": str(data_dir), "RAGLASS_PORT": str(port)}
    started = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(["make", "--silent", "run"], cwd=ROOT, env=environ, start_new_session=True, **quiet)
    times = {}
    try:
        for name, path in (("server answers", "/_stcore/health"), ("ready", "/readyz")):
            while name not in times:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                        times[name] = time.perf_counter() - started
                except (urllib.error.URLError, ConnectionError, TimeoutError):
                    time.sleep(0.02)
        times["page usable"] = times["ready"] + usable_page_s(port)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    return times


def usable_page_s(port: int) -> float:
    """Seconds that a browser, already running, takes to show the question box; not a number without Playwright or a browser."""
    if importlib.util.find_spec("playwright") is None or (found := find_browser()) is None:
        return float("nan")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        opened = time.perf_counter()
        page.goto(f"http://localhost:{port}/")
        page.get_by_label("Question", exact=True).wait_for()
        took = time.perf_counter() - opened
        browser.close()
    return took


def median(rows: list[dict], stage: str) -> float:
    """Median milliseconds of a stage."""
    return statistics.median(row[stage] for row in rows)


def measure() -> dict:
    """All figures."""
    asked = [question.question for question in corpus.questions() if question.answerable]
    questions = asked[:: max(1, len(asked) // QUESTIONS)][:QUESTIONS]
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        fresh = run_child(data_dir, questions)
        again = run_child(data_dir, questions[:1])
        serve_fresh = first_page_s(data_dir / "fresh")
        serve_again = first_page_s(data_dir / "fresh")
    stages = list(fresh["rows"][0])
    return {
        "questions": len(questions),
        "import_ms": again["import_ms"],
        "open_fresh_ms": fresh["open_ms"],
        "open_again_ms": again["open_ms"],
        "cold_ms": {stage: fresh["rows"][0][stage] for stage in stages},
        "warm_ms": {stage: median(fresh["rows"][1:], stage) for stage in stages},
        "warm_p95_ms": statistics.quantiles([row["total"] for row in fresh["rows"][1:]], n=20)[-1],
        "serve_fresh_s": serve_fresh,
        "serve_again_s": serve_again,
        "peak_mb": fresh["peak_mb"],
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure()
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"Embedded profile, built-in corpus, {found['questions']} questions in one process")
    print(
        f"  imports {found['import_ms']:.0f} ms; backend opens in {found['open_fresh_ms']:.0f} ms the first time (index built), "
        f"{found['open_again_ms']:.0f} ms after that (ratio {found['open_fresh_ms'] / found['open_again_ms']:.1f})"
    )
    print(f"  {'stage':<12}{'cold ms':>10}{'warm ms (median)':>18}{'cold / warm':>13}")
    for stage, warm in found["warm_ms"].items():
        cold = found["cold_ms"][stage]
        print(f"  {stage:<12}{cold:>10.2f}{warm:>18.2f}{cold / warm if warm else float('nan'):>13.1f}")
    print(f"  warm p95 {found['warm_p95_ms']:.1f} ms")
    print(f"  peak memory of that process {found['peak_mb']:.0f} MB")
    for name, times in (("fresh data folder", found["serve_fresh_s"]), ("again", found["serve_again_s"])):
        steps = ", ".join(f"{step} after {seconds:.2f} s" for step, seconds in times.items())
        print(f"  make run, warm environment, {name}: {steps}")


if __name__ == "__main__":
    main()
