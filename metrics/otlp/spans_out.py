"""A trace of ours as OpenTelemetry's spans, with OpenInference's and GenAI's names together, so that any collector can read them.

Owns what is said and what is hidden. Refuses to send: `metrics.otlp.collector` does. Imports OpenTelemetry's SDK: import it late.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openinference.semconv.resource import ResourceAttributes
from openinference.semconv.trace import DocumentAttributes as Document
from openinference.semconv.trace import EmbeddingAttributes as Embedding
from openinference.semconv.trace import MessageAttributes as Message
from openinference.semconv.trace import OpenInferenceMimeTypeValues as MimeType
from openinference.semconv.trace import RerankerAttributes as Reranker
from openinference.semconv.trace import SpanAttributes as Key
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.exception_attributes import EXCEPTION_MESSAGE, EXCEPTION_TYPE
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from metrics.otlp import names_out as names
from pipeline.errors import InputError
from pipeline.prompts import PROMPT_TEXT
from pipeline.spans import Attribute, Failure, Span
from pipeline.types import Chunk, Trace

REDACTED = "__REDACTED__"
"""What stands for what is hidden, as in OpenInference."""

ROOT_NAME = "ask"
"""The span around a question's stages."""

EMBEDDING_NAME = "CreateEmbeddings"
"""What OpenInference calls every embedding's span."""

UNTOLD = frozenset({"model", "top_k", "vector"})
"""Attributes of a stage that have a published name."""

HARMLESS = frozenset({"api", "request_id"})
"""Attributes of a stage that are text, but not one that a person or a model wrote."""

Said = dict[str, Any]
"""A span's attributes as they are sent; None is left out."""


@dataclass(frozen=True, slots=True)
class Hiding:
    """What does not leave this machine."""

    texts: bool = False
    """Questions, answers, chunks with their titles, prompts, metadata, and texts among other attributes."""
    vectors: bool = False
    """Embeddings, where a backend records them."""


def own_resource(version: str, instance_id: str) -> Resource:
    """What is said of this application; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have the last word."""
    own = {
        SERVICE_NAME: "raglass",
        SERVICE_VERSION: version,
        SERVICE_INSTANCE_ID: instance_id,
        ResourceAttributes.PROJECT_NAME: "raglass",
    }
    return Resource(own).merge(OTELResourceDetector().detect())


def spans_of(trace: Trace, resource: Resource, hiding: Hiding | None = None) -> list[ReadableSpan]:
    """A root for the question and, under it, each of the trace's spans. Raises InputError where an id or a time cannot be sent."""
    try:
        return list(_Writer(trace, resource, hiding or Hiding()).spans())
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"The trace {trace.trace_id[:64]!r} has an id or a time that OTLP cannot hold; it was not sent."
        ) from error


class _Writer:
    """Writes one trace."""

    def __init__(self, trace: Trace, resource: Resource, hiding: Hiding) -> None:
        self._trace, self._resource, self._hiding = trace, resource, hiding
        self._scope = InstrumentationScope("raglass", str(resource.attributes.get(SERVICE_VERSION, "")))
        self._ids = {span.span_id: self._span_id(span.span_id) for span in trace.spans}
        self._root_id = self._span_id("")

    def spans(self) -> Iterator[ReadableSpan]:
        """The root first."""
        trace = self._trace
        root = Span("", 0.0, trace.duration_ms, error=trace.error)
        yield self._made(ROOT_NAME, root, self._root_id, None, self._of_root())
        by_kind = {
            "embedding": self._of_embedding,
            "retriever": self._of_retrieval,
            "reranker": self._of_reranking,
            "llm": self._of_generation,
        }
        for span in trace.spans:
            told = by_kind[span.kind](span) if span.kind in by_kind else {}
            name = EMBEDDING_NAME if span.kind == "embedding" and span.name == span.stage else span.name
            kind = {Key.OPENINFERENCE_SPAN_KIND: span.kind.upper()}
            above = self._ids.get(span.parent_id or "", self._root_id)
            said = {**self._untold(span), **told, **kind}
            yield self._made(name, span, self._ids[span.span_id], above, said)

    def _made(self, name: str, span: Span, span_id: int, parent_id: int | None, said: Said) -> ReadableSpan:
        error = span.error
        if error is not None:
            said = {**said, ERROR_TYPE: error.kind}
        known = {name: _sendable(value) for name, value in {**said, **self._of_all()}.items() if value is not None}
        return ReadableSpan(
            _clean(name) or "span",
            self._context(span_id),
            None if parent_id is None else self._context(parent_id),
            self._resource,
            known,
            tuple(self._events(span)),
            kind=SpanKind.INTERNAL,
            status=_status(span),
            start_time=self._at_ns(span.start_ms),
            end_time=self._at_ns(max(span.end_ms, span.start_ms)),
            instrumentation_scope=self._scope,
        )

    def _of_all(self) -> Said:
        """What is said of every span, as OpenInference's context is."""
        trace = self._trace
        metadata = None if self._hiding.texts or not trace.metadata else _json(trace.metadata)
        return {
            Key.SESSION_ID: trace.session or None,
            names.GEN_AI_CONVERSATION: trace.session or None,
            Key.USER_ID: trace.user or None,
            Key.TAG_TAGS: list(trace.tags) or None,
            Key.METADATA: metadata,
        }

    def _of_root(self) -> Said:
        trace, generation = self._trace, self._trace.generation
        settings = {
            f"{names.OWN}settings.{name}": value
            for name, value in trace.settings.items()
            if not (self._hiding.texts and name == PROMPT_TEXT)
        }
        return {
            **settings,
            Key.OPENINFERENCE_SPAN_KIND: "CHAIN",
            **self._input(trace.question),
            **(self._output(generation.answer) if generation is not None else {}),
            f"{names.OWN}backend": trace.backend,
            f"{names.OWN}origin": trace.origin,
            **self._of_answer(),
        }

    def _of_answer(self) -> Said:
        """What we know of an answer and others have no name for."""
        generation = self._trace.generation
        if generation is None:
            return {}
        confidence = generation.confidence
        return {
            f"{names.OWN}abstained": generation.abstained,
            f"{names.OWN}finish_reason": generation.finish_reason,
            f"{names.OWN}confidence": None if confidence is None else confidence.value,
            f"{names.OWN}confidence.kind": None if confidence is None else confidence.kind,
        }

    def _of_embedding(self, span: Span) -> Said:
        question, model, vector = self._trace.question, span.attributes.get("model"), span.attributes.get("vector")
        first = f"{Key.EMBEDDING_EMBEDDINGS}.0"
        said: Said = {
            **self._input(question),
            Key.EMBEDDING_MODEL_NAME: model,
            f"{first}.{Embedding.EMBEDDING_TEXT}": self._text(question),
            names.GEN_AI_OPERATION: names.EMBEDDINGS,
            names.GEN_AI_PROVIDER: self._trace.backend,
            names.GEN_AI_REQUEST_MODEL: model,
        }
        if isinstance(vector, tuple):
            said[f"{first}.{Embedding.EMBEDDING_VECTOR}"] = REDACTED if self._hiding.vectors else vector
            said[names.GEN_AI_DIMENSIONS] = len(vector)
        return said

    def _of_retrieval(self, span: Span) -> Said:
        trace, top_k = self._trace, span.attributes.get("top_k")
        found = () if span.error is not None else trace.retrieved or trace.chunks
        return {
            **self._input(trace.question),
            **self._found(Key.RETRIEVAL_DOCUMENTS, found),
            names.GEN_AI_OPERATION: names.RETRIEVAL,
            names.GEN_AI_DATA_SOURCE: trace.settings.get("index"),
            names.GEN_AI_QUERY: self._text(trace.question),
            names.GEN_AI_DOCUMENTS: _json([_present(id=chunk.chunk_id, score=_finite(chunk.score)) for chunk in found]),
            names.GEN_AI_TOP_K: top_k,
            names.GEN_AI_TOP_K_EARLIER: top_k,
        }

    def _of_reranking(self, span: Span) -> Said:
        trace = self._trace
        given = trace.retrieved or (trace.chunks if span.error is not None else ())
        chosen = () if span.error is not None else trace.chunks
        return {
            **self._input(trace.question),
            **self._documents(Reranker.RERANKER_INPUT_DOCUMENTS, given),
            **self._found(Reranker.RERANKER_OUTPUT_DOCUMENTS, chosen),
            Reranker.RERANKER_QUERY: self._text(trace.question),
            Reranker.RERANKER_MODEL_NAME: span.attributes.get("model"),
            Reranker.RERANKER_TOP_K: trace.settings.get("top_k"),
        }

    def _of_generation(self, span: Span) -> Said:
        trace, generation, model = self._trace, self._trace.generation, span.attributes.get("model")
        prompt = None if generation is None else generation.prompt
        said: Said = {
            **self._input(prompt or trace.question),
            Key.LLM_MODEL_NAME: model,
            Key.LLM_PROVIDER: trace.backend,
            names.GEN_AI_OPERATION: names.TEXT_COMPLETION,
            names.GEN_AI_PROVIDER: trace.backend,
            names.GEN_AI_REQUEST_MODEL: model,
        }
        if prompt:
            said.update(self._message(Key.LLM_INPUT_MESSAGES, "user", prompt))
            said[names.GEN_AI_MESSAGES_IN] = _json([self._parts("user", prompt)])
        if generation is None:
            return said
        read, written = generation.prompt_tokens, generation.completion_tokens
        written = len(generation.tokens) if written is None else written
        reason = generation.finish_reason
        return {
            **said,
            **self._output(generation.answer),
            **self._message(Key.LLM_OUTPUT_MESSAGES, "assistant", generation.answer),
            names.GEN_AI_MESSAGES_OUT: _json(
                [{**self._parts("assistant", generation.answer), "finish_reason": reason}]
            ),
            Key.LLM_TOKEN_COUNT_PROMPT: read,
            Key.LLM_TOKEN_COUNT_COMPLETION: written,
            Key.LLM_TOKEN_COUNT_TOTAL: read + written,
            names.GEN_AI_TOKENS_IN: read,
            names.GEN_AI_TOKENS_OUT: written,
            names.FINISH_REASON: reason,
            names.GEN_AI_FINISH_REASONS: [reason],
            **self._of_answer(),
        }

    def _untold(self, span: Span) -> Said:
        """What a stage says and no convention names."""
        return {
            f"{names.OWN}{name}": self._hidden(name, value)
            for name, value in span.attributes.items()
            if name not in UNTOLD
        }

    def _found(self, prefix: str, chunks: Sequence[Chunk]) -> Said:
        """Documents as a span's output, one by one and as JSON."""
        output = [
            _present(
                id=chunk.chunk_id, score=_finite(chunk.score), content=chunk.text or None, metadata=self._about(chunk)
            )
            for chunk in chunks
        ]
        return {**self._documents(prefix, chunks), **self._output(_json(output), MimeType.JSON)}

    def _documents(self, prefix: str, chunks: Sequence[Chunk]) -> Said:
        said: Said = {}
        for place, chunk in enumerate(chunks):
            at = f"{prefix}.{place}."
            said[at + Document.DOCUMENT_ID] = chunk.chunk_id or None
            said[at + Document.DOCUMENT_CONTENT] = self._text(chunk.text) if chunk.text else None
            said[at + Document.DOCUMENT_SCORE] = _finite(chunk.score)
            said[at + Document.DOCUMENT_METADATA] = _json(self._about(chunk))
        return said

    def _about(self, chunk: Chunk) -> Said:
        """What else is known of a chunk."""
        texts: Said = {
            "title": chunk.title or None,
            "section": list(chunk.section) or None,
            "place": chunk.place or None,
            "source": chunk.source or None,
        }
        signals = {name: value for name, value in chunk.signals.items() if math.isfinite(value)}
        return _present(
            document_id=chunk.document_id or None,
            rank=chunk.rank,
            signals=signals or None,
            **({} if self._hiding.texts else texts),
        )

    def _message(self, prefix: str, role: str, content: str) -> Said:
        at = f"{prefix}.0."
        return {at + Message.MESSAGE_ROLE: role, at + Message.MESSAGE_CONTENT: self._text(content)}

    def _parts(self, role: str, content: str) -> Said:
        return {"role": role, "parts": [{"type": "text", "content": self._text(content)}]}

    def _input(self, value: str) -> Said:
        return {Key.INPUT_VALUE: self._text(value), Key.INPUT_MIME_TYPE: MimeType.TEXT.value}

    def _output(self, value: str, kind: MimeType = MimeType.TEXT) -> Said:
        # What stands for JSON that is hidden is no JSON.
        shown = MimeType.TEXT if self._hiding.texts else kind
        return {Key.OUTPUT_VALUE: self._text(value), Key.OUTPUT_MIME_TYPE: shown.value}

    def _text(self, value: str) -> str:
        return REDACTED if self._hiding.texts else value

    def _hidden(self, name: str, value: Attribute) -> Attribute:
        """An attribute of which only its maker knows whether it is a text."""
        texts = isinstance(value, str) or (isinstance(value, tuple) and any(isinstance(each, str) for each in value))
        return REDACTED if self._hiding.texts and texts and name not in HARMLESS else value

    def _events(self, span: Span) -> Iterator[Event]:
        for event in span.events:
            said = {name: _sendable(self._hidden(name, value)) for name, value in event.attributes.items()}
            yield Event(_clean(event.name), said, self._at_ns(event.at_ms))
        if span.error is not None and not any(event.name == "exception" for event in span.events):
            yield Event("exception", _exception(span.error), self._at_ns(span.end_ms))

    def _at_ns(self, offset_ms: float) -> int:
        return round(self._trace.asked_at * 1e6) * 1_000 + round(offset_ms * 1e6)

    def _context(self, span_id: int) -> SpanContext:
        trace_id = int(self._trace.trace_id, 16)
        context = SpanContext(trace_id, span_id, False, TraceFlags(TraceFlags.SAMPLED))
        if not context.is_valid:
            raise ValueError("an id that is all zeros, or too long")
        return context

    def _span_id(self, name: str) -> int:
        """A span's own id, or one made of the trace's and its stage, the same whenever the trace is sent."""
        try:
            if len(name) == 16 and int(name, 16):
                return int(name, 16)
        except ValueError:
            pass
        digest = hashlib.sha256(f"{self._trace.trace_id}:{name}".encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:8], "big")


def _status(span: Span) -> Status:
    if span.status == "error":
        return Status(StatusCode.ERROR, None if span.error is None else _clean(span.error.message))
    return Status(StatusCode.OK if span.status == "ok" else StatusCode.UNSET)


def _exception(error: Failure) -> dict[str, Any]:
    return {EXCEPTION_TYPE: _clean(error.kind), EXCEPTION_MESSAGE: _clean(error.message)}


def _present(**values: Any) -> Said:
    return {name: value for name, value in values.items() if value is not None}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _sendable(value: Any) -> Any:
    """A value as protobuf takes it: text without lone surrogates, and integers of 64 bits."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, tuple | list):
        return [_sendable(each) for each in value]
    return value


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
