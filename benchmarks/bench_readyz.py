"""Whether the dashboard answers while it indexes hostile files: the times that `/readyz` of a real server takes meanwhile.

    python -m benchmarks.bench_readyz [--files NAME …] [--seconds N]

The server is a process of its own over a fresh data folder; the job is the one that the Corpus page starts. It is stopped after N seconds.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy as np

from benchmarks.hostile import HOSTILE

SERVER = """
import sys, threading
from app.documents.indexing import Upload
from app.services import services
from app.shell.main import main
from benchmarks.hostile import HOSTILE

def work():
    uploads = [Upload(name, HOSTILE[name]()) for name in sys.argv[2:]]
    input()
    job = services().indexing.start(services().backends.corpus("local/embedded"), uploads)
    while job.running:
        state = job.wait(1)
        print(state.phase, state.file, state.progress, file=sys.stderr)
    print(job.state.outcome, file=sys.stderr)

threading.Thread(target=work, daemon=True).start()
main(["serve", "--port", sys.argv[1]])
"""


def main() -> None:
    """Start the server, start the job, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", nargs="+", default=["minified.txt", "quotes.txt", "one-line.txt"], choices=HOSTILE)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/readyz"
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(port), *options.files],
            env={**os.environ, "RAGLASS_DATA_DIR": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            while server.poll() is None and ask(url) is None:
                time.sleep(0.5)
            assert server.stdin is not None
            print("begin", file=server.stdin, flush=True)
            times = []
            until = time.monotonic() + options.seconds
            while server.poll() is None and time.monotonic() < until:
                times.append(ask(url) or float("inf"))
                time.sleep(0.05)
        finally:
            server.terminate()
            server.wait()
    half, most, longest = np.quantile(times, [0.5, 0.99, 1])
    print(f"{', '.join(options.files)}: /readyz answered {len(times):,} times in {options.seconds:g} s")
    print(f"median {half * 1000:.0f} ms, 99 % within {most * 1000:.0f} ms, longest {longest * 1000:.0f} ms")


def ask(url: str) -> float | None:
    """Seconds until the answer, or None where it is not ready."""
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(url, timeout=60):
            return time.perf_counter() - began
    except OSError:
        return None


if __name__ == "__main__":
    main()
