"""A dashboard on a free port over a data folder of its own, as a process: for the browser's journeys and for real clients."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from serving.rehearsal.ports import free_port

START_S = 120
"""How long it may take to be ready."""

SERVE = "from app.shell.main import main; main()"
"""What the process runs."""


@dataclass
class Dashboard:
    """A running dashboard."""

    url: str
    data_dir: Path
    log: Path


def start(
    data_dir: Path, *, port: int | None = None, program: str = SERVE, **environ: str
) -> tuple[subprocess.Popen[bytes], Dashboard]:
    """Start a dashboard and wait until it is ready. port: the one it must have; a free one if None. program: SERVE with more around it."""
    port = free_port() if port is None else port
    log = data_dir / "serve.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", str(port)],
            env=os.environ | {"RAGLASS_DATA_DIR": str(data_dir)} | environ,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    url = f"http://localhost:{port}"
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return process, Dashboard(url, data_dir, log)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    process.kill()
    raise AssertionError(f"the dashboard did not get ready:\n{log.read_text('utf-8', 'replace')}")
