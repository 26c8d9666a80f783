"""Trying one target with many inputs: how many there were, and what came of them."""

import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from pipeline.errors import RaglassError

ROOT = Path(__file__).resolve().parents[2]

BATCH = 200
"""Inputs between two looks at the clock, and under one seed of hypothesis."""

KEPT_CHARS = 300
"""Of an input that crashed, what is shown."""

TryOne = Callable[[Any], object]
"""Reads an input. A RaglassError refuses it; whatever else is raised is a crash."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads what comes from outside."""

    name: str
    """In words."""
    measured: tuple[str, ...]
    """Files whose lines are counted, as patterns below the repository's root."""
    inputs: Callable[[], SearchStrategy[Any]]
    """Makes what is tried."""
    opened: Callable[[Path], AbstractContextManager[TryOne]]
    """What tries an input, with a folder of its own."""


@dataclass(slots=True)
class Tried:
    """What came of a target."""

    name: str
    """The target's."""
    inputs: int = 0
    """How many were tried."""
    accepted: int = 0
    """Of those, how many were read."""
    slowest_ms: float = 0.0
    """The longest that one took."""
    took_s: float = 0.0
    """All of them, with making them."""
    covered: float | None = None
    """Percent of the measured files' lines that were reached, those at import among them; None where nothing was measured."""
    crashes: dict[str, list[str]] = field(default_factory=dict)
    """By what was raised and where, the inputs that did it."""


def try_target(target: Target, folder: Path, *, inputs: int, limit_s: float, start: int = 0) -> Tried:
    """Try so many inputs, or fewer where the time is up before. start: seed of the first batch."""
    tried, began = Tried(target.name), time.monotonic()
    with target.opened(folder) as try_one:
        while (left := inputs - tried.inputs) > 0 and time.monotonic() - began < limit_s:
            before = tried.inputs
            _try_batch(target, try_one, tried, min(BATCH, left), start + before)
            if tried.inputs == before:
                break
    tried.took_s = time.monotonic() - began
    return tried


def _try_batch(target: Target, try_one: TryOne, tried: Tried, inputs: int, start: int) -> None:
    @seed(start)
    @settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs())
    def batch(made: Any) -> None:
        tried.inputs += 1
        began = time.perf_counter()
        try:
            tried.accepted += _is_read(try_one, made)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            tried.crashes.setdefault(where(error), []).append(repr(made)[:KEPT_CHARS])
        tried.slowest_ms = max(tried.slowest_ms, (time.perf_counter() - began) * 1e3)

    batch()


def _is_read(try_one: TryOne, made: Any) -> bool:
    """Whether an input is read. Where it is refused, the message can be written to a terminal."""
    try:
        try_one(made)
    except RaglassError as error:
        str(error).encode()
        return False
    return True


def where(error: Exception) -> str:
    """What was raised, and the last place in our own code that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if each.filename.startswith(str(ROOT)) and "site-packages" not in each.filename]
    last = (ours or list(frames))[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}, {last.name}"
