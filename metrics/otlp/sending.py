"""Our traces to a collector, without ever slowing or failing a question.

`TraceSender` owns the queue, the batches and what becomes of a failure; `Target` says where to, and why not. What a request holds and
what a reply means is `metrics.otlp.collector`'s. What finds no room in the queue is dropped and counted: it is in the store all the same.
"""

import logging
import os
import random
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from metrics.otlp.records import SpanRecord
from pipeline.errors import BackendError, ConfigError, RaglassError
from pipeline.types import Trace

log = logging.getLogger(__name__)

CAPACITY = 2_000
"""Traces waiting at most, some 20 KB each. A newer one finds no room: what waits is sent once the collector is back."""

BATCH = 32
"""Traces in a request at most."""

PERIOD_S = 1.0
"""How long a trace waits for others to share its request."""

FIRST_WAIT_S, MAX_WAIT_S = 1.0, 60.0
"""Bounds of the wait after the first failure in a row and after many."""

LONGEST_ASKED_S = 300.0
"""Longest wait that a collector can ask for."""

PATH = "/v1/traces"
"""Where a collector takes traces (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request)."""

INSTANCE_ID = uuid.uuid4().hex
"""This process, as its traces name it: resource attribute `service.instance.id`."""

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The standard variables, of which the first is a whole address and the second what `PATH` follows
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""

PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
"""The standard variables that choose how to speak; the first counts first."""


class CollectorAway(BackendError):
    """The collector cannot take traces now; later it may."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class CollectorRefused(BackendError):
    """The collector does not take these traces, perhaps for the sake of one of them."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where traces are sent."""

    url: str
    """The whole address; it may hold a password."""
    source: str
    """The variable that it is from."""
    why_not: str = ""
    """Why nothing is sent there, with what to do; empty where all is well."""

    @property
    def shown(self) -> str:
        """The address without what may be a secret."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return "an address that cannot be read"
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def read_target(setting: str, host: str, port: int, environ: Mapping[str, str] = os.environ) -> Target | None:
    """Where traces are to be sent; None for nowhere.

    setting: `RAGLASS_OTLP_ENDPOINT`, which counts before the standard variables. host, port: where this dashboard listens, since what is
    sent there would come back. Raises ConfigError for a setting that is no address; a standard variable that is none stops nothing.
    """
    if setting:
        target = Target(_with_path(setting), "RAGLASS_OTLP_ENDPOINT")
        wrong = _what_is_wrong(target.url, bare=True)
        if wrong:
            raise ConfigError(f"{target.source} {wrong}")
    else:
        found = _standard_target(environ)
        if found is None or found.why_not:
            return found
        target, wrong = found, _what_is_wrong(found.url, bare=False)
        if wrong:
            return replace(target, why_not=f"{target.source} {wrong}")
    if _is_here(target.url, host, port):
        return replace(target, why_not=f"{target.source} is this dashboard itself. Name another address.")
    return target


def _standard_target(environ: Mapping[str, str]) -> Target | None:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    whole, base = (environ.get(name, "") for name in ENDPOINTS)
    if not whole and not base:
        return None
    source = next(name for name in ENDPOINTS if environ.get(name))
    protocol = next((name for name in PROTOCOLS if environ.get(name)), "")
    why_not = ""
    if environ.get(protocol) == "grpc":
        why_not = (
            f"{protocol} is grpc. Name a collector's HTTP address in RAGLASS_OTLP_ENDPOINT; its port often is 4318."
        )
    return Target(whole or f"{base.removesuffix('/')}{PATH}", source, why_not)


def _with_path(address: str) -> str:
    bare = address.rstrip("/")
    return bare if bare.endswith(PATH) else bare + PATH


def _what_is_wrong(url: str, *, bare: bool) -> str:
    """What keeps a URL from being a collector's, as the end of a sentence; empty if nothing. bare: whether it must be without secrets."""
    wrong = "is no address of a collector. Write http://host:4318"
    try:
        parts = urlsplit(url)
        _ = parts.port  # Raises for what is no number.
    except ValueError:
        return f"{wrong}."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{wrong}."
    if bare and (parts.username or parts.password or parts.query or parts.fragment):
        return f"{wrong}, without a user or a key; those go into OTEL_EXPORTER_OTLP_HEADERS."
    return ""


def _is_here(url: str, host: str, port: int) -> bool:
    """Whether a URL leads to this machine and this port. Names are not looked up, which could take long."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    if (parts.port or (443 if parts.scheme == "https" else 80)) != port:
        return False
    if name in (host, "localhost", socket.gethostname().lower()):
        return True
    try:
        # Only an address of one's own can be bound.
        with socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET, socket.SOCK_STREAM) as probe:
            socket.inet_pton(probe.family, name)
            probe.bind((name, 0))
    except OSError:
        return False
    return True


def is_own(record: SpanRecord) -> bool:
    """Whether a span that arrived was sent by this process."""
    return record.resource.get("service.instance.id") == INSTANCE_ID


class TraceSink(Protocol):
    """Where batches go."""

    def send(self, traces: Sequence[Trace]) -> int:
        """Send traces in one request, trying once; how many of their spans were turned down.

        Raises CollectorAway, CollectorRefused, or another RaglassError where neither waiting nor sending fewer helps.
        """

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class SendCounts:
    """What became of the traces so far."""

    sent: int
    """Traces that the collector took."""
    dropped: int
    """Traces that were given up."""
    waiting: int
    """Traces in the queue or on their way."""
    turned_down: int
    """Spans of sent traces that the collector did not accept."""
    failing_since: float | None
    """When the first of the failures up to now was, in seconds since the epoch; None if the last request did not fail."""
    problem: str | None
    """Why the last request failed, without secrets; None if it did not."""


class TraceSender:
    """A bounded queue and the thread that empties it. Threads may share one."""

    def __init__(
        self, open_sink: Callable[[], TraceSink], *, capacity: int = CAPACITY, period_s: float = PERIOD_S
    ) -> None:
        """open_sink: called in the thread, with the first trace."""
        self._open_sink = open_sink
        self._sink: TraceSink | None = None
        self._capacity, self._period_s = capacity, period_s
        self._queue: deque[Trace] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._hurry, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._sent = self._dropped = self._in_flight = self._turned_down = 0
        self._failing_since: float | None = None
        self._problem: str | None = None

    def send(self, trace: Trace) -> None:
        """Queue a trace, or drop and count it. Returns at once and never raises."""
        with self._changed:
            if self._stopping.is_set() or len(self._queue) >= self._capacity:
                self._dropped += 1
                return
            self._queue.append(trace)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="raglass-otlp", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    @property
    def counts(self) -> SendCounts:
        """What became of the traces so far."""
        with self._lock:
            waiting = len(self._queue) + self._in_flight
            return SendCounts(self._sent, self._dropped, waiting, self._turned_down, self._failing_since, self._problem)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Send what waits without waiting for more; whether all is sent after `timeout_s` seconds, or as soon as a request fails."""
        self._hurry.set()
        with self._changed:
            self._changed.wait_for(lambda: self._is_idle() or self._failing_since is not None, timeout_s)
            return self._is_idle()

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what waits, until a request fails, then stop. What is left then, or after `timeout_s` seconds, is dropped."""
        with self._changed:
            self._stopping.set()
            self._hurry.set()
            self._changed.notify_all()
        with self._lock:  # it is not begun by half
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        with self._lock:
            self._dropped += len(self._queue)
            self._queue.clear()

    def _is_idle(self) -> bool:
        return not self._queue and not self._in_flight

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopping.is_set())
                full = len(self._queue) >= BATCH
            if not full:
                self._hurry.wait(self._period_s)
            with self._lock:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                self._in_flight = len(batch)
                if not batch:
                    break
            self._deliver(batch)
            with self._lock:
                if self._is_idle() and not self._stopping.is_set():
                    self._hurry.clear()
        if self._sink is not None:
            self._sink.close()

    def _deliver(self, batch: Sequence[Trace]) -> None:
        """Send a batch, in halves where it is refused, until each trace is sent or given up."""
        parts = [batch]
        while parts:
            part = parts.pop()
            try:
                turned_down = self._tried(part)
            except CollectorRefused as error:
                if len(part) > 1:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                else:
                    self._settle(part, str(error))
            except RaglassError as error:
                self._settle(part, str(error))
            except Exception:
                log.exception("traces could not be sent; they are dropped")
                self._settle(part, "Sending traces failed. The details are in the log.")
            else:
                self._settle(part, None, turned_down)

    def _tried(self, batch: Sequence[Trace]) -> int:
        """Send a batch as often as the collector is away, with growing waits; while closing, once."""
        if self._sink is None:
            self._sink = self._open_sink()
        attempt = 0
        while True:
            try:
                return self._sink.send(batch)
            except CollectorAway as error:
                self._note(str(error))
                if self._stopping.is_set():
                    self._give_up()
                    raise
                wait_s = random.uniform(0.5, 1.0) * min(FIRST_WAIT_S * 2.0**attempt, MAX_WAIT_S)
                if error.wait_s is not None:
                    wait_s = min(error.wait_s, LONGEST_ASKED_S)
                self._stopping.wait(wait_s)
                attempt = min(attempt + 1, 16)

    def _give_up(self) -> None:
        """Drop what waits: the process ends, and each further request would take as long as this one."""
        with self._lock:
            self._dropped += len(self._queue)
            self._queue.clear()

    def _settle(self, traces: Sequence[Trace], problem: str | None, turned_down: int = 0) -> None:
        with self._changed:
            if problem is None:
                self._sent += len(traces)
                self._turned_down += turned_down
            else:
                self._dropped += len(traces)
            self._in_flight -= len(traces)
        self._note(problem)

    def _note(self, problem: str | None) -> None:
        """Remember how the last request went; log only a change, so that an outage is one line and not thousands."""
        with self._changed:
            before, self._problem = self._problem, problem
            if problem is None:
                self._failing_since = None
            elif self._failing_since is None:
                self._failing_since = time.time()
            self._changed.notify_all()
        if problem is not None and before is None:
            log.warning("traces are not sent on, questions are answered and stored as before: %s", problem)
        elif problem is None and before is not None:
            log.warning("traces are sent on again")
