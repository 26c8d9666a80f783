"""Where a choice on Live holds no question: which other choice holds some, in a line and with the way there. No streamlit."""

from dataclasses import dataclass, replace

from app.kit.numbers import count
from app.kit.wording import EVERYONE, backend_words
from app.live.reading import WINDOWS, LiveChoice, last
from metrics.latency import TOTAL, UNTOLD
from metrics.store import TraceStore


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another choice, which holds questions."""

    choice: LiveChoice
    """What leads to them."""
    words: str
    """That there are none here, and some there."""
    label: str
    """Of what leads there."""


def find_elsewhere(choice: LiveChoice, store: TraceStore, now_s: float) -> Elsewhere | None:
    """Everyone's questions in the same window, else the shortest window that holds some; None where no choice does.

    Of the local store alone: asking CloudWatch again costs. Raises StoreError.
    """
    if choice.source != "local":
        return None
    everyone = replace(choice, asked_by=EVERYONE)
    longer = [name for name, length_s in WINDOWS.items() if length_s > WINDOWS[choice.window]]
    told_apart = [everyone] if choice.origin is not None else []
    for other in (*told_apart, *(replace(each, window=name) for each in (choice, *told_apart) for name in longer)):
        asked = _asked(other, store, now_s, other.origin)
        if asked:
            untold = other.asked_by != choice.asked_by and _asked(other, store, now_s, UNTOLD) == asked
            return Elsewhere(other, _words(choice, other, asked, untold=untold), _label(choice, other))
    return None


def _asked(choice: LiveChoice, store: TraceStore, now_s: float, origin: str | None) -> int:
    """Questions to a choice's backend in its window, of an origin or of all, counted from what the charts are drawn of."""
    window = choice.window_at(now_s)
    [found] = store.measured.stretches(choice.backend, TOTAL, [window.end_s], window.end_s - window.start_s, origin)
    return found.count


def _words(choice: LiveChoice, other: LiveChoice, asked: int, *, untold: bool) -> str:
    """untold: whether all that were asked are older than the note of who asks."""
    by = f" by {choice.asked_by}" if choice.origin is not None else ""
    whose = "others asked " if other.asked_by != choice.asked_by and not untold else ""
    when = f" in {last(other.window)}" if other.window != choice.window else ""
    nothing = f"No question{by} to {backend_words(choice.backend)} in {last(choice.window)}"
    found = f"{nothing}; {whose}{count(asked, 'question')}{when}"
    if not untold:
        return f"{found}."
    return f"{found} {'was' if asked == 1 else 'were'} counted before it was noted who asks. Choose Asked by: everyone."


def _label(choice: LiveChoice, other: LiveChoice) -> str:
    parts = ["everyone"] if other.asked_by != choice.asked_by else []
    parts += [last(other.window)] if other.window != choice.window else []
    return f"Show {', '.join(parts)}"
