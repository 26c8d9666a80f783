"""What an expression can ask about: each field's name, what may be said of it, and where its value is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal, get_args

from metrics.rules import RULES
from pipeline.spans import SPAN_KINDS
from pipeline.types import Origin

Kind = Literal["number", "time", "text", "name", "choice", "flag", "label"]
"""`text` can be searched; a `name` is compared as a whole; a `choice` is one of a few words; a trace may have several of a `label`."""

_EQUAL = ("= !=", "in (…)", "not in (…)")

VERBS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "number": ("< <= = != >= >",),
        "time": ("< <= >= >",),
        "text": ('"…" in', '"…" not in', *_EQUAL),
        "name": _EQUAL,
        "choice": _EQUAL,
        "flag": ("alone",),
        "label": _EQUAL,
    }
)
"""What may be said of a field of each kind."""

MISSING = ("is none", "is any")
"""What may also be said of a field that a trace may lack."""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a trace has, or may have."""

    name: str
    """What an expression calls it."""
    kind: Kind
    """What may be said of it."""
    about: str
    """What it is, with its unit."""
    example: str
    """A whole expression."""
    column: str = ""
    """The column of `traces`, where it is one; of a label, its kind."""
    optional: bool = False
    """Whether a trace may lack it."""
    choices: tuple[str, ...] = ()
    """The words that it can be; empty where it can be any."""

    @property
    def bounded(self) -> bool:
        """Whether only the beginning of a long value is kept, because it is indexed."""
        return self.kind == "label" or self.column in ("session", "asked_by")

    @property
    def verbs(self) -> tuple[str, ...]:
        """What may be said of it."""
        verbs = VERBS[self.kind] if self.column or self.kind != "text" else VERBS["text"][:2]
        return verbs + MISSING if self.optional else verbs


STAGE = "stage.<name>.ms"
"""The field that stands for one of each stage."""

QUALITY = "quality.<rule>"
"""The field that stands for one of each quality rule."""

FIELDS: tuple[Field, ...] = (
    Field("latency_ms", "number", "from question to answer or failure, in milliseconds", "latency_ms > 2000", "duration_ms"),
    Field("asked_at", "time", "when the question was asked", "asked_at > now - 2h", "asked_at"),
    Field("question", "text", "the question", '"refund" in question', "question"),
    Field("answer", "text", "the answer", '"not sure" not in answer', "answer", optional=True),
    Field("note", "text", "what a person wrote about the trace", "note is any", "note", optional=True),
    Field("text", "text", "everything that a search looks through", '"refund" in text'),
    Field("backend", "name", "the backend that answered", 'backend = "local/embedded"', "backend"),
    Field("service", "label", "an application that had a part in it", 'service = "shop"', "service", optional=True),
    Field("session", "name", "the conversation that it is part of", 'session = "4f1c"', "session", optional=True),
    Field("user", "name", "who asked, as the application names them", 'user in ("ada", "bo")', "asked_by", optional=True),
    Field("origin", "choice", "whence the question came", "origin = application", "origin", choices=get_args(Origin)),
    Field("tag", "label", "a word by which to find it again", 'tag = "vip" and tag != "keep"', "tag", optional=True),
    Field("model", "label", "a model that was called", 'model in ("e5-small", "flan-t5")', "model", optional=True),
    Field("document", "label", "a document of which a chunk was retrieved", 'document = "handbook.md"', "document", optional=True),
    Field("kind", "label", "what a span of it does", "kind = reranker", "kind", optional=True, choices=SPAN_KINDS),
    Field("error", "name", "the kind of error that ended it", 'error is any and error != "Timeout"', "error_kind", optional=True),
    Field("error_stage", "name", "the stage that failed", 'error_stage = "generate"', "error_stage", optional=True),
    Field("confidence", "number", "how far the answer may be trusted, from 0 to 1", "confidence < .5", "confidence", optional=True),
    Field("abstained", "flag", "whether the generator held that the chunks do not answer", "not abstained", "abstained"),
    Field("rating", "choice", "what a person said of the answer", "rating = down", "rating", choices=("up", "down", "none")),
    Field("top_score", "number", "the best score among the chunks: cosine, from -1 to 1", "top_score < .8", "top_score", optional=True),
    Field(STAGE, "number", "how long a stage took in all, in milliseconds", "stage.generate.ms > 1500", optional=True),
    Field(QUALITY, "number", "what a quality rule says of it", "quality.grounded < .5", optional=True),
)  # fmt: skip
"""Every field, in the order in which they are shown."""

ALIASES: Mapping[str, str] = MappingProxyType({"stage.retrieve.top_score": "top_score"})
"""Other names of fields."""

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "duration": "latency_ms",
        "time": "asked_at",
        "date": "asked_at",
        "feedback": "rating",
        "score": "top_score",
        "quality": "quality.grounded",
        "grounded": "quality.grounded",
        "input": "question",
        "output": "answer",
        "outcome": "error",
        "conversation": "session",
        "application": "service",
    }
)
"""Words that are near to no name, with the field that was meant."""

_BY_NAME = {field.name: field for field in FIELDS if field.name not in (STAGE, QUALITY)}
_STAGE_MS = re.compile(r"stage\.([\w-]+)\.ms")
_OF_STAGE, _OF_RULE = (next(field for field in FIELDS if field.name == name) for name in (STAGE, QUALITY))
_RULES = {f"quality.{rule}": rule for rule in RULES}
_NEAR = (*_BY_NAME, *ALIASES, "stage.retrieve.ms", "stage.generate.ms", *_RULES)


def describe_fields() -> tuple[Field, ...]:
    """Every field with what may be said of it: what the help of the page and docs/filters.md show."""
    return FIELDS


@dataclass(frozen=True, slots=True)
class Found:
    """A field, and which one it is where it stands for several."""

    field: Field
    """The field."""
    stage: str = ""
    """The stage of `stage.….ms`."""
    rule: str = ""
    """The rule of `quality.…`."""


def find_field(name: str) -> Found | None:
    """A field by its name in an expression; None if there is no such field."""
    if stage := _STAGE_MS.fullmatch(name):
        return Found(replace(_OF_STAGE, name=name), stage=stage[1])
    if rule := _RULES.get(name):
        return Found(replace(_OF_RULE, name=name), rule=rule)
    found = _BY_NAME.get(ALIASES.get(name, name))
    return None if found is None else Found(found)


def nearest_field(name: str) -> str | None:
    """The name that was probably meant; None if it is like none."""
    lower = name.lower()
    if lower in SYNONYMS:
        return SYNONYMS[lower]
    return next(iter(get_close_matches(lower, _NEAR, n=1)), None)
