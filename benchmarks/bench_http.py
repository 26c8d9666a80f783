"""What asking an endpoint costs above the bare call, and how near a run over one comes to what its concurrency allows.

    python -m benchmarks.bench_http [--calls 300] [--questions 500] [--delay-ms 200] [--workers 8] [--json]

The stand-in answers from a process of its own: at once for the cost of a call, after the delay for the run. The bare call sends the same
bytes over a kept-alive connection and reads the reply as bytes. The ideal run takes questions × delay ÷ workers.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import urllib3

from app.config import Settings
from app.runs.record import RunPlan
from app.services import Services
from backends.registry import BackendConfig, open_backend

CHUNK = "A text as long as chunks are. " * 25
REPLY = json.dumps(
    {
        "answer": "It is what it is.",
        "documents": [
            {"id": f"d{n}", "title": f"Document {n}", "text": f"{n} {CHUNK}", "score": 1 - n / 10} for n in range(5)
        ],
        "usage": {"prompt": 900, "completion": 6},
        "timings": {"retrieve": 12.0, "generate": 150.0},
        "model": "stand-in",
    }
).encode()

ENDPOINT = """
[stand-in]
url = "URL"
request = { question = "{question}", limit = "{top_k}" }
[stand-in.reply]
answer = "answer"
chunks = "documents"
chunk = { text = "text", id = "id", title = "title", score = "score" }
stages_ms = { retrieve = "timings.retrieve", generate = "timings.generate" }
prompt_tokens = "usage.prompt"
completion_tokens = "usage.completion"
model = "model"
error = "error"
"""


class StandIn(BaseHTTPRequestHandler):
    """Answers anything with the same reply, after the delay."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    delay_s = 0.0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.delay_s)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def serve(delay_ms: float) -> None:
    """Be the stand-in; prints where it listens."""
    StandIn.delay_s = delay_ms / 1000
    with ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()


@contextmanager
def stand_in(delay_ms: float) -> Iterator[str]:
    """The address of a stand-in in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_http", "--serve", str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def write_file(folder: Path, url: str) -> Path:
    """The file that describes the stand-in."""
    path = folder / "backends.toml"
    path.write_text(ENDPOINT.replace("URL", url), "utf-8")
    return path


def measure_cost(folder: Path, calls: int) -> dict[str, Any]:
    """Milliseconds of a question and of the bare call, in turn and each first every other time, and what one is above the other."""
    question, body = (
        "Who proposed that continents drift?",
        b'{"question": "Who proposed that continents drift?", "limit": 5}',
    )
    headers = {"Content-Type": "application/json"}
    took: dict[str, list[tuple[float, float]]] = {"bare": [], "whole": []}
    config = BackendConfig(folder, backends_file=folder / "backends.toml")
    with stand_in(0) as url, urllib3.PoolManager(retries=False) as pool:
        write_file(folder, url)
        with closing(open_backend("http/stand-in", config)) as backend:
            asking = {
                "bare": lambda: pool.request("POST", url, body=body, headers=headers).data,
                "whole": lambda: backend.answer(question, top_k=5, deadline_s=10),
            }
            for number in range(calls + 20):
                for name in ("bare", "whole") if number % 2 else ("whole", "bare"):
                    begun, begun_cpu = time.perf_counter(), time.thread_time()
                    asking[name]()
                    took[name].append(((time.perf_counter() - begun) * 1000, (time.thread_time() - begun_cpu) * 1000))
    bare, whole = (np.array(took[name][20:]) for name in ("bare", "whole"))
    return {
        "calls": calls,
        "bare_p50_ms": float(np.median(bare[:, 0])),
        "whole_p50_ms": float(np.median(whole[:, 0])),
        "own_p50_ms": float(np.median(whole[:, 0] - bare[:, 0])),
        "own_processor_p50_ms": float(np.median(whole[:, 1] - bare[:, 1])),
    }


def measure_bare_run(questions: int, delay_ms: float, workers: int) -> float:
    """Seconds of as many bare calls, so many at once: what this machine makes of the ideal."""
    with (
        stand_in(delay_ms) as url,
        urllib3.PoolManager(maxsize=workers, retries=False) as pool,
        ThreadPoolExecutor(workers) as threads,
    ):
        begun = time.perf_counter()
        list(threads.map(lambda _: pool.request("POST", url, body=b"{}").data, range(questions)))
        return time.perf_counter() - begun


def measure_run(folder: Path, questions: int, delay_ms: float, workers: int) -> dict[str, Any]:
    """Seconds of a run through the evaluation runner, store and all, beside the ideal."""
    with stand_in(delay_ms) as url:
        settings = replace(Settings(), data_dir=folder, backends_file=str(write_file(folder, url)))
        with closing(Services(settings)) as services:
            plan = RunPlan("builtin", "http/stand-in", 5, 30.0, limit=questions, workers=workers)
            steps = services.evaluations.run(plan)
            begun, begun_cpu, last = None, 0.0, None
            for last in steps:
                if begun is None and last.progress is not None:
                    begun, begun_cpu = time.perf_counter(), time.process_time()
            assert begun is not None
            assert last is not None
            assert last.progress is not None
            took_s, processor_s = time.perf_counter() - begun, time.process_time() - begun_cpu
    ideal_s = last.progress.total * delay_ms / 1000 / workers
    return {
        "questions": last.progress.total,
        "failed": last.progress.failed,
        "workers": workers,
        "took_s": took_s,
        "processor_s": processor_s,
        "ideal_s": ideal_s,
        "share": ideal_s / took_s,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--delay-ms", type=float, default=200.0)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return
    with tempfile.TemporaryDirectory() as folder:
        cost = measure_cost(Path(folder), given.calls)
        bare_s = measure_bare_run(given.questions, given.delay_ms, given.workers)
        run = measure_run(Path(folder), given.questions, given.delay_ms, given.workers) | {"bare_s": bare_s}
    if given.json:
        print(json.dumps({"cost": cost, "run": run}, indent=2))
        return
    print(
        f"A question takes {cost['whole_p50_ms']:.2f} ms, the bare call {cost['bare_p50_ms']:.2f} ms; "
        f"above it p50 {cost['own_p50_ms']:.2f} ms, of the processor {cost['own_processor_p50_ms']:.2f} ms ({cost['calls']} pairs)"
    )
    print(
        f"{run['questions']} questions of {given.delay_ms:g} ms, {run['workers']} at once: {run['took_s']:.2f} s, of the processor "
        f"{run['processor_s']:.2f} s, ideal {run['ideal_s']:.2f} s, share {run['share']:.1%} "
        f"(bare calls: {run['bare_s']:.2f} s, {run['ideal_s'] / run['bare_s']:.1%}); {run['failed']} failed"
    )


if __name__ == "__main__":
    main()
