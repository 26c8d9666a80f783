"""A real Phoenix on loopback, in an environment and a folder of its own, asked through its REST API.

Used by the test of our sender and by the benchmark of ingestion.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from serving.rehearsal.ports import free_port

START_S = 180.0
"""How long Phoenix may take to start: it imports for 8 s of processor time and migrates an empty database."""

PAGE = 1_000
"""Most that its API gives at once."""


@dataclass(frozen=True)
class Phoenix:
    """A Phoenix that is up."""

    url: str
    """Where it listens, without a path."""
    pid: int
    """Its process."""

    def spans(self, project: str, **filters: str) -> list[dict[str, Any]]:
        """Every span of a project that its API gives; none where it does not know the project."""
        return list(self._pages(f"/v1/projects/{project}/spans", filters))

    def trace_ids(self, project: str) -> set[str]:
        """The ids of every trace of a project."""
        return {each["trace_id"] for each in self._pages(f"/v1/projects/{project}/traces", {})}

    def _pages(self, path: str, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            asked = {"limit": str(PAGE), **filters, **({"cursor": cursor} if cursor else {})}
            reply = requests.get(self.url + path, params=asked, timeout=60)
            if reply.status_code == 404:
                return
            reply.raise_for_status()
            page = reply.json()
            yield from page["data"]
            cursor = page["next_cursor"]


@contextmanager
def serving_phoenix(python: Path, folder: Path) -> Iterator[Phoenix]:
    """A Phoenix that the Python of its environment runs, with its data in an empty folder; ended with the block."""
    port, other = free_port(), free_port()
    own = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(other),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(("PHOENIX_", "OTEL_"))}
    log = folder / "serve.log"
    with log.open("wb") as written:
        command = [str(python.absolute()), "-m", "phoenix.server.main", "serve"]
        process = subprocess.Popen(command, env=theirs | own, stdout=written, stderr=subprocess.STDOUT, cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        _await_readiness(process, f"{url}/readyz", log)
        yield Phoenix(url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_readiness(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise RuntimeError(f"Phoenix did not start:\n{log.read_text('utf-8', 'replace')[-2_000:]}")
