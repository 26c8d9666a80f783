"""How long ways of doing something took in studies that are kept here, and what that says of those to come."""

import time
from collections.abc import Callable, Mapping, Sequence

from app.kit.numbers import rough_time
from app.kit.wording import listed
from app.lab.parts import Parts
from app.lab.records import LabRecords
from app.lab.study import Data

SPENT = "spent_s"
"""In a row: seconds that measuring the way took, all of it."""

TOLD_FROM = 0.05
"""Share of the work that is to be done before what is left is told by how long it took."""

Units = Callable[[Data, Data], float]
"""The amount of work of a row, of a study's result and that row, in a unit of the study's own; 0 where it is not known."""


def find_paces(parts: Parts, study: str, units: Units) -> dict[str, float]:
    """Seconds that a unit of work took here, by the name of the way, each by the newest study that measured it."""
    found: dict[str, float] = {}
    for record in LabRecords(parts.settings.data_dir / "lab").newest(study):
        result = record.result or {}
        for row in result.get("rows", ()):
            work = units(result, row) if row.get(SPENT) else 0.0
            if work > 0:
                found.setdefault(row["name"], row[SPENT] / work)
    return found


def pace_words(expected: Mapping[str, float], names: Sequence[str], unknown: str) -> str:
    """How long ways will take, in a sentence or two.

    expected: seconds of those that are known. unknown: what has to happen before the others are: "once a first question is answered".
    """
    known = [name for name in names if name in expected]
    others = [name for name in names if name not in expected]
    told = rough_time(sum(expected[name] for name in known))
    if not known:
        return f"How long it takes is not known yet; it is told {unknown}."
    if not others:
        return f"About {told}, by what it took here before."
    return f"About {told} for {listed(known)}, by what it took here before; for {listed(others)} it is told {unknown}."


class Ahead:
    """What is left of ways that are gone through in turn: by how long earlier studies took first, by how long this one takes then."""

    def __init__(
        self, names: Sequence[str], expected: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """expected: seconds by name. Of ways that it does not name each counts as much as those that it does, on average."""
        known = [expected[name] for name in names if name in expected]
        usual = sum(known) / len(known) if known else 1.0
        self._weights = {name: expected.get(name, usual) for name in names}
        self._sure = bool(names) and len(known) == len(names)
        self._done, self._clock, self._began_s = 0.0, clock, clock()

    def passed(self, name: str) -> None:
        """A way is done."""
        self._done += self._weights[name]

    def left_s(self, name: str, share: float) -> float | None:
        """Seconds that are left where `share` of a way, 0 to 1, is done; None while nothing can be said."""
        whole = sum(self._weights.values())
        done = self._done + share * self._weights[name]
        if done > TOLD_FROM * whole:
            return (self._clock() - self._began_s) / done * max(0.0, whole - done)
        return max(0.0, whole - done) if self._sure else None
