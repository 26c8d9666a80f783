"""What a list shows of runs that were kept before it showed that: worked out of their answers once, and kept with them.

Owns how many are worked out at once. A run that goes on is left alone: its figures are kept when it ends.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from evaluation.scoring import Scored
from evaluation.summary import headline_figures
from metrics.runs import RunLog, StoredRun
from pipeline.errors import InputError, StoreError

log = logging.getLogger(__name__)

FIGURES = "figures"
"""In a run's record: what it came to."""

MOST_AT_ONCE = 5
"""Runs that one reading of a list works out; the next reading goes on."""

_NAMES = frozenset(headline_figures([]))


def fill_figures(kept: RunLog, runs: Sequence[StoredRun]) -> list[StoredRun]:
    """The same runs, each with all figures that its answers give. Raises StoreError where answers cannot be read."""
    found: list[StoredRun] = []
    left = MOST_AT_ONCE
    for run in runs:
        filled = _filled(kept, run) if left and _lacks(run) else run
        left -= filled is not run
        found.append(filled)
    return found


def _lacks(run: StoredRun) -> bool:
    return run.answers > 0 and run.status != "running" and not _NAMES.issubset(run.about.get(FIGURES) or ())


def _filled(kept: RunLog, run: StoredRun) -> StoredRun:
    try:
        figures = headline_figures([Scored.from_dict(data) for data in kept.scores(run.run_id)])
    except InputError:  # another version wrote them; whoever opens the run is told
        return run
    try:
        kept.note(run.run_id, {FIGURES: figures})
    except StoreError as error:  # they are worked out again the next time
        log.warning("the figures of the run %s could not be kept: %s", run.run_id, error)
    return replace(run, about={**run.about, FIGURES: figures})
