"""The use case of a judge: which one, if any, and its word on the answers of a run. Without streamlit."""

import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

from app.config import Settings
from app.permitting.acting import record, require
from app.permitting.roles import Role
from app.runs.evaluations import Evaluations
from evaluation.judging import Judge, choose_unjudged, judge_answer
from evaluation.runner import MOST_FAILURES
from evaluation.scoring import Scored
from pipeline.errors import ConfigError, Unavailable
from pipeline.types import Trace

if TYPE_CHECKING:
    from evaluation.judge_endpoint import EndpointJudge

NO_JUDGE = (
    "There is no judge. Set RAGLASS_JUDGE_URL and RAGLASS_JUDGE_MODEL to an OpenAI-compatible endpoint, and RAGLASS_JUDGE_KEY if it wants "
    "one, then start Raglass again."
)


class _Streak:
    """Judges, and gives up after MOST_FAILURES answers in a row without a judgement: the endpoint is down then."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._missing = 0
        self._problem = ""

    def work(self, scored: Scored, trace: Trace | None) -> Scored:
        if self._missing >= MOST_FAILURES:
            raise Unavailable(
                f"The judge gave no judgement of {self._missing} answers in a row: {self._problem}. What it judged before is kept."
            )
        found = judge_answer(scored, trace, self._judge)
        self._problem = found.judge_problem
        self._missing = self._missing + 1 if self._problem else 0
        return found


class Judging:
    """Runs before a judge."""

    def __init__(self, settings: Settings, evaluations: Evaluations) -> None:
        self._settings, self._evaluations = settings, evaluations

    @property
    def configured(self) -> bool:
        """Whether there is a judge."""
        return bool(self._settings.judge_url)

    @property
    def name(self) -> str:
        """The judge's model; empty where there is none."""
        return self._settings.judge_model if self.configured else ""

    def open_judge(self) -> "EndpointJudge":
        """The judge by the settings. Raises ConfigError where there is none."""
        settings = self._settings
        if not self.configured:
            raise ConfigError(NO_JUDGE)
        from evaluation.judge_endpoint import EndpointJudge

        return EndpointJudge(
            settings.judge_url, settings.judge_model, settings.judge_key, timeout_s=settings.judge_timeout_s
        )

    def judge(
        self, run_id: str, *, sample: int | None = None, stop: threading.Event | None = None
    ) -> Generator[tuple[int, int], None, None]:
        """Have the answers that a run gave judged, one after the other, and keep each judgement; yields how many are done, and of how many.

        sample: answers to draw; None for all. What was judged stays, what could not be judged is tried again by the next call. Raises
        ConfigError where there is no judge, or it could never judge, and Unavailable where it stops answering. Takes an editor.
        """
        require(Role.EDITOR)
        work = _Streak(self.open_judge()).work
        run = self._evaluations.find(run_id)
        record("had a run judged", run.run_id)
        todo, whole = choose_unjudged(self._evaluations.scores(run.run_id), sample)
        yield from self._evaluations.rescore(run.run_id, todo, whole, work, stop)
