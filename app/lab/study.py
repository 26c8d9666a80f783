"""What a study is: a plan, steps that can be stopped and gone on with, and tables of what came out."""

import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.lab.parts import Parts
from app.lab.tables import Table

Data = Mapping[str, Any]
"""JSON-ready: what is kept in a record."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a study is."""

    done: int
    """Of `total`, in the study's own unit."""
    total: int
    """0 where it is not known yet."""
    doing: str
    """In words, as a sentence: "Searching 271 vectors with HNSW"."""
    left_s: float | None = None
    """Estimate of what is left, in seconds."""
    result: Data | None = None
    """What is known so far; what `Study.run` is given when the study is gone on with. None where nothing changed since the step before."""


class Study(Protocol):
    """One kind of study."""

    name: str
    """As in an address and in the shell: `index`."""
    title: str
    """As a page heads it: "Which index"."""
    about: str
    """What it answers, and when not to believe it, in two sentences."""

    def check(self, parts: Parts, plan: Data) -> Data:
        """The plan with what was left out filled in. Raises InputError for one that cannot be carried out, before anything is."""

    def estimate(self, parts: Parts, plan: Data) -> str:
        """How long it will take and what it costs, in a sentence, as far as that is known."""

    def run(self, parts: Parts, plan: Data, before: Data | None, stop: threading.Event) -> Generator[Step, None, None]:
        """Carry out a checked plan, a step at a time; ends early, with what is known, once `stop` is set.

        before: the last result, where the study is gone on with. The last step's result is the study's. Raises RaglassError.
        """

    def tables(self, result: Data) -> Sequence[Table]:
        """What came out, the most important first; of a part of a result as well."""
