"""Receiving traces of other applications: read and stored before the sender is told, by a few threads, so that a page keeps its share.

Refuses to know HTTP; `app.ingesting.door` speaks it.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.config import Settings
from app.ingesting.precedence import give_way
from app.ingesting.rates import SpanRates
from metrics.store import TraceStore
from pipeline.errors import RaglassError

if TYPE_CHECKING:
    from metrics.otlp.decoding import Decoded

WORKERS = 2
"""Threads that read and store: one may wait for the disk while the other reads."""

MAX_WAITING = 32
"""Requests that wait for a thread or have one; some seconds' work, less than a sender waits."""

MAX_BACKLOG = 20_000
"""Pieces of traces that are stored but not yet folded, from which on senders are asked to wait."""

BACKLOG_S = 1.0
"""How long that number is taken to hold."""

INFLATED = 5
"""How many times RAGLASS_OTLP_MAX_MB a body may come to once it is decompressed."""

BUSY_S, STORE_S = 1.0, 5.0
"""How long to wait after too many requests, and after a fault of the store."""


class Delayed(RaglassError):
    """Nothing is wrong with what was sent, but it cannot be taken now. `wait_s`: when to send it again."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class TooFast(Delayed):
    """The sender brings more spans a second than it may."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """The body of a request, with what its headers say of it."""

    body: bytes
    """As it came, perhaps compressed."""
    content_type: str
    """The header Content-Type."""
    encoding: str
    """The header Content-Encoding; empty for none."""
    who: str
    """Whom its spans are charged to: a key's id, or an address."""
    address: str
    """Where it came from."""


@dataclass(frozen=True, slots=True)
class Received:
    """What this process was sent so far."""

    spans: int = 0
    """Spans that were stored."""
    rejected: int = 0
    """Spans that could not be."""
    refused: int = 0
    """Requests of which nothing was stored."""
    last_sender: str = ""
    """The application of the last spans, as it calls itself, and its address."""
    last_at: float = 0.0
    """When they came, in seconds since the epoch."""


class Receiving:
    """What is open of the way in. Threads may share it."""

    def __init__(self, settings: Settings, store: Callable[[], TraceStore]) -> None:
        self._settings, self._store = settings, store
        self.rates = SpanRates(settings.otlp_spans_per_s)
        self.max_bytes = settings.otlp_max_mb * 1_000_000
        self._executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="receive")
        self._lock = threading.Lock()
        self._received = Received()
        self._waiting = 0
        self._backlog = (0, 0.0)

    @property
    def received(self) -> Received:
        """What was sent so far."""
        return self._received

    @property
    def waiting(self) -> int:
        """Requests that are being read and stored, or wait for that."""
        return self._waiting

    def allow(self, who: str) -> None:
        """Raise TooFast for a sender that must wait, or Delayed where too many requests wait."""
        if wait := self.rates.wait_s(who):
            raise TooFast(
                f"More than {self._settings.otlp_spans_per_s:,} spans a second were sent. Wait, sample fewer, or raise "
                "RAGLASS_OTLP_SPANS_PER_S.",
                wait,
            )
        if self._waiting >= MAX_WAITING:
            raise Delayed("Too many requests wait to be stored. Send this one again in a moment.", BUSY_S)

    def submit(self, parcel: Parcel) -> "Future[Decoded]":
        """Read and store a parcel in another thread. Raises as `allow`, or Delayed once closed; the future raises as `take`."""
        self.allow(parcel.who)
        with self._lock:
            self._waiting += 1
        try:
            future = self._executor.submit(self.take, parcel)
        except RuntimeError:
            self._leave()
            raise Delayed("This dashboard is stopping. Send the spans again once it is back.", STORE_S) from None
        future.add_done_callback(lambda _: self._leave())
        return future

    def take(self, parcel: Parcel) -> "Decoded":
        """Read and store a parcel: once this returns, its spans survive the process.

        Raises Unsupported, Undecodable or TooLarge (metrics.otlp.decoding) for a body that cannot be read, StoreError or Delayed where
        nothing could be stored.
        """
        from metrics.otlp.decoding import decode_traces, decompress
        from metrics.otlp.sending import is_own

        give_way()
        self._check_backlog()
        body = decompress(parcel.body, parcel.encoding, INFLATED * self.max_bytes)
        decoded = decode_traces(body, parcel.content_type)
        self.rates.charge(parcel.who, len(decoded.records) + decoded.rejected)
        if others := [record for record in decoded.records if not is_own(record)]:  # A collector may send ours back.
            self._store().put_spans(others)
        self._count(decoded, parcel.address)
        return decoded

    def count_refused(self) -> None:
        """Note a request of which nothing was stored."""
        with self._lock:
            self._received = replace(self._received, refused=self._received.refused + 1)

    def close(self) -> None:
        """Take no more, and store what waits."""
        self._executor.shutdown()

    def _check_backlog(self) -> None:
        """Raise Delayed while the store has too much to fold: what is sent faster than it can be shown has to wait with its sender."""
        with self._lock:
            count, looked_at = self._backlog
            stale = time.monotonic() - looked_at > BACKLOG_S
            if stale:
                self._backlog = (count, time.monotonic())
        if stale:
            count = self._store().waiting_pieces().count
            with self._lock:
                self._backlog = (count, time.monotonic())
        if count >= MAX_BACKLOG:
            raise Delayed(
                f"{count:,} pieces of traces are stored but wait to be listed. Send the spans again later.", STORE_S
            )

    def _count(self, decoded: "Decoded", address: str) -> None:
        with self._lock:
            before = self._received
            self._received = replace(
                before,
                spans=before.spans + len(decoded.records),
                rejected=before.rejected + decoded.rejected,
                last_sender=f"{decoded.records[-1].service or 'unnamed'} at {address}"
                if decoded.records
                else before.last_sender,
                last_at=time.time() if decoded.records else before.last_at,
            )

    def _leave(self) -> None:
        with self._lock:
            self._waiting -= 1
