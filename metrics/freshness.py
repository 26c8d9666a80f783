"""`Freshness`: how far lists are brought up to date before they are read, in a flood too.

It owns how long a reader waits for that. What folding is, `metrics.folding` knows.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from metrics.folding import BATCH, Folder
from pipeline.errors import StoreError

log = logging.getLogger(__name__)

READ_FOLD_LIMIT = 16 * BATCH
"""Traces that a read folds before it answers; in a flood the rest follow within seconds, and counts include them."""

READ_FOLD_S = 0.05
"""Seconds that a read folds spans of other applications before it answers: in a flood of them, whoever reads must not wait."""

READ_WAIT_S = 0.01
"""Seconds that it waits for another thread that folds, which may itself be giving way to this reader."""

READ_FOLD_TRACES = 8
"""Traces of which it folds the spans at once."""

READ_REST_S = 5.0
"""Where that time was not enough, reads leave spans to the background for so long: in a flood a page in ten waits, not each."""


class Freshness:
    """Of one open store."""

    def __init__(
        self, folder: Folder, explained: Callable[[], AbstractContextManager[None]], closed: Callable[[], bool]
    ) -> None:
        """closed: whether the store was closed meanwhile."""
        self._folder, self._explained, self._closed = folder, explained, closed
        self._rested_at = 0.0

    def fold(self) -> int:
        """Bring lists, search and sketches up to date with what is stored now; how many traces were waiting."""
        folded, now = 0, time.time()
        with self._explained():
            while count := self._folder.fold_traces() + self._folder.fold_pieces("all", now):
                folded += count
        return folded

    def renew(self, *, whole: bool = False) -> None:
        """Fold before a read, unless `whole` at most READ_FOLD_LIMIT traces, and spans for no longer than READ_FOLD_S.

        A locked store is read as it is: a list without the last second beats no list.
        """
        try:
            if whole:
                self.fold()
            else:
                self._fold_some()
        except StoreError as error:
            if self._closed():
                raise
            log.warning("the list may lack the newest traces: %s", error)

    def _fold_some(self) -> None:
        folded, now = 0, time.time()
        with self._explained():
            while folded < READ_FOLD_LIMIT and (count := self._folder.fold_traces()):
                folded += count
            if time.monotonic() < self._rested_at:
                return
            end = time.monotonic() + READ_FOLD_S
            while time.monotonic() < end:
                if not self._folder.fold_pieces("arrived", now, limit=READ_FOLD_TRACES, wait_s=READ_WAIT_S):
                    break
            if time.monotonic() >= end:
                self._rested_at = time.monotonic() + READ_REST_S
