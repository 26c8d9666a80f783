"""How answers went over time: abstentions, confidence and ratings, by stretches long enough to hold some."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.kit.numbers import percent
from metrics.outcomes import Ends
from metrics.series import Window

MOST_BARS = 48
"""Stretches of a window at most: a share of few questions says little."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time."""

    start_s: int
    """Its beginning, in seconds since the epoch."""
    ends: Ends
    """How its questions ended."""
    up: int
    """Ratings up of them."""
    down: int
    """Ratings down."""

    @property
    def abstained_share(self) -> float | None:
        """Part without an answer, in [0, 1]; None without a question."""
        return self.ends.abstained / self.ends.asked if self.ends.asked else None


@dataclass(frozen=True, slots=True)
class Answers:
    """A window by such stretches."""

    step_s: int
    """Seconds in a stretch: whole periods."""
    stretches: tuple[Stretch, ...]
    """Every stretch of the window, ascending."""

    @property
    def title(self) -> str:
        """What the charts show, in a line."""
        whole = sum((each.ends for each in self.stretches), Ends())
        up, down = sum(each.up for each in self.stretches), sum(each.down for each in self.stretches)
        if not whole.asked:
            return "No answer has been counted in this window"
        rated = f"{up:,} rated up and {down:,} down" if up + down else "nobody rated one"
        sure = "" if whole.mean_confidence is None else f", confidence {percent(whole.mean_confidence)} on average"
        return f"{percent(whole.abstained / whole.asked)} abstained{sure}; {rated}"

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(each.ends.asked or each.up or each.down for each in self.stretches)


def step_of(window: Window) -> int:
    """Seconds in a stretch of a window: so many whole periods that there are no more than MOST_BARS."""
    return -(-len(window.periods) // MOST_BARS) * window.period_s


def make_answers(window: Window, ends: Mapping[int, Ends], thumbs: Sequence[tuple[float, int]]) -> Answers:
    """The stretches of a window. ends: by their beginning. thumbs: when the rated questions were asked, and 1 for up or -1 for down."""
    step_s = step_of(window)
    rated = Counter(
        (window.start_s + int(asked_at - window.start_s) // step_s * step_s, rating) for asked_at, rating in thumbs
    )
    starts = range(window.start_s, window.end_s, step_s)
    stretches = [Stretch(at, ends.get(at, Ends()), rated[at, 1], rated[at, -1]) for at in starts]
    return Answers(step_s, tuple(stretches))
