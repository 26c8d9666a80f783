"""The functions of the emulator that patches replace, and the proof that they are there."""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGE = "ministack"
PINNED = "1.5.33"
"""The version whose internals the patches know; requirements/emulator.in pins it."""

ADVICE = (
    f"The patches know {PACKAGE} {PINNED}: remove .rehearsal/emulator, so that it is made anew from requirements/emulator.lock, "
    "or adapt serving/rehearsal/patches."
)


class PatchPointMissing(Exception):
    """The emulator is not the version that the patches were written for."""


@dataclass(frozen=True, slots=True)
class Point:
    """Something inside the emulator."""

    module: str
    attribute: str
    """Name in the module, dotted for a method."""

    def __str__(self) -> str:
        return f"{self.module}.{self.attribute}"

    def get(self) -> Any:
        """What stands there now. Raises PatchPointMissing naming the point."""
        try:
            return reduce(getattr, self.attribute.split("."), importlib.import_module(self.module))
        except (ImportError, AttributeError) as error:
            raise PatchPointMissing(f"{self} is not there ({error}). {ADVICE}") from error

    def replace(self, wrap: Callable[[Any], Any]) -> None:
        """Put `wrap(what stands there)` in its place."""
        present = self.get()
        *owners, name = self.attribute.split(".")
        owner = reduce(getattr, owners, importlib.import_module(self.module))
        setattr(owner, name, wrap(present))


def check(points: Iterable[Point]) -> None:
    """Raise PatchPointMissing unless the emulator has the pinned version and every point."""
    try:
        installed = version(PACKAGE)
    except PackageNotFoundError as error:
        raise PatchPointMissing(f"{PACKAGE} is not installed. {ADVICE}") from error
    if installed != PINNED:
        raise PatchPointMissing(f"{PACKAGE} is {installed}, not {PINNED}. {ADVICE}")
    for point in points:
        point.get()
