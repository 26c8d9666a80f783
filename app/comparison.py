"""Two traces against each other: which chunks they share, and where their times differ."""

from dataclasses import dataclass

from app.wording import count, milliseconds, three_figures
from pipeline.types import Trace


@dataclass(frozen=True, slots=True)
class StageDifference:
    """One stage in both traces."""

    stage: str
    """The stage, or `unaccounted`, or `total`."""
    first_ms: float | None
    """Its time in the first trace; None if it did not run."""
    second_ms: float | None
    """Its time in the second."""

    @property
    def difference(self) -> str:
        """The second against the first, in words."""
        if self.first_ms is None or self.second_ms is None:
            return "only in one"
        change = self.second_ms - self.first_ms
        ratio = f" ({three_figures(self.second_ms / self.first_ms)}×)" if self.first_ms > 0 else ""
        return f"{'+' if change >= 0 else '−'}{milliseconds(abs(change))}{ratio}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two traces have in common."""

    shared: tuple[str, ...]
    """Ids of chunks that both retrieved, in the first's order."""
    first_count: int
    """Chunks of the first trace."""
    second_count: int
    """Chunks of the second."""
    same_answer: bool | None
    """Whether the answers are the same to the letter; None where a trace has none."""
    stages: tuple[StageDifference, ...]
    """Every stage that either ran, then unaccounted and total."""

    @property
    def headline(self) -> str:
        """The comparison in a sentence."""
        answers = {True: "The answers are the same", False: "The answers differ", None: "One has no answer"}[
            self.same_answer
        ]
        either = self.first_count + self.second_count - len(self.shared)
        return f"{answers}; {len(self.shared)} of {count(either, 'chunk')} were retrieved by both"


def compare(first: Trace, second: Trace) -> Comparison:
    """Compare two traces."""
    answers = [None if trace.generation is None else trace.generation.answer for trace in (first, second)]
    seconds = {chunk.chunk_id for chunk in second.chunks}
    stages = list(dict.fromkeys(span.stage for trace in (first, second) for span in trace.spans if span.parent is None))
    rows = [StageDifference(stage, stage_ms(first, stage), stage_ms(second, stage)) for stage in stages]
    rows.append(StageDifference("unaccounted", first.unaccounted_ms, second.unaccounted_ms))
    rows.append(StageDifference("total", first.duration_ms, second.duration_ms))
    return Comparison(
        shared=tuple(chunk.chunk_id for chunk in first.chunks if chunk.chunk_id in seconds),
        first_count=len(first.chunks),
        second_count=len(second.chunks),
        same_answer=None if None in answers else answers[0] == answers[1],
        stages=tuple(rows),
    )


def stage_ms(trace: Trace, stage: str) -> float | None:
    """Time that a top-level stage took; None if it did not run."""
    times = [span.duration_ms for span in trace.spans if span.stage == stage and span.parent is None]
    return sum(times) if times else None
