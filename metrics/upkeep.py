"""`Upkeep`: what is done to a store as a whole: what is too old deleted, all of it backed up, a backup restored."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from metrics import backup, forgetting, restoring
from metrics.backup import Manifest, Progress
from metrics.database import Database
from metrics.forgetting import Forgotten

Mode = Literal["empty", "replace", "merge"]
"""Restore into an empty store, in place of what is there, or what is missing there."""


class Upkeep:
    """Of one open store. Every error of the database is a StoreError."""

    def __init__(
        self, database: Database, explained: Callable[[], AbstractContextManager[None]], fold: Callable[[], object]
    ) -> None:
        """fold: brings lists up to date with all that waits."""
        self._database, self._explained, self._fold = database, explained, fold

    def forget_beyond(
        self, keep_s: float | None, keep_traces: int | None, tags: frozenset[str], stopping: Callable[[], bool]
    ) -> Forgotten | None:
        """Delete what is too old or too much; see `metrics.forgetting.forget_beyond`."""
        self._fold()
        with self._explained():
            return forgetting.forget_beyond(self._database, keep_s, keep_traces, tags, stopping)

    def back_up(
        self,
        file: Path,
        version: str,
        *,
        force: bool = False,
        on_progress: Progress = lambda *_: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Manifest:
        """Write all of the store to a file; see `metrics.backup.write_backup`."""
        self._fold()
        with self._explained():
            return backup.write_backup(self._database, file, version, on_progress, stopping, force=force)

    def restore(
        self,
        file: Path,
        mode: Mode,
        *,
        on_check: Progress = lambda *_: None,
        on_progress: Progress = lambda *_: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> int:
        """Check a backup, then put what it holds into the store; see `metrics.restoring`. Returns how many traces came."""
        with restoring.opened_backup(file, on_check, stopping) as (checked, manifest), self._explained():
            if mode == "merge":
                return restoring.merge(self._database, checked, self._fold, on_progress, stopping)
            restoring.fill(self._database, checked, on_progress, stopping, replacing=mode == "replace")
            self._fold()
            self._database.tidy()
            return manifest.counts["traces"] + manifest.counts["outbox"]
