"""What became of the files that a job was given."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from backends.local.documents import PassedOver

Change = Literal["new", "changed", "renamed", "moved", "gone"]
"""`renamed`: the same content under another path of the same source. `moved`: from another source, whose file is no more."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that is not as it was."""

    change: Change
    """How."""
    path: str
    """Its path, or an uploaded file's name."""
    before: str | None = None
    """The path that it had."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A source that is not there as a whole: perhaps a disk that is not connected. Its documents stay."""

    root: str
    """Its path."""
    documents: int
    """How many documents it gave."""


@dataclass(slots=True)
class Outcome:
    """What became of the files; filled in file by file, so that it holds good when the work is stopped half-way."""

    changes: list[Changed] = field(default_factory=list)
    """Files that are in the library as they are now, or have left it."""
    unchanged: int = 0
    """Files whose content was there already."""
    documents: int = 0
    """Documents that new and changed files gave."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(path, message) of each file that could not be read; the others are not affected."""
    doubts: list[tuple[str, str]] = field(default_factory=list)
    """(path, sentence) of what could not be read of a file, or not surely."""
    kept: list[str] = field(default_factory=list)
    """Files that are gone and whose documents were to be kept."""
    passed_over: list[PassedOver] = field(default_factory=list)
    """Files in the sources that are not read."""
    missing: list[Missing] = field(default_factory=list)
    """Sources that are not there."""

    def of(self, change: Change) -> Iterator[Changed]:
        """The files that changed in one way."""
        return (each for each in self.changes if each.change == change)
