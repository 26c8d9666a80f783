"""Receivers of traces in processes of their own: Raglass and a real Phoenix, with what they took in and what it cost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests
from sqlalchemy import create_engine, func, select

from benchmarks.senders import PROJECT
from metrics.store import TraceStore
from metrics.tables import traces
from serving.rehearsal.ports import free_port
from tests.clients.served_phoenix import Phoenix, serving_phoenix

ROOT = Path(__file__).resolve().parent.parent

START_S = 180.0
"""How long the dashboard may take to be ready, its first index included."""

TICKS_A_S = os.sysconf("SC_CLK_TCK")


class Receiver(Protocol):
    """What is measured."""

    @property
    def url(self) -> str:
        """Where traces are sent."""

    @property
    def pid(self) -> int:
        """Its process."""

    def count_listed(self) -> int:
        """How many traces its lists show now; asked without putting it to much work."""

    def spans_of(self, trace_ids: Sequence[str]) -> dict[str, int]:
        """How many spans it has of each of these traces that it has."""


@dataclass(frozen=True)
class RaglassReceiver:
    """`raglass serve` over a store of its own."""

    address: str
    """Where it listens, without a path."""
    pid: int
    """Its process."""
    store_url: str
    """Its store."""

    @property
    def url(self) -> str:
        """Where traces are sent."""
        return f"{self.address}/v1/traces"

    def count_listed(self) -> int:
        """Rows of the list, read beside the dashboard: nothing is folded by asking."""
        engine = create_engine(self.store_url)
        try:
            with engine.connect() as connection:
                return connection.scalar(select(func.count()).select_from(traces)) or 0
        finally:
            engine.dispose()

    def spans_of(self, trace_ids: Sequence[str]) -> dict[str, int]:
        """Read from the store."""
        with TraceStore.open(self.store_url) as store:
            found = {trace_id: store.get(trace_id) for trace_id in trace_ids}
        return {trace_id: len(stored.trace.spans) for trace_id, stored in found.items() if stored is not None}


@dataclass(frozen=True)
class PhoenixReceiver:
    """A Phoenix of its own, as it comes."""

    served: Phoenix

    @property
    def url(self) -> str:
        """Where traces are sent."""
        return f"{self.served.url}/v1/traces"

    @property
    def pid(self) -> int:
        """Its process."""
        return self.served.pid

    def count_listed(self) -> int:
        """By the query that its own list of projects shows."""
        query = "{projects{edges{node{name traceCount}}}}"
        reply = requests.post(f"{self.served.url}/graphql", json={"query": query}, timeout=120)
        projects = reply.json()["data"]["projects"]["edges"]
        return next((each["node"]["traceCount"] for each in projects if each["node"]["name"] == PROJECT), 0)

    def spans_of(self, trace_ids: Sequence[str]) -> dict[str, int]:
        """Read through its REST API."""
        wanted, found = set(trace_ids), dict[str, int]()
        for span in self.served.spans(PROJECT):
            trace_id = span["context"]["trace_id"]
            if trace_id in wanted:
                found[trace_id] = found.get(trace_id, 0) + 1
        return found


@contextmanager
def serving_raglass(folder: Path, database_url: str = "") -> Iterator[RaglassReceiver]:
    """A dashboard over an empty data folder, ready; ended with the block. database_url: an empty database in place of SQLite's file."""
    port = free_port()
    store_url = database_url or f"sqlite:///{folder / 'traces.sqlite'}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAGLASS_", "OTEL_"))}
    own = {"RAGLASS_DATA_DIR": str(folder), "RAGLASS_DATABASE_URL": database_url, "RAGLASS_PORT": str(port)}
    log = folder / "serve.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.shell", "serve"],
            cwd=ROOT,
            env=kept | own,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_readiness(process, f"http://127.0.0.1:{port}/readyz", log)
        yield RaglassReceiver(f"http://127.0.0.1:{port}", process.pid, store_url)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def receiving_phoenix(python: Path, folder: Path) -> Iterator[PhoenixReceiver]:
    """A Phoenix over an empty folder; ended with the block. python: that of an environment with arize-phoenix."""
    with serving_phoenix(python, folder) as served:
        yield PhoenixReceiver(served)


def _await_readiness(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise SystemExit(f"The dashboard did not start:\n{log.read_text('utf-8', 'replace')[-2_000:]}")


def processor_s(pid: int) -> float:
    """Processor time of a process and of the children that it has waited for, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS_A_S


def forget_peak(pid: int) -> None:
    """Let the peak of memory begin anew, where the system allows it."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    """Most memory that a process has held, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kilobytes) * 1024 / 1e6
