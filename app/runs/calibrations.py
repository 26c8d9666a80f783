"""A backend's confidence as a probability of being right: fitted on a stored run, kept for what answered it. Without streamlit."""

import json
import logging
from collections.abc import Callable, Mapping

from app.permitting.acting import record, require
from app.permitting.roles import Role
from evaluation.calibrating import Calibration, calibrate
from evaluation.scoring import Scored
from metrics.runs import StoredRun
from metrics.store import TraceStore
from pipeline.errors import InputError, StoreError
from pipeline.types import Trace

log = logging.getLogger(__name__)


class Calibrations:
    """Those of a trace store."""

    def __init__(self, store: Callable[[], TraceStore]) -> None:
        """store: where runs, traces and calibrations are kept."""
        self._store = store

    def fit(self, run_id: str, method: str = "auto") -> Calibration:
        """Fit the confidence of what answered a run, and keep it for its traces. Raises InputError where that cannot be done."""
        require(Role.EDITOR)
        run = self._store().runs.find(run_id)
        scores = [Scored.from_dict(data) for data in self._store().runs.scores(run.run_id)]
        answered = (self._store().get(each.trace_id) for each in scores if not each.failed)
        stored = next((each for each in answered if each is not None), None)
        if stored is None:
            raise InputError(f"The run {run.run_id} has no answer to calibrate on.")
        trace = stored.trace
        found = calibrate(
            scores,
            run_id=run.run_id,
            backend=trace.backend,
            generator=str(trace.settings.get("generator") or ""),
            method=method,
        )
        self._store().runs.keep_calibration(answered_by(trace), run.run_id, found.to_dict())
        record("calibrated on a run", run.run_id)
        return found

    def of(self, trace: Trace) -> Calibration | None:
        """The calibration of what answered a trace; None if there is none, or it cannot be read."""
        try:
            data = self._store().runs.calibration(answered_by(trace))
            return None if data is None else Calibration.from_dict(data)
        except (StoreError, InputError) as error:
            log.warning("no calibration: %s", error)
            return None

    def run_to_fit(self, trace: Trace) -> StoredRun | None:
        """The finished run with most answers that was answered as a trace was, the newest of several; None without one.

        Its confidence could be calibrated on it.
        """
        wanted = answered_by(trace)
        runs = self._store().runs.newest()
        fitting = [run for run in runs if run.status == "finished" and _answered_by(run.about) == wanted]
        return max(fitting, key=lambda run: run.answers, default=None)

    def has_runs(self) -> bool:
        """Whether any run is kept."""
        return bool(self._store().runs.newest(1))


def answered_by(trace: Trace) -> str:
    """What a calibration speaks for: backend, generator and embedder."""
    return _answered_by({**trace.settings, "backend": trace.backend})


def _answered_by(told: Mapping[str, object]) -> str:
    """The same of a run's record."""
    return json.dumps([told.get("backend"), told.get("generator"), told.get("embedder")])
