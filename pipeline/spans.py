"""Spans: the timed pieces of a trace, and the failures that they end in. Plain frozen data; `pipeline.span_tree` puts them in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

Scalar = str | int | float | bool
"""One value of an attribute."""

Attribute = Scalar | tuple[Scalar, ...]
"""What an attribute may be, as in OpenTelemetry. What is nested deeper is kept as JSON text."""

SpanKind = Literal[
    "unknown",
    "chain",
    "embedding",
    "retriever",
    "reranker",
    "llm",
    "tool",
    "agent",
    "guardrail",
    "evaluator",
    "prompt",
]
"""What a span does, in OpenInference's words. `unknown` where its sender does not say."""

SPAN_KINDS: tuple[SpanKind, ...] = get_args(SpanKind)
"""Every kind."""

KIND_OF_STAGE: Mapping[str, SpanKind] = MappingProxyType(
    {
        "embed": "embedding",
        "retrieve": "retriever",
        "rerank": "reranker",
        "generate": "llm",
        "gateway": "chain",
        "network": "chain",
    }
)
"""The kind of each stage's span."""

STAGE_OF_KIND: Mapping[str, str] = MappingProxyType(
    {"embedding": "embed", "retriever": "retrieve", "reranker": "rerank", "llm": "generate"}
)
"""The stage that a span of a kind is, in a pipeline of any make."""

Status = Literal["unset", "ok", "error"]
"""How a span ended, in OpenTelemetry's words. Most senders leave a success unset."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as data: what a trace or a span keeps of an exception."""

    kind: str
    """The error's class name: one of `pipeline.errors`, for example `Timeout`, or another application's."""
    message: str
    """What happened and what to do next; safe to show."""
    stage: str | None = None
    """The stage that failed."""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened within a span."""

    name: str
    """What happened, such as `exception`."""
    at_ms: float
    """Offset from the trace's start."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """What is known of it."""


@dataclass(frozen=True, slots=True)
class Span:
    """One timed piece of a trace: a stage's run, or a piece of another application."""

    stage: str
    """`embed`, `retrieve`, `rerank`, `generate`; on AWS also `network` and `gateway`. Empty for a span that is no stage."""
    start_ms: float
    """Offset from the trace's start."""
    duration_ms: float
    """Wall time, 0 or more."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """What it was given and what it returned. Of a stage in brief; of another application's span whatever its sender said."""
    error: Failure | None = None
    """Why it failed, if it did."""
    parent_id: str | None = None
    """The span that encloses this one. None at the top; one that is not in the trace is as good as none."""
    span_id: str = ""
    """16 hexadecimal digits, unique within the trace. Left empty, it is the stage: so it is in traces of schema 1."""
    name: str = ""
    """What its maker calls it. Left empty, it is the stage."""
    kind: SpanKind = "unknown"
    """What it does. A stage's kind is known and need not be given."""
    service: str = ""
    """The application that made it; empty for this one."""
    status: Status = "unset"
    """How it ended; `error` wherever there is one."""
    events: tuple[SpanEvent, ...] = ()
    """What happened within it, in order."""

    def __post_init__(self) -> None:
        if not self.span_id:
            object.__setattr__(self, "span_id", self.stage)
        if not self.name:
            object.__setattr__(self, "name", self.stage)
        if self.kind == "unknown":
            object.__setattr__(self, "kind", KIND_OF_STAGE.get(self.stage, "unknown"))
        if self.error is not None and self.status != "error":
            object.__setattr__(self, "status", "error")

    @property
    def end_ms(self) -> float:
        """Offset of its end from the trace's start."""
        return self.start_ms + self.duration_ms
