"""What a soak prints: the table, and what is to be said of the aims."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.soak.figures import Slope, quantile, slope_of
from tests.soak.people import Tally
from tests.soak.watching import Sample

MOST_MB = 1.0
"""What memory may grow by, in megabytes an hour a session."""

SHOWN_PROBLEMS, SHOWN_LINES = 12, 5
"""How many problems and lines of the log are printed."""

LEAK_WORDS = {"held": "flat", "NOT HELD": "growing", "open": "not known yet: run longer"}
"""What a slope is called whose interval lies below nothing at all, above it, or around it."""


@dataclass(frozen=True)
class Soaked:
    """All that a soak came to."""

    samples: Sequence[Sample]
    """Of the whole time."""
    warm_at_s: float
    """When the warm-up was over, by the samples' clock."""
    tally: Tally
    """Times since then, and what went wrong from the start."""
    log_lines: Sequence[str]
    """What the server's log tells of errors."""
    gone: bool
    """Whether the server ended by itself."""
    sessions: int
    """How many were meant to be open."""

    @property
    def warm(self) -> list[Sample]:
        """Samples since the warm-up."""
        return [sample for sample in self.samples if sample.at_s >= self.warm_at_s]

    @property
    def errors(self) -> int:
        """How often something went wrong."""
        return self.tally.problems.total() + len(self.log_lines) + self.gone

    def slope(self, values: Mapping[float, float]) -> Slope | None:
        """Of values by their time."""
        return slope_of(list(values), list(values.values()))

    @property
    def memory(self) -> Slope | None:
        """Megabytes an hour a session that the own memory of the process and its children grows by."""
        found = self.slope({sample.at_s: sample.own_mb for sample in self.warm})
        return None if found is None else found.times(1 / self.sessions)


def lines(soaked: Soaked) -> Iterator[str]:
    """All of it, as text."""
    yield from _times(soaked.tally)
    if soaked.samples:
        yield from _sizes(soaked)
    yield from _problems(soaked)
    yield from _verdict(soaked)


def holds(soaked: Soaked) -> bool:
    """Whether nothing speaks against the aims; a slope that is not known yet does not."""
    memory = soaked.memory
    return not soaked.errors and (memory is None or memory.verdict(MOST_MB) != "NOT HELD")


def _times(tally: Tally) -> Iterator[str]:
    yield f"\n{'rerun, by what was done':<30}{'reruns':>8}{'p50 ms':>9}{'p95 ms':>9}{'longest':>9}"
    everything = [took for times in tally.took_ms.values() for took in times]
    rows = [*sorted(tally.took_ms.items()), ("all of it", everything)]
    for name, times in rows:
        if times:
            figures = (quantile(times, 0.5), quantile(times, 0.95), max(times))
            yield f"{name:<30}{len(times):>8}{''.join(f'{figure:>9.0f}' for figure in figures)}"


def _sizes(soaked: Soaked) -> Iterator[str]:
    yield f"\n{'server':<32}{'at first':>8}{'warmed up':>11}{'at last':>9}{'an hour':>9}   {'95 % interval'}"
    for name, field in (
        ("memory of the process, MB (RSS)", "rss_mb"),
        ("with children, shares (PSS), MB", "pss_mb"),
        ("of it its own, not in files, MB", "own_mb"),
        ("threads", "threads"),
        ("open files", "files"),
        ("processes below it", "children"),
        ("sessions open", "tabs"),
    ):
        values = {sample.at_s: float(getattr(sample, field)) for sample in soaked.warm}
        first, last = getattr(soaked.samples[0], field), getattr(soaked.samples[-1], field)
        warm = f"{next(iter(values.values())):.0f}" if values else "not yet"
        slope = soaked.slope(values)
        tells = (
            "" if slope is None else f"{slope.per_hour:>9.1f}   {slope.low:.1f} to {slope.high:.1f}: {_growth(slope)}"
        )
        yield f"{name:<32}{first:>8.0f}{warm:>11}{last:>9.0f}{tells}"
    yield from _had(soaked.warm)


def _had(warm: Sequence[Sample]) -> Iterator[str]:
    """How much of the machine the server got: with little of it, times and broken connections tell of the machine."""
    if len(warm) > 1:
        share = (warm[-1].busy_s - warm[0].busy_s) / (warm[-1].at_s - warm[0].at_s)
        load = os.getloadavg()[0]
        yield f"the server had {share:.2f} of {os.cpu_count()} processors; load of the machine at last {load:.1f}"


def _growth(slope: Slope) -> str:
    return "shrinking" if slope.high < 0 else LEAK_WORDS[slope.verdict(0.0)] if slope.low > 0 else "no growth shown"


def _problems(soaked: Soaked) -> Iterator[str]:
    found = soaked.tally.problems.most_common(SHOWN_PROBLEMS)
    yield f"\n{soaked.errors or 'no'} error(s): {soaked.tally.problems.total()} met by visitors, {len(soaked.log_lines)} line(s) of the log"
    yield from (f"  {count:>5} × {where}: {' '.join(problem.split())[:180]}" for (where, problem), count in found)
    yield from (f"        log: {line[:200]}" for line in soaked.log_lines[:SHOWN_LINES])
    if soaked.gone:
        yield "  the server ended by itself"


def _verdict(soaked: Soaked) -> Iterator[str]:
    memory = soaked.memory
    if memory is None:
        yield f"\nmemory, at most {MOST_MB:g} MB an hour a session: too short to say"
    else:
        yield (
            f"\nmemory, at most {MOST_MB:g} MB an hour a session: {memory.per_hour:.2f} ({memory.low:.2f} to {memory.high:.2f}): "
            f"{memory.verdict(MOST_MB)}"
        )
    yield f"no error: {'held' if not soaked.errors else 'NOT HELD'}"
