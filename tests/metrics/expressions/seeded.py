"""Traces for expressions, put into the tables as they are, and a plain evaluator's view of each."""

import random
from dataclasses import dataclass

from sqlalchemy import insert

from metrics import search
from metrics.database import Database
from metrics.tables import labels, quality, stage_times, trace_labels, traces

NOW_S = 1_790_000_000.0
"""What `now` is: 2026-09-21, 14:13:20 UTC."""

TEXTS = ("", "Refund of 50 % please", "REFUND_ME", "Straße nach refund", "a 'b' \"c\" \\ d", "Où est l'Été?", "fundre")
NAMES = ("ada", "Ada", "o'brien", "x% y_")
LABELS = {
    "tag": ("vip", "keep", "VIP"),
    "model": ("e5-small", "flan-t5"),
    "kind": ("llm", "retriever", "reranker"),
    "service": ("shop", "desk"),
}
STAGES = ("embed", "retrieve", "generate")
RULES = ("grounded", "judged_answer")
NUMBERS = (0.0, 0.25, 0.5, 0.8, 1.0)
TIMES_MS = (0.0, 1.5, 20.0, 2000.0, 2000.5)


@dataclass(frozen=True)
class Seed:
    """A trace as the evaluator sees it, in the words of an expression; None and empty for what it lacks."""

    latency_ms: float
    asked_at: float
    question: str
    answer: str
    note: str
    backend: str
    session: str
    user: str
    origin: str
    error: str | None
    error_stage: str | None
    confidence: float | None
    top_score: float | None
    abstained: bool
    rating: str
    stages: dict[str, float]
    labels: dict[str, frozenset[str]]
    quality: dict[str, float | None]


def draw_seeds(count: int) -> list[Seed]:
    """Traces whose values are few, so that comparisons meet them."""
    draw = random.Random(20)
    return [_draw_seed(draw) for _ in range(count)]


def _draw_seed(draw: random.Random) -> Seed:
    failed = draw.random() < 0.4
    return Seed(
        latency_ms=draw.choice(TIMES_MS),
        asked_at=NOW_S - draw.choice((0.0, 60.0, 3600.0, 7200.0, 86400.0)),
        question=draw.choice(TEXTS),
        answer=draw.choice(TEXTS),
        note=draw.choice(TEXTS),
        backend=draw.choice(NAMES),
        session=draw.choice(("", *NAMES)),
        user=draw.choice(("", *NAMES)),
        origin=draw.choice(("person", "run", "application")),
        error=draw.choice(NAMES) if failed else None,
        error_stage=draw.choice((None, *STAGES)) if failed else None,
        confidence=draw.choice((None, *NUMBERS)),
        top_score=draw.choice((None, *NUMBERS)),
        abstained=draw.random() < 0.3,
        rating=draw.choice(("up", "down", "none")),
        stages={stage: draw.choice(TIMES_MS) for stage in STAGES if draw.random() < 0.6},
        labels={
            kind: frozenset(draw.sample(values, draw.randrange(len(values) + 1))) for kind, values in LABELS.items()
        },
        quality={rule: draw.choice((None, *NUMBERS)) for rule in RULES if draw.random() < 0.6},
    )


def insert_seeds(database: Database, seeds: list[Seed]) -> None:
    """Put traces into every table that an expression asks, under the numbers 1, 2, … and ids of the same digits."""
    known = [(kind, value) for kind, values in LABELS.items() for value in values]
    numbered = dict(enumerate(seeds, 1))
    with database.writing() as connection:
        connection.execute(insert(traces), [_row(seq, seed) for seq, seed in numbered.items()])
        connection.execute(
            insert(labels), [{"label_id": n, "kind": kind, "value": value} for n, (kind, value) in enumerate(known, 1)]
        )
        connection.execute(
            insert(trace_labels),
            [
                {"label_id": known.index((kind, value)) + 1, "seq": seq}
                for seq, seed in numbered.items()
                for kind, values in seed.labels.items()
                for value in values
            ],
        )
        connection.execute(
            insert(stage_times),
            [
                {"stage": stage, "duration_ms": duration_ms, "seq": seq}
                for seq, seed in numbered.items()
                for stage, duration_ms in seed.stages.items()
            ],
        )
        connection.execute(
            insert(quality),
            [
                {"seq": seq, "rule": rule, "value": value, "asked_at": seed.asked_at, "backend": "", "scored_at": NOW_S}
                for seq, seed in numbered.items()
                for rule, value in seed.quality.items()
            ],
        )
        texts = {seq: search.fold_text(seed.question, seed.answer, seed.note) for seq, seed in numbered.items()}
        search.index_texts(connection, texts)


def _row(seq: int, seed: Seed) -> dict[str, object]:
    same = (
        "asked_at",
        "question",
        "answer",
        "note",
        "backend",
        "session",
        "origin",
        "error_stage",
        "confidence",
        "top_score",
    )
    return {
        "seq": seq,
        "trace_id": str(seq),
        "duration_ms": seed.latency_ms,
        "asked_by": seed.user,
        "error_kind": seed.error,
        "abstained": int(seed.abstained),
        "rating": {"up": 1, "down": -1, "none": None}[seed.rating],
        "service": "",
        **{name: getattr(seed, name) for name in same},
    }
