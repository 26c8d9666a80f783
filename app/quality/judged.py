"""`JudgeWatcher`: a model's rating of a sample of new answers, in the background, within a budget of calls a day.

A trace is claimed in the store before the model is asked, so that no two dashboards pay for the same one, and none is paid for twice.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.kit.wording import ASKED_BY_PEOPLE
from app.quality.rules import JUDGE_RULES, is_answered
from app.quality.watching import BATCH, Loop, in_sample
from evaluation.rating import Rater, Rating
from explain.explained import read_chunks
from metrics.quality import Unscored
from metrics.store import TraceStore
from pipeline.errors import InputError

log = logging.getLogger(__name__)

DAY_S = 86_400.0
"""A budget is for so long, from now backwards; older traces are not judged."""

SETTLED_S = 30.0
"""After its answer, before which a trace is not judged: more of it may come."""

MOST_MISSING = 5
"""Answers in a row without a rating, after which the model is left alone for REST_S."""

REST_S = 300.0
"""How long it is left alone."""

KIND = "rating"
"""What a rating is kept as, beside the trace's explanations."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be asked of the model."""

    share: float
    """Of the answers, in [0, 1]."""
    per_day: int
    """Answers in any 24 hours."""


class JudgeWatcher:
    """Has a sample of new answers rated."""

    def __init__(
        self,
        store: Callable[[], TraceStore],
        open_rater: Callable[[], Rater],
        budget: Budget,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """open_rater: raises ConfigError where there is none."""
        self._store, self._open_rater, self._budget, self._clock = store, open_rater, budget, clock
        self._rater: Rater | None = None
        self._begun = False
        self._missing = 0
        self.loop = Loop(self.look, "judge")

    def look(self) -> int:
        """Have some of what waits rated; how many traces were looked at. Raises StoreError, ConfigError."""
        scores, now_s = self._store().quality, self._clock()
        rater = self._rater = self._rater or self._open_rater()
        if not self._begun:
            scores.begin("judged", now_s)
            self._begun = True
        looked: list[int] = []
        for each in scores.waiting("judged", BATCH):
            if self.loop.stopping or not _is_settled(each, now_s):
                break
            looked.append(each.seq)
            if self._is_wanted(each, now_s):
                self._rate(each, rater)
                scores.advance("judged", each.seq)
        if looked:
            scores.advance("judged", looked[-1])
        return len(looked)

    def spent(self) -> int:
        """Answers that were rated, or tried, in the last 24 hours, by whichever process."""
        since = self._clock() - DAY_S
        # What is judged was asked a day before at most.
        return self._store().quality.claimed(JUDGE_RULES[0], since - DAY_S, since)

    def _is_wanted(self, each: Unscored, now_s: float) -> bool:
        trace = each.trace
        if trace is None or trace.origin not in ASKED_BY_PEOPLE or not is_answered(trace) or not trace.question.strip():
            return False
        if trace.asked_at < now_s - DAY_S or not in_sample(trace.trace_id, self._budget.share, "judge"):
            return False
        return self.spent() < self._budget.per_day

    def _rate(self, each: Unscored, rater: Rater) -> None:
        trace, store = each.trace, self._store()
        if trace is None or trace.generation is None:
            return
        try:
            chunks = read_chunks(trace)
        except InputError:
            return
        if not store.quality.claim(each.seq, JUDGE_RULES):
            return
        found = rater.rate(trace.question, trace.generation.answer, chunks)
        self._count(found)
        if not found.problem:
            store.quality.fill(each.seq, values_of(found))
            kept = {"by": rater.name, "reason": found.reason, "chunks": [chunk.chunk_id for chunk in chunks]}
            store.keep_explanation(trace.trace_id, KIND, {**kept, "relevant": list(found.relevant)})

    def _count(self, found: Rating) -> None:
        self._missing = self._missing + 1 if found.problem else 0
        if self._missing >= MOST_MISSING:
            self._missing = 0
            self.loop.problem = (
                f"The judge gave no rating of {MOST_MISSING} answers in a row: {found.problem}. It is asked again in "
                f"{REST_S / 60:g} minutes."
            )
            log.warning("%s", self.loop.problem)
            self.loop.wait(REST_S)


def _is_settled(each: Unscored, now_s: float) -> bool:
    trace = each.trace
    return trace is None or trace.asked_at + trace.duration_ms / 1000 < now_s - SETTLED_S


def values_of(found: Rating) -> dict[str, float | None]:
    """What the judge's rules say by a rating."""
    truths = (found.sufficient, found.faithful, found.answers)
    relevance = sum(found.relevant) / len(found.relevant) if found.relevant else None
    values = (relevance, *(None if truth is None else float(truth) for truth in truths))
    return dict(zip(JUDGE_RULES, values, strict=True))
