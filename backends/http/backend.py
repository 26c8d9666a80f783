"""`HttpBackend`: an application that answers questions over HTTP, asked as its file says.

Its reply is all that is seen of it, inside the time of the span `network`; the spans that it sends itself join the trace, whose id it is
given in `traceparent`.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from backends.http.endpoints import Endpoint
from backends.http.events import read_events
from backends.http.reply import Facts, read_reply
from backends.http.template import fill
from backends.http.traced import add_stages, attributes_of, check_error, check_question, settings_of, tell
from backends.http.transport import STAGE, Exchange, Transport, host_of
from pipeline.checks import UNSTORABLE
from pipeline.deadline import Deadline
from pipeline.errors import BackendError, BadResponse, Unavailable
from pipeline.protocols import OnEvent
from pipeline.recording import Recorder, new_span_id, new_trace_id
from pipeline.types import Failure, PartReadiness, Readiness, Trace
from pipeline.wire import make_traceparent

MASK = "********"
READY_S = 3.0
"""How long an endpoint's `health` may take."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, read."""

    facts: Facts
    """What it said."""
    data: Any
    """The reply's JSON; of a stream the events' in order."""


class HttpBackend:
    """One endpoint. Thread-safe."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._transport = Transport(endpoint)

    def answer(
        self,
        question: str,
        *,
        top_k: int,
        deadline_s: float,
        rerank: bool = False,
        on_event: OnEvent | None = None,
    ) -> Trace:
        """Answer a question; see `pipeline.protocols.Backend.answer`. Tokens come while a stream runs; other events when the reply does."""
        question = check_question(self.name, question, top_k, deadline_s, rerank)
        recorder, trace_id, facts = Recorder(on_event), new_trace_id(), Facts()
        failure: Failure | None = None
        try:
            self._ask(recorder, facts, question, top_k, trace_id, Deadline(deadline_s))
        except BackendError as error:
            failure = error.to_failure()
            recorder.generation = facts.partial(failure.kind)
        network = recorder.spans[0]
        inside_ms = sum(facts.stages_ms.values())
        start_ms = network.start_ms + max(0.0, (network.duration_ms - inside_ms) / 2)
        add_stages(recorder, facts.stages_ms, start_ms, network.span_id)
        given = settings_of(facts, top_k, deadline_s, endpoint=host_of(self._endpoint.url))
        return recorder.to_trace(question, self.name, given, failure, trace_id)

    def try_once(self, question: str, *, top_k: int, deadline_s: float) -> Reply:
        """Ask once and hand back the reply with what was made of it, for a person who sets the endpoint up. Raises a BackendError."""
        question = check_question(self.name, question, top_k, deadline_s, False)
        facts, seen = Facts(), list[Any]()
        self._ask(Recorder(None), facts, question, top_k, new_trace_id(), Deadline(deadline_s), seen, whole=False)
        return Reply(facts, seen if self._endpoint.stream else seen[0])

    def check_ready(self) -> Readiness:
        """Look at `health`, where there is one. Without one nothing is tried: a question would cost what a question costs."""
        host, health = host_of(self._endpoint.url), self._endpoint.health
        if not health:
            return Readiness((PartReadiness("endpoint", True, f"{host}; not tried, for it has no `health` address."),))
        try:
            headers = self._endpoint.headers if host_of(health) == host else {}
            self._transport.look(health, headers, READY_S)
        except BackendError as error:
            return Readiness((PartReadiness("endpoint", False, str(error)),))
        return Readiness((PartReadiness("endpoint", True, host),))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def clean(self, text: str) -> str:
        """A text of the application as it may be kept: without what no store can keep, and without the secrets that it was sent."""
        for secret in self._endpoint.secrets:
            text = text.replace(secret, MASK)
        return text.translate(UNSTORABLE)

    def _ask(
        self,
        recorder: Recorder,
        facts: Facts,
        question: str,
        top_k: int,
        trace_id: str,
        deadline: Deadline,
        seen: list[Any] | None = None,
        *,
        whole: bool = True,
    ) -> None:
        """Send, and read the reply into `facts`. seen: takes the reply's JSON. whole: whether a reply without an answer is an error."""
        endpoint, span_id = self._endpoint, new_span_id()
        values = {"question": question, "top_k": top_k, "session": trace_id}
        url, body, headers = self._request(values, make_traceparent(trace_id, span_id))
        with recorder.stage(STAGE, deadline, span_id) as attributes:
            attributes["endpoint"] = host_of(endpoint.url)
            try:
                with self._transport.open(url, body, headers, deadline) as exchange:
                    attributes["status"] = exchange.response.status
                    read = self._stream if endpoint.stream else self._whole
                    read(exchange, recorder, facts, [] if seen is None else seen)
                    attributes["reply_bytes"] = exchange.size
            finally:
                attributes.update(attributes_of(facts))
            check_error(self._transport.what, facts, STAGE)
            if whole:
                recorder.generation = facts.generation()

    def _request(self, values: dict[str, Any], traceparent: str) -> tuple[str, bytes | None, dict[str, str]]:
        """URL, body and headers."""
        endpoint = self._endpoint
        filled = fill(endpoint.request, values)
        accept = "text/event-stream" if endpoint.stream else "application/json"
        headers = {"Accept": accept, "Accept-Encoding": "identity", **endpoint.headers, "traceparent": traceparent}
        if endpoint.method != "GET":
            body = json.dumps(filled, ensure_ascii=False).encode("utf-8", "replace")
            return endpoint.url, body, {"Content-Type": "application/json", **headers}
        parts = urlsplit(endpoint.url)
        asked = urlencode({key: _plain(value) for key, value in filled.items()})
        return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, asked))))), None, headers

    def _whole(self, exchange: Exchange, recorder: Recorder, facts: Facts, seen: list[Any]) -> None:
        body = b"".join(exchange.parts())
        data = self._parsed(body, exchange)
        seen.append(data)
        read_reply(data, self._endpoint.reading, self.clean, facts)
        tell(recorder, facts, 0, ())

    def _stream(self, exchange: Exchange, recorder: Recorder, facts: Facts, seen: list[Any]) -> None:
        endpoint = self._endpoint
        if "json" in _content_type(exchange) or "html" in _content_type(exchange):
            raise BadResponse(
                f"{exchange.what} did not stream: its reply is no `text/event-stream`. Check that the template asks it to stream, "
                "or leave `stream` out.",
                stage=STAGE,
            )
        ended = not endpoint.end
        for event in read_events(exchange.parts(), exchange.what):
            if endpoint.end and endpoint.end in (event.data, event.name):
                ended = True
                if event.data == endpoint.end or not event.data:
                    break
            data = self._parsed(event.data, exchange)
            seen.append(data)
            told, chunks = len(facts.pieces), facts.chunks
            read_reply(data, endpoint.reading, self.clean, facts)
            tell(recorder, facts, told, chunks)
            if ended and endpoint.end:
                break
        if not ended:
            raise Unavailable(
                f"{exchange.what} ended its stream before the end marker {endpoint.end!r}. Ask again; its own log says why.",
                stage=STAGE,
            )

    def _parsed(self, body: bytes | str, exchange: Exchange) -> Any:
        """JSON, or BadResponse without quoting what came instead."""
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            is_page = "html" in _content_type(exchange) or body[:200].lstrip()[:1] in (b"<", "<")
            instead = "an HTML page" if is_page else "nothing" if not body else "something that is no JSON"
            advice = (
                "It may ask for a login, or `url` may be a page's"
                if is_page
                else "Check `url` and the template `request`"
            )
            raise BadResponse(
                f"{exchange.what} answered {instead} (HTTP {exchange.response.status}, {len(body):,} bytes) instead of JSON. {advice}.",
                stage=STAGE,
            ) from error


def _content_type(exchange: Exchange) -> str:
    return (exchange.response.headers.get("Content-Type") or "").lower()


def _plain(value: Any) -> str:
    """A value as a query says it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
