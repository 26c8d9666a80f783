"""`Collector`: traces sent in one OTLP request, once. OpenTelemetry's own exporter encodes, compresses and authenticates.

Owns what a reply means. Refuses to try again: `metrics.otlp.sending` knows what waits, and when the process ends.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from metrics.otlp.sending import INSTANCE_ID, CollectorAway, CollectorRefused, Target
from pipeline.errors import BackendError, ConfigError, InputError
from pipeline.replies import is_too_long, keep_bounds
from pipeline.types import Trace

if TYPE_CHECKING:
    from metrics.otlp.spans_out import Hiding

PASSING = (429, 502, 503, 504)
"""Replies after which OTLP/HTTP has a sender try again
(https://opentelemetry.io/docs/specs/otlp/#otlphttp-response)."""

OF_CONTENT = (400, 413, 422)
"""Replies that may be due to one trace of several."""

MAX_REPLY_BYTES = 4_000_000
"""A collector answers a few bytes: more than the text of an error comes from something else, and is not read."""

EXPORTER_LOG = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
"""Where the exporter logs each request that fails, addresses included."""


class Collector:
    """Any collector that takes OTLP over HTTP. Headers, compression, timeout and certificates are read from `OTEL_EXPORTER_OTLP_*`."""

    def __init__(self, target: Target, version: str, hiding: "Hiding") -> None:
        """version: of this application. Importing OpenTelemetry takes a while: make it in the background."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from metrics.otlp.spans_out import own_resource

        # `TraceSender` says in one line what the exporter would say of every request.
        logging.getLogger(EXPORTER_LOG).setLevel(logging.CRITICAL)
        self._where, self._hiding = target.shown, hiding
        self._resource = own_resource(version, INSTANCE_ID)
        self._session = _SentOnce(self._where)
        self._exporter = OTLPSpanExporter(target.url, session=self._session)

    def send(self, traces: Sequence[Trace]) -> int:
        """Send traces in one request, trying once; how many of their spans the collector turned down all the same.

        Raises CollectorAway where trying again may help, CollectorRefused where sending fewer at once may, and ConfigError else.
        """
        from opentelemetry.sdk.trace.export import SpanExportResult

        from metrics.otlp.spans_out import spans_of

        try:
            spans = [span for trace in traces for span in spans_of(trace, self._resource, self._hiding)]
        except InputError as error:
            raise CollectorRefused(str(error)) from error
        self._session.problem, self._session.turned_down = None, 0
        result = self._exporter.export(spans)
        if self._session.problem is not None:
            raise self._session.problem
        if result is not SpanExportResult.SUCCESS:
            raise CollectorRefused("A trace could not be written as OTLP, or is larger than 64 MiB; it was not sent.")
        return self._session.turned_down

    def close(self) -> None:
        """Hang up, also on a request under way."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _SentOnce(requests.Session):
    """Tells a reply that is no success by an exception, after which the exporter does not try again by itself."""

    def __init__(self, where: str) -> None:
        super().__init__()
        for adapter in self.adapters.values():
            keep_bounds(cast(Any, adapter).poolmanager, MAX_REPLY_BYTES)
        self._where = where
        self.problem: BackendError | ConfigError | None = None
        """What became of the last request, if it failed."""
        self.turned_down = 0
        """Spans that the last request's reply did not accept."""

    def request(self, *arguments: Any, **options: Any) -> Any:
        """Send; raise RequestException, with words of our own, for all but 2xx."""
        try:
            reply = super().request(*arguments, **options)
        except requests.RequestException as error:
            # Its text has the address, with whatever stands in it.
            self.problem = _explain_failure(error, self._where)
        else:
            self.problem = _explain_reply(reply, self._where)
            if self.problem is None:
                self.turned_down = _turned_down(reply)
                return reply
        raise requests.RequestException(str(self.problem)) from None


def _explain_failure(error: requests.RequestException, where: str) -> BackendError | ConfigError:
    if isinstance(error, requests.exceptions.SSLError):
        return ConfigError(
            f"The collector at {where} shows a certificate that is not trusted. OTEL_EXPORTER_OTLP_CERTIFICATE names a file that is."
        )
    if is_too_long(error):
        return ConfigError(f"What answers at {where} is no collector: its reply has no end. Correct the address.")
    if isinstance(error, requests.Timeout):
        return CollectorAway(f"The collector at {where} did not answer in time.")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return CollectorAway(f"The collector at {where} cannot be reached. Start it, or correct the address.")
    return ConfigError(f"The collector's address {where} cannot be used ({type(error).__name__}). Correct it.")


def _explain_reply(reply: requests.Response, where: str) -> BackendError | ConfigError | None:
    status = reply.status_code
    if 200 <= status < 300:
        return None
    said = f"The collector at {where} answered {status}"
    if status in PASSING:
        return CollectorAway(f"{said}; it is tried again.", wait_s=_wait_s(reply))
    if status in OF_CONTENT:
        return CollectorRefused(f"{said}: it does not take a trace as we send it.")
    if status in (401, 403):
        return ConfigError(f"{said}. Give it a key that may write: OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20…")
    if 300 <= status < 400:
        return ConfigError(f"{said}: it is at another address, or asks for a login. Give its own address.")
    return ConfigError(f"{said}. Look whether the address is that of a collector of OTLP over HTTP.")


def _wait_s(reply: requests.Response) -> float | None:
    """How long the collector asks to be left alone, from `Retry-After`."""
    asked = reply.headers.get("Retry-After")
    try:
        return None if asked is None else Retry().parse_retry_after(asked)
    except InvalidHeader:
        return None


def _turned_down(reply: requests.Response) -> int:
    """Spans that a partial success leaves out; 0 where the reply is none of OTLP."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    if "protobuf" not in reply.headers.get("Content-Type", ""):
        return 0
    try:
        return max(int(ExportTraceServiceResponse.FromString(reply.content).partial_success.rejected_spans), 0)
    except DecodeError:
        return 0
