"""`Quality`: what one process has to do with quality: the watchers that a dashboard starts, what is spent, and what waits."""

from collections.abc import Callable
from dataclasses import dataclass

from app.config import Settings
from app.quality.judged import Budget, JudgeWatcher
from app.quality.watching import Loop, Remembered, Watcher
from app.runs.calibrations import Calibrations, answered_by
from app.runs.judging import Judging
from metrics.quality import Lag
from metrics.store import TraceStore


@dataclass(frozen=True, slots=True)
class WatchState:
    """How scoring goes."""

    lag: Lag | None
    """What waits for the rules; None where they never began."""
    share: float
    """Of new traces that are scored, in [0, 1]."""
    judge: str
    """The judge's model; empty where none rates."""
    judged: int
    """Answers that it rated, or tried to, in the last 24 hours."""
    per_day: int
    """How many it may."""
    problems: tuple[str, ...]
    """What keeps this process from scoring."""


class Quality:
    """Of one process."""

    def __init__(
        self,
        settings: Settings,
        store: Callable[[], TraceStore],
        calibrations: Calibrations,
        judging: Judging,
        busy: Callable[[], bool],
    ) -> None:
        """busy: whether a question or a page comes first."""
        self._settings, self._store, self._judging = settings, store, judging
        calibration_of = Remembered(calibrations.of, answered_by)
        self.watcher = Watcher(
            store, calibration_of, share=settings.quality_share, per_s=settings.quality_per_s, busy=busy
        )
        budget = Budget(settings.quality_judged_share, settings.quality_judged_per_day)
        self.judge = JudgeWatcher(store, judging.open_judge, budget)

    @property
    def judges(self) -> bool:
        """Whether a judge rates answers."""
        return self._judging.configured and self._settings.quality_judged_share > 0

    def start(self) -> None:
        """Score in the background: what a dashboard does."""
        for loop in self._loops():
            loop.start()

    def stop(self) -> None:
        """End after what is being worked on."""
        for loop in self._loops():
            loop.stop()

    def _loops(self) -> list[Loop]:
        wanted = [self.watcher.loop] if self._settings.quality_share > 0 else []
        return [*wanted, self.judge.loop] if self.judges else wanted

    def state(self) -> WatchState:
        """How scoring goes, in whichever process. Raises StoreError."""
        return WatchState(
            lag=self._store().quality.lag(),
            share=self._settings.quality_share,
            judge=self._judging.name if self.judges else "",
            judged=self.judge.spent() if self.judges else 0,
            per_day=self._settings.quality_judged_per_day,
            problems=tuple(dict.fromkeys(loop.problem for loop in self._loops() if loop.problem)),
        )
