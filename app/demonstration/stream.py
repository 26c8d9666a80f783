"""The stream of a demonstration: a question about every second to one backend after the other, and faults as the script has them."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING

import corpus
from app.demonstration.scenes import Cue, Fault, QuestionSet, find_cue
from metrics.emit import CloudWatchSink, MetricsEmitter
from pipeline.errors import RaglassError
from pipeline.types import Trace

if TYPE_CHECKING:
    from app.services import Services
    from serving.rehearsal.session import Rehearsal

log = logging.getLogger(__name__)

TAG = "demonstration"
"""Of every trace of the stream, beside its scene's name."""

PERIOD_S = 1.0
"""Between two questions."""

AT_ONCE = 8
"""Questions under way at most; while there are as many, none is begun."""

DEADLINE_S = 8.0
"""For each question."""

SLOW_S = 2.5
"""How late the generator answers while it is slow."""

TOO_MANY = 429
"""What a throttled index answers."""

OTHER_SUBJECT = "computing"
"""The subject of the built-in articles that is asked about only when questions drift."""


def question_sets(seed: int = 0) -> Mapping[QuestionSet, Sequence[str]]:
    """What is asked, in the order it is asked in: built-in questions."""
    drifting = [each.question for each in corpus.questions() if _drifts(each)]
    usual = [each.question for each in corpus.questions() if each.answerable and not _drifts(each)]
    for each in (usual, drifting):
        random.Random(seed).shuffle(each)
    return {"usual": usual, "drifting": drifting}


def _drifts(question: corpus.Question) -> bool:
    visiting = question.question_id.startswith("visitors-")
    return question.question_id.startswith(OTHER_SUBJECT) or (visiting and not question.answerable)


class Faults:
    """The stack's faults, of which one at most is in force."""

    def __init__(self, rehearsal: "Rehearsal | None") -> None:
        self._rehearsal = rehearsal
        self.current: Fault | None = None
        """The one in force."""

    def change(self, wanted: Fault | None) -> None:
        """Heal what is wrong, then let something else go wrong. Without a stack nothing happens."""
        if self._rehearsal is None or wanted == self.current:
            return
        self._rehearsal.sagemaker.clear()
        self._rehearsal.pinecone.clear()
        if wanted == "slow generator":
            where = self._rehearsal.endpoint_path("generator")
            self._rehearsal.sagemaker.inject("delay", where=where, seconds=SLOW_S)
        elif wanted == "throttled index":
            self._rehearsal.pinecone.inject("status", where=".*/query", status=TOO_MANY)
        self.current = wanted


class Stream:
    """Asks on a script until it is over."""

    def __init__(
        self,
        services: "Services",
        backends: Sequence[str],
        faults: Faults,
        report: Callable[[Trace], object] = lambda trace: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """backends: asked in turn. report: told of every trace. clock: seconds since the epoch."""
        self._services, self._faults, self._report, self._clock = services, faults, report, clock
        self._backends = cycle(backends)
        self._questions = {name: cycle(texts) for name, texts in question_sets().items()}
        self._slots = threading.Semaphore(AT_ONCE)
        self.asked = 0
        """Questions so far."""

    def run(
        self, script: Sequence[Cue], origin_s: float, stop: threading.Event, on_beat: Callable[[Cue], None]
    ) -> bool:
        """Go through the script; whether it came to its end. origin_s: its start, in seconds since the epoch.

        on_beat: told of each question.
        """
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                while not stop.is_set():
                    place = find_cue(script, self._clock() - origin_s)
                    if place is None:
                        return True
                    cue = script[place]
                    self._faults.change(cue.scene.fault)
                    self._begin(pool, cue)
                    on_beat(cue)
                    stop.wait(PERIOD_S)
            return False
        finally:
            self._faults.change(None)

    def _begin(self, pool: ThreadPoolExecutor, cue: Cue) -> None:
        if not self._slots.acquire(blocking=False):
            return
        self.asked += 1
        asked = pool.submit(self._ask, next(self._questions[cue.scene.questions]), next(self._backends), cue.scene.name)
        asked.add_done_callback(lambda _: self._slots.release())

    def _ask(self, text: str, backend: str, scene: str) -> None:
        try:
            answering = self._services.backends.open(backend)
            trace = answering.answer(text, top_k=self._services.settings.top_k, deadline_s=DEADLINE_S)
            trace = self._services.asking.keep(replace(trace, tags=(TAG, scene))).trace
            self._report(trace)
        except RaglassError as error:
            log.warning("a question of the demonstration was lost: %s", error)


@contextmanager
def emitting(rehearsal: "Rehearsal | None") -> Iterator[Callable[[Trace], object]]:
    """Tells the rehearsed CloudWatch of traces, as a dashboard over a stack does; without a stack nobody is told."""
    if rehearsal is None:
        yield lambda trace: None
        return
    emitter = MetricsEmitter(CloudWatchSink(client=rehearsal.dashboard_client("cloudwatch")))
    try:
        yield lambda trace: emitter.emit(trace) if trace.backend == "aws" else None
    finally:
        emitter.close()
