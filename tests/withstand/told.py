"""Parts beside the question: the judge that is asked afterwards, the collector that traces are sent to, and senders of traces."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import ClassVar
from unittest.mock import patch

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.config import Settings
from app.ingesting import door
from app.ingesting.door import Door
from app.ingesting.guarding import Guard
from app.ingesting.receiving import Receiving
from app.server.connections import Connection, Crowd
from backends.fake import ScriptedBackend
from evaluation.judge_endpoint import EndpointJudge
from metrics.otlp.collector import Collector
from metrics.otlp.sending import Target, TraceSender
from metrics.otlp.spans_out import Hiding
from metrics.store import TraceStore
from pipeline.errors import StoreError
from tests.factories import ANSWER, make_chunk
from tests.otlp.sent import request, span
from tests.withstand.gate import DRIP_S, Fault, gated
from tests.withstand.parts import GRACE_S, QUESTION, Asker, Outcome, Part, Place, judge

TAKEN: tuple[Fault, ...] = ("garbage", "wrong shape")
"""Replies of a collector that count as sent: OTLP over HTTP has the status decide, and lets the body be empty."""


class JudgePart:
    """The judge behind a gate."""

    name = "judge"
    cannot: ClassVar[Mapping[Fault, str]] = {}

    def __init__(self, place: Place, upstream: int) -> None:
        shape = b'{"choices": [{"message": "right"}]}'
        self._gate = place.undo.enter_context(gated(upstream, late_s=place.late_s, shape=shape))
        self._patience_s = place.deadline_s
        self._judge = EndpointJudge(f"{self._gate.url}/v1", "judge", timeout_s=place.deadline_s)

    def try_fault(self, fault: Fault) -> Outcome:
        """Judge while it is wrong, and again once it is well."""
        given = (QUESTION, [ANSWER], ANSWER, [make_chunk()])
        started = time.monotonic()
        with self._gate.breaking(fault):
            judged, rated = self._judge.judge(*given), None
            took_s = time.monotonic() - started
        rated = self._judge.judge(*given)
        return judge(
            {
                "no reason given": not judged.problem or judged.right is not None,
                f"took {took_s:.1f} s": took_s > self._patience_s + GRACE_S,
                "next answer not judged": rated.right is not True,
            },
            f"not judged, {took_s:.1f} s",
        )


class ExportPart:
    """The collector behind a gate."""

    name = "export"
    cannot: ClassVar[Mapping[Fault, str]] = {}

    def __init__(self, place: Place, upstream: int) -> None:
        self._gate = place.undo.enter_context(gated(upstream, late_s=place.late_s))
        self._patience_s = place.deadline_s
        place.undo.enter_context(patch.dict(os.environ, OTEL_EXPORTER_OTLP_TIMEOUT=str(place.deadline_s)))
        target = Target(f"{self._gate.url}/v1/traces", "RAGLASS_OTLP_ENDPOINT")
        self._sender = TraceSender(lambda: Collector(target, "1", Hiding()), period_s=0.01)
        place.undo.callback(self._sender.close)
        store = place.undo.enter_context(TraceStore.open(f"sqlite:///{place.folder / 'export.sqlite'}"))
        self._asker = Asker(ScriptedBackend(), lambda: store, place.deadline_s, self._sender.send)
        self._asker.ask()
        self._sender.flush(30)  # OpenTelemetry is imported with the first

    def try_fault(self, fault: Fault) -> Outcome:
        """Ask while it is wrong, which must cost the question nothing, and wait for both traces once it is well."""
        before = self._sender.counts
        with self._gate.breaking(fault):
            asked, took_s = self._asker.ask()
            self._sender.flush(self._patience_s + GRACE_S)
            counts = self._sender.counts
        after, _ = self._asker.ask()
        settled = self._settle(before.sent + before.dropped + 2)
        taken = fault in TAKEN
        return judge(
            {
                "question slowed": took_s > GRACE_S,
                "trace not stored": not self._asker.is_kept(asked),
                "no reason given": not taken and counts.problem is None,
                "taken for a failure": taken and counts.sent == before.sent,
                "next trace not sent": not settled or self._sender.counts.problem is not None,
                "next question failed": not self._asker.is_kept(after),
            },
            "counts as sent" if taken else "question unharmed, the reason told",
        )

    def _settle(self, traces: int) -> bool:
        """Whether so many traces have been sent or given up before long: the sender waits between attempts."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            counts = self._sender.counts
            if counts.sent + counts.dropped >= traces:
                return True
            time.sleep(0.02)
        return False


class IngestPart:
    """The way in for other applications' traces; it is the sender who goes wrong, or the store behind it."""

    name = "ingest"
    cannot: ClassVar[Mapping[Fault, str]] = {}

    def __init__(self, place: Place) -> None:
        self._patience_s = place.deadline_s
        self._store = place.undo.enter_context(TraceStore.open(f"sqlite:///{place.folder / 'ingest.sqlite'}"))
        settings = Settings(otlp_max_mb=1)
        self._receiving = Receiving(settings, self._open_store)
        place.undo.callback(self._receiving.close)
        place.undo.enter_context(patch.object(door, "BODY_S", place.deadline_s))
        self._refusing = False
        self._count = 0
        self._port = place.undo.enter_context(
            _serving(Door(self._receiving, Guard(settings, lambda: self._store.keys)), place.deadline_s)
        )

    def _open_store(self) -> TraceStore:
        if self._refusing:
            raise StoreError("The trace store cannot be opened.")
        return self._store

    def try_fault(self, fault: Fault) -> Outcome:
        """Send what is wrong, and what is well after it."""
        started = time.monotonic()
        status = getattr(self, f"_{fault.replace(' ', '_')}")()
        took_s = time.monotonic() - started
        wanted = {
            "slow": 0,
            "slow body": 408,
            "hang": 408,
            "refuse": 503,
            "reset": 0,
            "too large": 413,
            "late": 200,
        }.get(fault, 400)
        trace_id = self._new_id()
        well = self._post(_body(trace_id))
        return judge(
            {
                f"answered {status}, not {wanted}": status != wanted,
                f"took {took_s:.1f} s": took_s > self._patience_s + GRACE_S,
                "next spans not stored": well != 200 or self._store.get(trace_id.hex()) is None,
            },
            f"HTTP {status}" if status else "hung up, nothing stored",
        )

    def _new_id(self) -> bytes:
        self._count += 1
        return self._count.to_bytes(16, "big")

    def _slow(self) -> int:
        return self._post(_body(self._new_id()), head_drip_s=DRIP_S)

    def _slow_body(self) -> int:
        return self._post(_body(self._new_id(), text="x" * 4_000), drip_s=DRIP_S)

    def _hang(self) -> int:
        return self._post(_body(self._new_id()), stops=True)

    def _refuse(self) -> int:
        self._refusing, trace_id = True, self._new_id()
        try:
            status = self._post(_body(trace_id))
        finally:
            self._refusing = False
        return status if self._store.get(trace_id.hex()) is None else -1

    def _reset(self) -> int:
        trace_id = self._new_id()
        with socket.create_connection(("127.0.0.1", self._port)) as sender:
            body = _body(trace_id)
            sender.sendall(_head(len(body), "application/x-protobuf") + body[:-5])
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return 0 if self._store.get(trace_id.hex()) is None else -1

    def _garbage(self) -> int:
        return self._post(b"\xff" * 500)

    def _wrong_shape(self) -> int:
        return self._post(b'{"resourceSpans": 7}', kind="application/json")

    def _too_large(self) -> int:
        return self._post(b"x" * 1_500_000)

    def _late(self) -> int:
        """Of a trace that is in the list already, a span arrives: it joins it."""
        trace_id = self._new_id()
        self._post(_body(trace_id))
        self._store.fold()
        status = self._post(_body(trace_id, span_id=b"\x02" * 8))
        stored = self._store.get(trace_id.hex())
        return status if stored is not None and len(stored.trace.spans) == 2 else -1

    def _post(
        self,
        body: bytes,
        *,
        kind: str = "application/x-protobuf",
        head_drip_s: float = 0.0,
        drip_s: float = 0.0,
        stops: bool = False,
    ) -> int:
        """Send a body over a connection of its own; the status of the reply, 0 for none."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=self._patience_s + 10) as sender:
            parts = [(_head(len(body), kind), head_drip_s), *([] if stops else [(body, drip_s)])]
            threading.Thread(target=_send, args=(sender, parts), daemon=True).start()
            with sender.makefile("rb") as reply:
                words = reply.readline().split()
        return int(words[1]) if len(words) > 1 else 0


def open_told(place: Place, upstream: int) -> list[Part]:
    """Every part beside the question."""
    return [JudgePart(place, upstream), ExportPart(place, upstream), IngestPart(place)]


def _body(trace_id: bytes, *, span_id: bytes = b"\x01" * 8, text: str = "retrieve") -> bytes:
    return request(span(trace_id=trace_id, span_id=span_id, name=text)).SerializeToString()


def _head(size: int, kind: str) -> bytes:
    return f"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode()


def _send(sender: socket.socket, parts: Sequence[tuple[bytes, float]]) -> None:
    """Send parts of a request, byte by byte where they drip, for as long as somebody takes them."""
    with suppress(OSError):
        for part, drip_s in parts:
            for piece in [part[at : at + 1] for at in range(len(part))] if drip_s else [part]:
                sender.sendall(piece)
                time.sleep(drip_s)


@contextmanager
def _serving(entrance: Door, headers_s: float) -> Iterator[int]:
    """The port of a server as the dashboard's, which has nothing but a door. headers_s: how long it waits for a request's head."""

    async def answer(asked: Request) -> Response:
        return await entrance.answer(asked)

    application = Starlette(routes=[Route("/v1/traces", answer, methods=["POST"])])
    kind = partial(Connection, crowd=Crowd(64, headers_s))
    server = uvicorn.Server(uvicorn.Config(application, port=0, http=kind, lifespan="off", log_level="critical"))  # type: ignore[arg-type]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
