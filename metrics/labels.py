"""Labels: what a trace is found by and may have several of: its tags, the models, kinds of span and services in it, its documents."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, Select, delete, select, text

from metrics.database import insert_rows
from metrics.search import storable
from metrics.tables import labels, trace_labels
from pipeline.spans import KIND_OF_STAGE

LabelKind = Literal["tag", "model", "kind", "service", "document"]
"""What a label says."""

Label = tuple[LabelKind, str]
"""What it says, and its value."""

MAX_LABELS = 32
"""Labels of one kind that a trace keeps."""

MAX_LABEL_CHARS = 200
"""Characters of a value: databases index no long ones."""

MODEL_ATTRIBUTES = (
    "model",
    "llm.model_name",
    "embedding.model_name",
    "reranker.model_name",
    "gen_ai.request.model",
    "gen_ai.response.model",
)
"""Where a span names its model: ours, OpenInference's, OpenTelemetry's."""

_ADD = text("INSERT INTO labels (kind, value) VALUES (:kind, :value) ON CONFLICT (kind, value) DO NOTHING")
"""Both databases spell it like this; SQLAlchemy has it only dialect by dialect."""


def bounded(value: str) -> str:
    """A text as it is labelled, and as both databases can index it."""
    return storable(value[:MAX_LABEL_CHARS])


def list_labels(trace: Mapping[str, Any]) -> list[Label]:
    """The labels of a trace, given in its JSON form."""
    models: dict[str, None] = {}
    kinds: dict[str, None] = {}
    services: dict[str, None] = {trace.get("service", ""): None}
    for span in trace["spans"]:
        attributes = span["attributes"]
        for name in MODEL_ATTRIBUTES:
            if name in attributes and isinstance(attributes[name], str):
                models[attributes[name]] = None
        kinds[span.get("kind") or KIND_OF_STAGE.get(span["stage"], "unknown")] = None
        services[span.get("service", "")] = None
    kinds.pop("unknown", None)
    return [
        *_bound("tag", trace.get("tags", ())),
        *_bound("model", models),
        *_bound("kind", kinds),
        *_bound("service", services),
        *_bound("document", (chunk["document_id"] for chunk in trace["chunks"])),
    ]


def _bound(kind: LabelKind, values: Iterable[str]) -> list[Label]:
    distinct = dict.fromkeys(bounded(value) for value in values if value)
    return [(kind, value) for value in islice(distinct, MAX_LABELS)]


def add_labels(connection: Connection, labelled: Mapping[int, Sequence[Label]]) -> None:
    """Label traces, by `seq`, that have no labels yet."""
    wanted = {label for several in labelled.values() for label in several}
    if not wanted:
        return
    known = _numbers(connection, wanted)
    if len(known) < len(wanted):
        connection.execute(_ADD, [{"kind": kind, "value": value} for kind, value in sorted(wanted - known.keys())])
        known = _numbers(connection, wanted)
    rows = [(known[label], seq) for seq, several in labelled.items() for label in several]
    insert_rows(connection, trace_labels, rows)


def _numbers(connection: Connection, wanted: set[Label]) -> dict[tuple[str, str], int]:
    kinds, values = {kind for kind, _ in wanted}, {value for _, value in wanted}
    chosen = select(labels).where(labels.c.kind.in_(sorted(kinds)), labels.c.value.in_(sorted(values)))
    found = {(kind, value): label_id for label_id, kind, value in connection.execute(chosen)}
    return {label: found[label] for label in wanted if label in found}


def remove_labels(connection: Connection, seqs: Sequence[int]) -> None:
    """Take every label off some traces."""
    connection.execute(delete(trace_labels).where(trace_labels.c.seq.in_(seqs)))


def list_values(connection: Connection, kind: LabelKind, limit: int) -> list[str]:
    """Values of a kind that some trace has, in alphabetical order. A label is a row however many traces have it."""
    used = select(trace_labels.c.seq).where(trace_labels.c.label_id == labels.c.label_id).exists()
    chosen = select(labels.c.value).where(labels.c.kind == kind, used).order_by(labels.c.value).limit(limit)
    return list(connection.scalars(chosen))


def find_labelled(connection: Connection, kind: LabelKind, values: frozenset[str]) -> Select[tuple[int]]:
    """Select the `seq` of every trace that has one of some labels; more than once where it has several."""
    wanted = [bounded(value) for value in sorted(values)]
    chosen = select(labels.c.label_id).where(labels.c.kind == kind, labels.c.value.in_(wanted))
    return select(trace_labels.c.seq).where(trace_labels.c.label_id.in_(list(connection.scalars(chosen))))
