"""What a piece of work with a transformers model costs: forward passes, tokens read, seconds on the clock and of the processor."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Found = TypeVar("Found")


@dataclass(slots=True)
class Cost:
    """Of one piece of work."""

    passes: int = 0
    """Forward passes of the model."""
    tokens: int = 0
    """Tokens that they read, padding included."""
    wall_s: float = 0.0
    """On the clock, which other work on the machine makes longer."""
    processor_s: float = 0.0
    """Of all of the process's threads."""


def meter(model: Any, work: Callable[[], Found]) -> tuple[Cost, Found]:
    """Do the work, and say what it cost."""
    cost = Cost()

    def count(module: Any, arguments: Any, given: dict[str, Any]) -> None:
        cost.passes += 1
        cost.tokens += given["input_ids"].numel()

    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    wall, processor = time.perf_counter(), time.process_time()
    try:
        found = work()
    finally:
        hook.remove()
    cost.wall_s, cost.processor_s = time.perf_counter() - wall, time.process_time() - processor
    return cost, found
