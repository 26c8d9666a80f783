"""Ways of doing one thing, measured one after the other: one that fails is noted and the others go on; a stopped study keeps whole ways."""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.lab.pace import SPENT, Ahead
from app.lab.study import Data, Step
from pipeline.errors import BackendError, ConfigError, InputError, Unavailable

Row = Mapping[str, Any]
"""What is known of one way, JSON-ready: its `name`, and `problem` alone where it could not be measured."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Where the measuring of one way is."""

    done: int
    """Of `total`, in a unit of its own."""
    total: int
    """0 where it is not known."""
    words: str
    """What is being done: "asking"."""
    share: tuple[float, float] = (0.0, 1.0)
    """How much of the way's time is over when this begins, and when it ends, as a rule."""

    @property
    def over(self) -> float:
        """How much of the way's time is over, 0 to 1."""
        begun, ended = self.share
        return begun + (ended - begun) * (self.done / self.total if self.total else 0.0)


Measure = Callable[[str], Generator[Doing, None, Row | None]]
"""Measures a way by its name; gives None where it was asked to stop."""


def carry_on(
    names: Sequence[str],
    before: Data | None,
    measure: Measure,
    conclude: Callable[[Sequence[Row]], Data],
    stop: threading.Event,
    expected: Mapping[str, float] | None = None,
) -> Generator[Step, None, None]:
    """Measure what is not measured yet, and sum up after each way; what failed before is tried again. Rows get the seconds that they took.

    conclude: the result of the rows so far, which it holds under `rows`. expected: seconds of ways, by name, where they are known. Raises
    Unavailable where no way at all could be measured.
    """
    earlier = () if before is None else before["rows"]
    known: dict[str, Row] = {row["name"]: row for row in earlier if row["name"] in names and not row.get("problem")}
    todo = [name for name in names if name not in known]
    ahead = Ahead(todo, expected or {})
    for place, name in enumerate(todo):
        if stop.is_set():
            return
        begun_s = time.monotonic()
        row = yield from _steps(name, place, todo, measure(name), ahead)
        if row is None:
            return
        known[name] = row if row.get("problem") else {**row, SPENT: time.monotonic() - begun_s}
        ahead.passed(name)
        result = conclude([known[each] for each in names if each in known])
        yield Step(place + 1, len(todo), f"{name} is measured", result=result)
    if known and all(row.get("problem") for row in known.values()):
        raise Unavailable(f"Nothing could be measured. {next(iter(known.values()))['problem']}")


def _steps(
    name: str, place: int, todo: Sequence[str], measuring: Generator[Doing, None, Row | None], ahead: Ahead
) -> Generator[Step, None, Row | None]:
    of = f" ({place + 1} of {len(todo)})" if len(todo) > 1 else ""
    try:
        while True:
            try:
                doing = next(measuring)
            except StopIteration as end:
                row: Row | None = end.value
                return row
            yield Step(doing.done, doing.total, f"{name}{of}: {doing.words}", ahead.left_s(name, doing.over))
    except (BackendError, ConfigError, InputError) as error:
        return {"name": name, "problem": str(error)}
    finally:
        measuring.close()
