"""Applications that send traces as fast as they are taken: ready-made OTLP requests, and processes that post them as real exporters do."""

import gzip
import http.client
import multiprocessing
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource

from benchmarks.seeding import make_trace, make_words
from metrics.otlp.spans_out import spans_of
from pipeline.recording import new_span_id
from pipeline.spans import Span
from pipeline.types import Trace

PROJECT = "shop-assistant"
"""The application that the traces are of: its `service.name`, and Phoenix's project."""

SPANS = 6
"""Spans of a trace: a root and five stages."""

PASSING = (429, 502, 503, 504)
"""Replies after which OTLP/HTTP has a sender wait and try again."""

PATIENCE_S = 900.0
"""How long a sender tries for one request before it gives it up."""

REPLY_S = 120.0
"""How long it waits for one reply."""


@dataclass(frozen=True)
class Body:
    """A request, ready to be sent."""

    trace_ids: tuple[str, ...]
    """The traces in it, whole."""
    payload: bytes
    """Protobuf, gzipped."""
    raw_bytes: int
    """Its size before."""


@dataclass
class Sent:
    """What became of some requests."""

    acknowledged: list[str] = field(default_factory=list)
    """Traces of requests that were answered with 2xx."""
    reply_ms: list[float] = field(default_factory=list)
    """Time of each such reply, from the request's first byte."""
    put_off: int = 0
    """Replies that asked the sender to come again."""
    broken: int = 0
    """Connections that broke."""
    refused: dict[int, int] = field(default_factory=dict)
    """Requests that were given up, by the last status; 0 without one."""
    last_s: float = 0.0
    """When the last request was acknowledged, on the machine's monotonic clock."""


def make_bodies(traces: int, a_request: int, seed: int = 0) -> list[Body]:
    """Requests of so many traces each, every trace with five chunks of 800 characters before and after reranking, and a prompt."""
    rng, words = random.Random(seed), make_words()
    resource = Resource({"service.name": PROJECT, "openinference.project.name": PROJECT})
    bodies = []
    for start in range(0, traces, a_request):
        made = [_questioned(make_trace(rng, words)) for _ in range(min(a_request, traces - start))]
        raw = encode_spans([span for trace in made for span in spans_of(trace, resource)]).SerializeToString()
        bodies.append(Body(tuple(trace.trace_id for trace in made), gzip.compress(raw, 6), len(raw)))
    return bodies


def _questioned(trace: Trace) -> Trace:
    """A trace as a reranking pipeline behind a gateway leaves it: a root and five spans."""
    above = new_span_id()
    times = {"embed": 8.0, "retrieve": 3.0, "rerank": 20.0, "generate": 200.0}
    spans, at_ms = [Span("gateway", 0.0, sum(times.values()) + 2.0, span_id=above)], 1.0
    for stage, took_ms in times.items():
        spans.append(Span(stage, at_ms, took_ms, {"model": "m"}, parent_id=above, span_id=new_span_id()))
        at_ms += took_ms
    assert trace.generation is not None
    prompt = "\n".join((*(chunk.text for chunk in trace.chunks), trace.question))
    return replace(
        trace,
        spans=tuple(spans),
        duration_ms=spans[0].duration_ms + 1.0,
        retrieved=tuple(sorted(trace.chunks, key=lambda chunk: chunk.chunk_id)),
        generation=replace(trace.generation, prompt=prompt),
        session=trace.trace_id[:4],
        user=trace.trace_id[4:6],
        tags=("beta",) if trace.trace_id[6] < "4" else (),
    )


def send_all(
    url: str, bodies: Sequence[Body], senders: int, *, counter: Any = None, patience_s: float = PATIENCE_S
) -> Sent:
    """Post all bodies from so many processes at once, each with a connection that it keeps, as fast as replies come.

    counter: a shared integer that is raised by every acknowledged trace. patience_s: 0 gives up at the first failure.
    """
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [
        context.Process(target=_send, args=(url, bodies[place::senders], counter, patience_s, results))
        for place in range(senders)
    ]
    for process in processes:
        process.start()
    whole = Sent()
    for _ in processes:
        _add(whole, results.get())
    for process in processes:
        process.join()
    return whole


def _add(whole: Sent, part: Sent) -> None:
    whole.acknowledged += part.acknowledged
    whole.reply_ms += part.reply_ms
    whole.put_off += part.put_off
    whole.broken += part.broken
    whole.last_s = max(whole.last_s, part.last_s)
    for status, count in part.refused.items():
        whole.refused[status] = whole.refused.get(status, 0) + count


def _send(url: str, bodies: Sequence[Body], counter: Any, patience_s: float, results: Any) -> None:
    sender = _Sender(url, patience_s)
    for body in bodies:
        if sender.send(body) and counter is not None:
            with counter.get_lock():
                counter.value += len(body.trace_ids)
        elif not patience_s and sender.sent.refused:
            break
    results.put(sender.sent)


class _Sender:
    """One process's connection, and what became of what it sent."""

    def __init__(self, url: str, patience_s: float) -> None:
        self._parts, self._patience_s = urlsplit(url), patience_s
        self._connection: http.client.HTTPConnection | None = None
        self.sent = Sent()

    def send(self, body: Body) -> bool:
        """Whether the body was acknowledged, perhaps after some tries."""
        until, attempt = time.monotonic() + self._patience_s, 0
        while True:
            began = time.monotonic()
            status, wait_s = self._post(body.payload)
            now = time.monotonic()
            if 200 <= status < 300:
                self.sent.acknowledged += body.trace_ids
                self.sent.reply_ms.append((now - began) * 1000)
                self.sent.last_s = now
                return True
            self.sent.put_off += status in PASSING
            self.sent.broken += not status
            if (status and status not in PASSING) or now > until:
                self.sent.refused[status] = self.sent.refused.get(status, 0) + 1
                return False
            # As OpenTelemetry's exporters wait: what is asked for, else doubling with jitter.
            time.sleep(wait_s if wait_s is not None else min(2.0**attempt, 32.0) * random.uniform(0.8, 1.2))
            attempt += 1

    def _post(self, payload: bytes) -> tuple[int, float | None]:
        """Status, 0 for none, and the wait that the receiver asks for."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=REPLY_S)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        try:
            self._connection.request("POST", self._parts.path, payload, headers)
            reply = self._connection.getresponse()
            reply.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            return 0, None
        asked = reply.headers.get("Retry-After", "")
        return reply.status, float(asked) if asked.replace(".", "", 1).isdigit() else None
