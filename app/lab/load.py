"""The load study: questions at a rate that does not wait for answers, until the time is up or the target cannot keep up."""

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, get_args

from app.kit.numbers import count, milliseconds, rough_time, three_figures
from app.lab.load_words import due_times, load_tables
from app.lab.parts import Parts
from app.lab.study import Data, Step
from app.lab.tables import Table
from app.lab.targets import is_own
from app.runs.estimate import cost_words
from evaluation.datasets import BUILTIN, load_dataset, settle
from evaluation.lab.latency import spread
from evaluation.lab.load import RECENT, Arrivals, Call, reason_to_stop
from pipeline.errors import BackendError, InputError, StageFailed
from pipeline.protocols import Backend
from pipeline.recording import failed_trace
from pipeline.types import Trace

log = logging.getLogger(__name__)

MOST_CALLS = 20_000
"""Questions of one study: each is kept."""

BACKLOG_S, FEWEST_WAITING = 10.0, 20
"""Questions of so many seconds may wait, and this many at least, where nothing else is said."""

TICK_S, SHORTEST_TICK_S = 0.1, 0.001
"""Longest and shortest sleep between two looks at what is due."""

TELL_S = 1.0
"""How often it is told where the load is."""


class LoadStudy:
    """See `app.lab.study.Study`."""

    name = "load"
    title = "Load"
    about = (
        "Asks questions at a set rate, whether or not the ones before are answered: throughput, latency from when each was "
        "due, errors. Where the target is this machine, its answers and its asking share the processor."
    )

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        workers: Callable[[int], Executor] = ThreadPoolExecutor,
    ) -> None:
        """clock: seconds. workers: what runs so many questions at once."""
        self._clock, self._sleep, self._workers = clock, sleep, workers

    def check(self, parts: Parts, plan: Data) -> Data:
        """A target of this machine, or one that was named twice; a rate and a time that can be kept."""
        target = str(plan.get("target") or parts.settings.backend_name)
        rate, minutes = _number(plan, "rate", 1.0, 0.01, 200), _number(plan, "minutes", 1.0, 0.01, 240)
        arrivals = str(plan.get("arrivals") or "poisson")
        if arrivals not in get_args(Arrivals):
            raise InputError(f"There are no arrivals {arrivals!r}. There are {' and '.join(get_args(Arrivals))}.")
        if rate * minutes * 60 > MOST_CALLS:
            raise InputError(
                f"{rate:g} questions a second for {minutes:g} minutes are {rate * minutes * 60:,.0f}, more than {MOST_CALLS:,}. Ask fewer."
            )
        if not is_own(target, parts.settings) and plan.get("confirmed") != target:
            raise InputError(
                f"{target} is not of this machine: load costs whoever runs it, and may keep others from it. If it is yours to load, name "
                f"it once more: --yes in the shell, its name on the page."
            )
        filled = {
            "target": target,
            "confirmed": str(plan.get("confirmed") or ""),
            "rate": rate,
            "minutes": minutes,
            "arrivals": arrivals,
            "workers": int(_number(plan, "workers", 4, 1, 64)),
            "most_errors": _number(plan, "most_errors", 0.2, 0, 1),
            "most_waiting": int(
                _number(plan, "most_waiting", max(FEWEST_WAITING, math.ceil(rate * BACKLOG_S)), 1, MOST_CALLS)
            ),
            "dataset": settle(str(plan.get("dataset") or BUILTIN)),
            "seed": int(_number(plan, "seed", 0, 0, 2**31)),
            "top_k": int(plan.get("top_k") or parts.settings.top_k),
            "deadline_s": parts.settings.deadline_s,
        }
        load_dataset(str(filled["dataset"]))
        parts.backend(target)
        return filled

    def estimate(self, parts: Parts, plan: Data) -> str:
        """As long as was asked for, and what the questions cost."""
        questions = len(due_times(plan))
        words = f"{count(questions, 'question')} to {plan['target']} in {rough_time(plan['minutes'] * 60)}, unless it cannot keep up."
        return f"{words} {cost_words(parts.store(), plan['target'], questions)}".strip()

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """Ask each question when it is due, whatever became of those before; a study that goes on asks what was not begun."""
        result: dict[str, Any] = {"plan": dict(plan), "calls": [], "ended": "", "until_s": 0.0, **(before or {})}
        load = _Load(parts, plan, result, self._clock)
        told_s = -math.inf
        with self._workers(plan["workers"]) as pool:
            try:
                while load.goes_on() and not stop.is_set():
                    load.submit_due(pool)
                    load.keep_traces()
                    if self._clock() - told_s >= TELL_S:
                        told_s = self._clock()
                        yield load.step()
                    self._sleep(load.pause_s())
            finally:
                load.stop()
        load.keep_traces()
        yield load.step()

    def tables(self, result: Data) -> Sequence[Table]:
        """In all, by window, and errors."""
        return load_tables(result)


class _Load:
    """The calls of one sitting. The dispatcher's thread submits; workers answer."""

    def __init__(self, parts: Parts, plan: Data, result: dict[str, Any], clock: Callable[[], float]) -> None:
        self._plan, self._result, self._clock, self._store = plan, result, clock, parts.store
        self._backend: Backend = parts.backend(plan["target"])
        self._questions = [each.text for each in load_dataset(plan["dataset"]).draw(None).questions]
        self._due = due_times(plan)
        self._calls = [Call(*each) for each in result["calls"]]
        self._next = self._begun = len(self._calls)
        offset_s = self._due[self._next] if self._calls and self._next < len(self._due) else 0.0
        self._start_s = clock() - offset_s
        self._traces: list[Trace] = []
        self._lock = threading.Lock()
        self._ended = False

    def goes_on(self) -> bool:
        """Whether there is more to ask or to wait for, and no reason to stop."""
        with self._lock:
            newest, done, begun = self._calls[-RECENT:], len(self._calls), self._begun
        reason = reason_to_stop(
            newest,
            self._waiting(begun),
            most_errors=self._plan["most_errors"],
            most_waiting=self._plan["most_waiting"],
        )
        self._result["ended"] = reason
        return not reason and done < len(self._due)

    def submit_due(self, pool: Executor) -> None:
        """Hand over what is due by now."""
        now_s = self._now_s()
        while self._next < len(self._due) and self._due[self._next] <= now_s:
            place = self._next
            self._next += 1
            pool.submit(self._ask, place)

    def pause_s(self) -> float:
        """Until the next question is due, but not for long."""
        until_s = self._due[self._next] - self._now_s() if self._next < len(self._due) else TICK_S
        return min(max(until_s, SHORTEST_TICK_S), TICK_S)

    def stop(self) -> None:
        """What is not begun stays so; what is under way ends."""
        with self._lock:
            self._ended = True

    def keep_traces(self) -> None:
        """Keep the traces of what was answered since the last time."""
        with self._lock:
            traces, self._traces = self._traces, []
        if traces:
            self._store().put_all(traces)

    def step(self) -> Step:
        """Where the load is, with all that is known."""
        with self._lock:
            calls = list(self._calls)
            waiting = self._waiting(self._begun)
        now_s = self._now_s()
        self._result["calls"] = [[each.due_s, each.begun_s, each.ended_s, each.error] for each in calls]
        self._result["until_s"] = max(self._result["until_s"], now_s)
        found = spread([call.latency_ms for call in calls if not call.error])
        words = [
            f"{three_figures(len(calls) / now_s) if now_s > 0 else 0} answers a second",
            "none yet" if found is None else f"p50 {milliseconds(found.p50_ms)}, p95 {milliseconds(found.p95_ms)}",
            count(sum(bool(call.error) for call in calls), "error"),
            f"{waiting} waiting",
        ]
        left_s = max(self._plan["minutes"] * 60 - now_s, 0.0)
        return Step(len(calls), len(self._due), "; ".join(words), left_s, dict(self._result))

    def _waiting(self, begun: int) -> int:
        now_s = self._now_s()
        due = next(
            (place for place, each in enumerate(self._due[self._next :], self._next) if each > now_s), len(self._due)
        )
        return max(due - begun, 0)

    def _ask(self, place: int) -> None:
        with self._lock:
            if self._ended:
                return
            self._begun += 1
        begun_s, text, plan = self._now_s(), self._questions[place % len(self._questions)], self._plan
        try:
            trace = self._backend.answer(text, top_k=plan["top_k"], deadline_s=plan["deadline_s"])
        except BackendError as error:
            trace = _failed(text, plan, error)
        except Exception as error:
            log.exception("a question under load failed")
            kind = type(error).__name__
            trace = _failed(text, plan, StageFailed(f"The question failed with {kind}. The details are in the log."))
        ended_s, failed = self._now_s(), "" if trace.error is None else trace.error.kind
        with self._lock:
            self._calls.append(Call(self._due[place], begun_s, ended_s, failed))
            self._traces.append(replace(trace, origin="load", settings={**trace.settings, "study": "load"}))

    def _now_s(self) -> float:
        return self._clock() - self._start_s


def _failed(text: str, plan: Data, error: BackendError) -> Trace:
    """The trace of a question that a target did not even make one of."""
    return failed_trace(text, backend=plan["target"], top_k=plan["top_k"], deadline_s=plan["deadline_s"], error=error)


def _number(plan: Data, name: str, usual: float, low: float, high: float) -> float:
    given = plan.get(name)
    value = float(usual if given is None else given)
    if not low <= value <= high:
        raise InputError(f"{name.replace('_', ' ')} is {value:g}; give {low:g} to {high:,.10g}.")
    return value
