"""Made-up traces, and stores filled with them: what the measures of stores, pages and receiving read."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from metrics import latency, search
from metrics.derived import light_row
from metrics.payloads import deflate
from metrics.store import TraceStore
from metrics.tables import payloads, search_texts, state, traces
from pipeline.types import Chunk, Confidence, Generation, Span, Token, Trace

CHUNKS = 5
CHUNK_CHARS = 800
SYLLABLES = (
    "ka",
    "mo",
    "ri",
    "sen",
    "tal",
    "ver",
    "on",
    "di",
    "pra",
    "lu",
    "che",
    "gor",
    "mi",
    "stra",
    "quo",
    "bin",
    "fer",
)
BACKENDS = ("local/embedded", "local/research", "aws")
RARE = "obsidian quartz"
"""Planted in ten questions of every seeded store, whatever its size."""

BLOCK = 10_000
"""Seeded traces written in one transaction."""

DAY_S = 86_400

UNTIL = 1_757_000_000.0
"""When the newest seeded trace was asked, unless told otherwise; seconds since 1970."""


def make_words(seed: int = 0, count: int = 4_000) -> list[str]:
    """Made-up words and a few English ones, the early ones to be used more often."""
    rng = random.Random(seed)
    made = ("".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) for _ in range(count))
    return ["the", "of", "what", "is", "in", *made]


def make_text(rng: random.Random, words: list[str], count: int) -> str:
    """`count` words, frequent ones more often (their rank falls off as in a Zipf distribution)."""
    return " ".join(words[int(len(words) ** rng.random()) - 1] for _ in range(count))


def make_trace(rng: random.Random, words: list[str]) -> Trace:
    """A trace of the size that the measure is about: 5 chunks of 800 characters and 30 tokens."""
    chunks = tuple(
        Chunk(
            f"{rng.getrandbits(64):016x}",
            f"{rng.getrandbits(64):016x}",
            make_text(rng, words, 3),
            make_text(rng, words, 200)[:CHUNK_CHARS].ljust(CHUNK_CHARS, "."),
            rng.uniform(0.7, 0.95),
            rank,
            {"bm25": rng.uniform(0, 20), "fused": rng.random()},
        )
        for rank in range(1, CHUNKS + 1)
    )
    tokens = tuple(Token(f" {word}", -rng.random()) for word in make_text(rng, words, 30).split())
    spans = tuple(
        Span(stage, 0.0, rng.lognormvariate(2, 0.5), {"model": "m"}) for stage in ("embed", "retrieve", "generate")
    )
    generation = Generation(
        "".join(token.text for token in tokens).strip(),
        tokens,
        400,
        "stop",
        Confidence(rng.random(), "calibrated"),
        used_chunk_ids=tuple(chunk.chunk_id for chunk in chunks),
    )
    return Trace(
        trace_id=f"{rng.getrandbits(128):032x}",
        question=make_text(rng, words, 9) + "?",
        backend="local/embedded",
        asked_at=time.time(),
        duration_ms=sum(span.duration_ms for span in spans) + 0.3,
        chunks=chunks,
        generation=generation,
        spans=spans,
        settings={"top_k": CHUNKS, "deadline_s": 30.0, "rerank": False},
    )


def seed(
    store: TraceStore,
    count: int,
    *,
    until: float = UNTIL,
    make: Callable[..., dict[str, Any]] | None = None,
    sketched_s: float = DAY_S,
) -> None:
    """Fill an empty store, or go on where that was broken off, with `count` small traces over the 30 days before `until`, some 100 µs each.

    make: a trace in its JSON form, as `small_trace`, which is the default. It writes the tables in bulk, which `put` must not; the search
    index is built at the end. sketched_s: of how many seconds, up to `until`, sketches are made. Raises SystemExit where something else is
    stored.
    """
    make, words, every_s = make or small_trace, make_words(), 30 * DAY_S / count
    with store._database.engine.connect() as connection:
        stored, newest = connection.execute(select(func.count(), func.max(traces.c.asked_at))).one()
    if stored > count or (stored % BLOCK and stored != count):
        raise SystemExit("Only an empty store can be seeded. Name another file.")
    if stored:
        until = newest + (count - stored) * every_s
    for start in range(stored, count, BLOCK):
        rng = random.Random(start)
        block = [
            make(rng, words, seq, until - (count - seq) * every_s, rare=seq % max(count // 10, 1) == 1)
            for seq in range(start + 1, min(start + BLOCK, count) + 1)
        ]
        recent = [data for data in block if data["asked_at"] > until - sketched_s]
        with store._database.writing() as connection:
            _write_block(connection, rng, start, block)
            if recent:
                latency.add_timings(connection, [timing for data in recent for timing in latency.list_timings(data)])
    with store._database.writing() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("INSERT INTO search_index (search_index) VALUES ('rebuild')"))
    store._database.tidy()


def _write_block(connection: Connection, rng: random.Random, before: int, block: list[dict[str, Any]]) -> None:
    """Write traces as folding would leave them, less their sketches. before: how many were written earlier."""
    rows = [{"seq": seq, **light_row(data), "rating": _rating(rng)} for seq, data in enumerate(block, before + 1)]
    kept = [
        {"seq": row["seq"], "payload": deflate(json.dumps(data).encode())}
        for row, data in zip(rows, block, strict=True)
    ]
    folded = [{"seq": r["seq"], "folded": search.fold_text(r["question"], r["answer"], "")} for r in rows]
    connection.execute(insert(traces), rows)
    connection.execute(insert(payloads), kept)
    connection.execute(insert(search_texts), folded)
    connection.execute(update(state).values(folded=state.c.folded + len(rows)))


def _rating(rng: random.Random) -> int | None:
    return rng.choice((-1, 1)) if rng.random() < 0.03 else None


def small_trace(rng: random.Random, words: list[str], seq: int, asked_at: float, *, rare: bool) -> dict[str, Any]:
    """The trace of this number in its JSON form: one chunk, one span. rare: whether its question holds RARE."""
    failed = rng.random() < 0.01
    abstained = not failed and rng.random() < 0.05
    question = make_text(rng, words, 8) + (f" {RARE}?" if rare else "?")
    duration_ms = rng.lognormvariate(4, 1)
    error = {"kind": rng.choice(("Timeout", "Unavailable")), "message": "It failed. Try again.", "stage": "generate"}
    chunk = {
        "chunk_id": "c",
        "document_id": "d",
        "title": "t",
        "text": "x",
        "score": rng.random(),
        "rank": 1,
        "signals": {},
    }
    span = {
        "stage": "generate",
        "start_ms": 0.0,
        "duration_ms": duration_ms,
        "attributes": {},
        "error": None,
        "parent": None,
    }
    return {
        "schema_version": "1.0",
        "trace_id": f"{seq:032x}",
        "question": question,
        "backend": rng.choices(BACKENDS, (70, 25, 5))[0],
        "asked_at": asked_at,
        "duration_ms": duration_ms,
        "chunks": [chunk],
        "generation": None if failed else _small_generation(rng, words, abstained=abstained),
        "spans": [span],
        "settings": {},
        "error": error if failed else None,
    }


def _small_generation(rng: random.Random, words: list[str], *, abstained: bool) -> dict[str, Any]:
    return {
        "answer": make_text(rng, words, 25),
        "tokens": [],
        "prompt_tokens": 0,
        "finish_reason": "quoted",
        "confidence": None if rng.random() < 0.1 else {"value": rng.random(), "kind": "calibrated"},
        "abstained": abstained,
        "evidence": [],
        "used_chunk_ids": [],
    }
