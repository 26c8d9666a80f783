"""Child processes of the rehearsal: started with a log and a clean environment, waited for, and surely ended."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.errors import Unavailable
from serving.rehearsal.environments import ROOT

POLL_S = 0.05
TAIL_CHARACTERS = 1500

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PLAYWRIGHT_BROWSERS_PATH")
"""What children see of this process's environment: real credentials and proxies do not reach them."""


def clean_environ(**more: str) -> dict[str, str]:
    """An environment for a child."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"PYTHONUNBUFFERED": "1"} | more


class Child:
    """A process that has a session of its own, so that it ends with all that it started."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        """Start a command in the checkout. Its output goes to `<name>.log` in `folder`.

        Its standard input stays open for as long as this process lives: see `lifeline`.
        """
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                list(command), cwd=ROOT, env=dict(environ), stdin=subprocess.PIPE, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id, which is that of its session too."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace").strip()[-TAIL_CHARACTERS:]

    def wait_for_address(self, timeout_s: float = 30.0) -> str:
        """The address that it prints as its first line. Raises Unavailable with the end of its log."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and self.is_running():
            first, newline, _ = self.log.read_text("utf-8", "replace").partition("\n")
            if newline and first.startswith("http://"):
                return first
            time.sleep(POLL_S)
        raise self._did_not_start(timeout_s)

    def wait_until_ok(self, url: str, timeout_s: float) -> None:
        """Wait until an address answers 200. Raises Unavailable with the end of its log."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and self.is_running():
            if answers_ok(url):
                return
            time.sleep(POLL_S)
        raise self._did_not_start(timeout_s)

    def stop(self, grace_s: float = 10.0) -> None:
        """End it and all that it started: first asked, then, after a grace period, made to."""
        if self._process.stdin:
            self._process.stdin.close()
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _did_not_start(self, timeout_s: float) -> Unavailable:
        ended = self._process.poll()
        how = f"was not ready after {timeout_s:g} s" if ended is None else f"ended with status {ended}"
        return Unavailable(f"The rehearsal's {self.name} {how}. The end of its log: {self.tail() or '(empty)'}")


def answers_ok(url: str, timeout_s: float = 2.0) -> bool:
    """Whether a GET of a loopback address answers 200."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=timeout_s)
    try:
        connection.request("GET", address.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
