"""What the inside of a model shows of an answer, chunk by chunk, beside what each chunk did: in words and figures."""

from app.explaining.words import chunk_name, chunk_order, nats
from app.kit.numbers import percent, three_figures
from explain.explained import Explained
from pipeline.types import Introspection

WELL_COMPLETE = 0.02
"""Completeness gap up to which integrated gradients are called complete (Sundararajan et al. 2017)."""

HEADS = {
    "attention": "Attention",
    "gradient_input": "Gradient × input",
    "integrated": "Integrated gradients",
}
"""Columns, by field."""


def inside_heads(seen: Introspection) -> list[str]:
    """The columns, each with what it is evidence of."""
    named = [f"{HEADS[field]}: {seen.evidence_of[field]}" for field in inside_fields(seen)]
    return ["Chunk", "What it did: measured", *named]


def inside_fields(seen: Introspection) -> list[str]:
    """The measures that were taken."""
    return ["attention", "gradient_input", *(["integrated"] if seen.integrated is not None else [])]


def inside_rows(found: Explained, seen: Introspection) -> list[list[str]]:
    """A row for each chunk, those first that did most: attention is the mean over the answer's tokens, gradients their sum."""
    tokens = max(len(seen.tokens), 1)
    rows = []
    for place in chunk_order(found):
        attention = sum(row[place] for row in seen.attention) / tokens
        gradient = sum(row[place] for row in seen.gradient_input)
        cells = [percent(attention, 1), f"{nats(gradient)} nats"]
        if seen.integrated is not None:
            cells.append(f"{nats(seen.integrated[place])} nats")
        chunk = found.chunks[place]
        rows.append([f"{chunk.rank}. {chunk_name(chunk)}", f"{nats(float(found.chunk_nats[place]))} nats", *cells])
    return rows


def completeness_words(seen: Introspection) -> str | None:
    """Whether integrated gradients add up; None where they were not taken."""
    if seen.completeness_gap is None:
        return None
    gap = f"{three_figures(seen.completeness_gap * 100)} %"
    if seen.completeness_gap <= WELL_COMPLETE:
        return f"Integrated gradients add up to the change in log-probability within {gap}."
    return f"Integrated gradients miss the change in log-probability by {gap}; above 2 % they are not to be believed. Take more steps."
