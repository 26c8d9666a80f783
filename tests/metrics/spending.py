"""Traces whose models are paid by the token."""

from typing import Any

from metrics.costs import DAY_S
from pipeline.types import Generation, Trace
from tests.factories import make_trace

DAY = 20_000 * DAY_S
"""The beginning of a day."""

MINI, OTHER = "gpt-4o-mini", "tiny@rack:8000"


def asked(model: str, asked_at: float, read: int = 100, written: int | None = 10, **fields: Any) -> Trace:
    """A question that a model on another server answered."""
    made = Generation("x", (), read, "stop", prompt="p", completion_tokens=written)
    return make_trace(generation=made, settings={"generator": f"openai:{model}"}, asked_at=asked_at, **fields)
