"""A measurement of stability that goes on in the background, and keeps what it knows as it goes.

Owns when it is kept: what a process that ends at once leaves behind can be gone on with.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from app.runs.evaluations import Evaluations
from app.stability.kept import KeptStability, new_id
from app.stability.perturbed import StabilityPlan, StabilityStep, check_stability

KEEP_S = 30.0
"""How often what is known so far is kept."""


@dataclass(frozen=True, slots=True)
class MeasuredStep:
    """Where a measurement is."""

    run_id: str
    """What its result is kept as."""
    plan: StabilityPlan
    """What is asked."""
    step: StabilityStep
    """How far it is."""


def measure(
    evaluations: Evaluations, kept: KeptStability, plan: StabilityPlan, stop: threading.Event
) -> Iterator[MeasuredStep]:
    """Measure until the end, or until the event is set, and keep what was measured. Raises what `check_stability` does, StoreError."""
    return _measure(evaluations, kept, new_id(), plan, None, stop)


def go_on(evaluations: Evaluations, kept: KeptStability, kept_id: str, stop: threading.Event) -> Iterator[MeasuredStep]:
    """Go on with a result that is kept of a part of the questions. Raises InputError where there is none."""
    plan, earlier = kept.find(kept_id)
    return _measure(evaluations, kept, kept_id, plan, earlier, stop)


def _measure(
    evaluations: Evaluations,
    kept: KeptStability,
    kept_id: str,
    plan: StabilityPlan,
    earlier: StabilityStep | None,
    stop: threading.Event,
) -> Iterator[MeasuredStep]:
    done = [] if earlier is None else earlier.results
    last, at = None, time.monotonic()
    try:
        with closing(check_stability(evaluations, plan, done)) as steps:
            for last in steps:
                yield MeasuredStep(kept_id, plan, last)
                if stop.is_set():
                    return
                if len(last.results) > len(done) and time.monotonic() - at >= KEEP_S:
                    kept.keep(plan, last, kept_id)
                    at = time.monotonic()
    finally:
        if last is not None and len(last.results) > len(done):
            kept.keep(plan, last, kept_id)
