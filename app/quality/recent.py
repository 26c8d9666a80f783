"""What the rules say of late: each by buckets of a window, held against what was before; which buckets differ, and their traces.

No streamlit, and nothing of how a chart looks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.quality.rules import RULES, Rule
from evaluation.control import Limits, Sample, limits, pool, shifted
from evaluation.drift import FEWEST_QUESTIONS
from metrics.quality import QualityPoint
from metrics.store import TraceStore

BUCKETS = 20
"""In a window, about."""

COARSER = 4
"""Times as long are the buckets of what came before, of which only the whole counts."""

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of the window."""

    point: QualityPoint
    """What the rule says of its traces."""
    shifted: bool
    """Whether its mean differs from the reference's, by tests corrected over all buckets."""


@dataclass(frozen=True, slots=True)
class RuleWindow:
    """What a rule says of a window."""

    rule: Rule
    """The rule."""
    buckets: tuple[Bucket, ...]
    """Those with a value, oldest first."""
    step_s: int
    """Seconds in a bucket."""
    whole: Sample
    """All values of the window."""
    reference: Sample | None
    """What the window is held against; None where too little came before."""
    limits: Limits | None
    """For a bucket of the usual size; None without a reference."""
    before: bool
    """Whether the reference is the window before this one; else the older half of this one."""

    @property
    def worse(self) -> tuple[Bucket, ...]:
        """Buckets that differ from the reference for the worse, the farthest first."""
        found = [each for each in self.buckets if each.shifted and self._is_worse(each)]
        usual = 0.0 if self.reference is None else self.reference.mean
        return tuple(sorted(found, key=lambda each: -abs(each.point.mean - usual)))

    def _is_worse(self, bucket: Bucket) -> bool:
        if self.reference is None:
            return False
        if self.rule.worse == "either":
            return True
        return (bucket.point.mean < self.reference.mean) == (self.rule.worse == "low")


def read_window(
    store: TraceStore, since: float, until: float, *, backend: str | None = None, rules: Iterable[str] = tuple(RULES)
) -> list[RuleWindow]:
    """What each rule that says anything says of the traces asked from `since` to before `until`; of one backend, or of all.

    Raises StoreError.
    """
    known = set(store.quality.rules())
    found = (_read_rule(store, RULES[name], since, until, backend) for name in rules if name in known)
    return [each for each in found if each is not None]


def _read_rule(store: TraceStore, rule: Rule, since: float, until: float, backend: str | None) -> RuleWindow | None:
    """One rule's window; None where it says nothing of it.

    Where they fill a part of the window alone and there is nothing to hold them against, only that part is read, in finer buckets.
    """
    step_s = step_of(until - since)
    start_s, end_s = since // step_s * step_s, -(-until // step_s) * step_s
    now, before = (
        store.quality.sampled(rule.name, a, b, step, backend=backend)
        for a, b, step in ((start_s, end_s, step_s), (2 * start_s - end_s, start_s, COARSER * step_s))
    )
    if not now:
        return None
    found = _compare(rule, now, before, step_s)
    first_s, last_s = now[0].at, now[-1].at + step_s
    if found.reference is None and (first_s > start_s or last_s < end_s):
        return _read_rule(store, rule, first_s, last_s, backend)  # Which is shorter each time.
    return found


def step_of(length_s: float) -> int:
    """Seconds in a bucket of a window: whole minutes, BUCKETS of them or a few less."""
    return max(1, -(-int(length_s) // (BUCKETS * MINUTE_S))) * MINUTE_S


def _compare(rule: Rule, now: Sequence[QualityPoint], before: Sequence[QualityPoint], step_s: int) -> RuleWindow:
    """A rule's window against what came before it, or where that is too little, its newer half against the older one."""
    shares = rule.unit == "share"
    samples, earlier = ([Sample(each.count, each.mean, each.spread) for each in points] for points in (now, before))
    from_before = sum(each.count for each in earlier) >= 2 * FEWEST_QUESTIONS
    half = 0 if from_before else _half(samples)
    chosen = earlier if from_before else samples[:half]
    reference = pool(chosen) if sum(each.count for each in chosen) >= FEWEST_QUESTIONS else None
    tested = samples[half:]
    marks = [False] * half + ([False] * len(tested) if reference is None else shifted(reference, tested, shares=shares))
    whole = pool(samples)
    usual = max(1, round(whole.count / len(samples)))
    return RuleWindow(
        rule=rule,
        buckets=tuple(Bucket(point, mark) for point, mark in zip(now, marks, strict=True)),
        step_s=step_s,
        whole=whole,
        reference=reference,
        limits=None if reference is None else limits(reference, usual, shares=shares),
        before=from_before,
    )


def _half(samples: Sequence[Sample]) -> int:
    """How many of the first buckets hold half of the values, less the one that passes it."""
    whole, held = sum(each.count for each in samples), 0
    for place, each in enumerate(samples):
        held += each.count
        if 2 * held > whole:
            return place
    return 0


def traces_expression(found: RuleWindow, bucket: Bucket) -> str:
    """The expression for the traces of a bucket that make its mean what it is: those on its side of the reference's."""
    start = bucket.point.at
    times = f"asked_at >= {_iso(start)} and asked_at < {_iso(start + found.step_s)}"
    if found.reference is None:
        return f"quality.{found.rule.name} is any and {times}"
    sign = "<" if bucket.point.mean < found.reference.mean else ">"
    return f"quality.{found.rule.name} {sign} {found.reference.mean:.3f} and {times}"


def traces_address(found: RuleWindow, bucket: Bucket, backend: str | None) -> dict[str, str]:
    """The address of these traces on the Traces page, as names and values."""
    chosen = {"expression": traces_expression(found, bucket)}
    return chosen if backend is None else {**chosen, "backends": backend}


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
