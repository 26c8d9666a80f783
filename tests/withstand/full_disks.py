"""A write on a disk that is full, a page later each time until it goes through, and what must hold of it every time."""

import re
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from pipeline.errors import RaglassError
from tests.withstand.disks import SmallDisk

PAGE = 4_096
STEPS = (0, 1, 2, 6, 20, 60, 200, 600, 2_000)
"""Pages that are left, until a write goes through."""

ADVICE = re.compile(r"[Ss]pace|[Rr]oom|[Cc]hoose|[Nn]ame another|[Gg]ive another")
"""What to do, as every error says."""

NUMBERS = re.compile(r"[0-9a-f]{8,}|[0-9]+")
"""Of names of files that are drawn anew each time."""

OF_SQLITE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Write:
    """Something that the product writes."""

    name: str
    """What it is."""
    write: Callable[[Any], object]
    """Writes it, once, with what `opened` gave."""
    seen: Callable[[Any], object]
    """What anybody sees of it: something else before and after."""
    prepare: Callable[[Path], object] = lambda _: None
    """Makes what there is before, in a folder."""
    opened: Callable[[Path], AbstractContextManager[Any]] = nullcontext
    """Opens what writes, over that folder, while there is room."""
    needs_room: bool = False
    """Whether nothing can be seen while the disk is full, as of a cache that has to begin SQLite's log for that."""
    in_parts: bool = False
    """Whether part of it may be there after a refusal, which the next time goes on from."""


class Disk(Protocol):
    """Where things are written."""

    folder: Path
    """Where there is room, usually."""

    def full(self, left_bytes: int) -> AbstractContextManager[None]:
        """Hardly any room, while the block runs."""


class Mounted:
    """A disk of its own, in memory."""

    def __init__(self, disk: SmallDisk) -> None:
        self.folder, self._disk = disk.folder, disk

    @contextmanager
    def full(self, left_bytes: int) -> Iterator[None]:
        """Somebody else's file takes the rest."""
        self._disk.crowd(left_bytes)
        try:
            yield
        finally:
            self._disk.make_room()


class Limited:
    """A folder of a disk with room, in which no file of this process may grow for a while: for whoever may mount nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self, left_bytes: int) -> Iterator[None]:
        """No file beyond so many bytes."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (left_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def try_full(write: Write, disk: Disk) -> list[str]:
    """Fill the disk, a page later each time: what does not hold."""
    with _prepared(write, disk) as folder:
        with write.opened(folder) as it:
            before, names = write.seen(it), _names(folder)
            write.write(it)
            after = write.seen(it)
        known = names | _names(folder)
    wrong = [] if before != after else ["nothing is written"]
    for number, pages in enumerate(STEPS):
        with _prepared(write, disk) as folder:
            refused = _try_once(write, disk, folder, pages * PAGE, (before, after), wrong)
            left = {name for name in _names(folder) if not name.endswith(OF_SQLITE)} - known
            wrong += [f"{pages} pages: {name} is left" for name in sorted(left)]
        if not refused:
            return wrong if number else [*wrong, "it was never refused"]
    return [*wrong, "it was always refused"]


def _try_once(
    write: Write, disk: Disk, folder: Path, left_bytes: int, told: tuple[object, object], wrong: list[str]
) -> bool:
    """Write while there is no room, then with room; whether it was refused. wrong: what does not hold is added to it."""
    before, after = told
    refused = False

    def check(seen: object, when: str) -> None:
        if seen != (before if refused else after) and not (refused and write.in_parts):
            wrong.append(f"{left_bytes // PAGE} pages, {when}: {seen}")

    with write.opened(folder) as it:
        with disk.full(left_bytes):
            try:
                write.write(it)
            except RaglassError as error:
                refused = True
                if not ADVICE.search(str(error)):
                    wrong.append(f"{left_bytes // PAGE} pages: no advice in {error}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                refused = True
                wrong.append(f"{left_bytes // PAGE} pages: {type(error).__name__}: {error}")
            if not write.needs_room:
                check(write.seen(it), "while it is full")
        check(write.seen(it), "with room again")
        if refused:
            write.write(it)
            refused_then, refused = True, False
            check(write.seen(it), "written again")
            refused = refused_then
    with write.opened(folder) as it:
        seen = write.seen(it)
    if seen != after:
        wrong.append(f"{left_bytes // PAGE} pages, opened again: {seen}")
    return refused


@contextmanager
def _prepared(write: Write, disk: Disk) -> Iterator[Path]:
    """A folder on the disk with what there is before; temporary files go there too."""
    with tempfile.TemporaryDirectory(dir=disk.folder) as name:
        folder, temporary = Path(name, "data"), Path(name, "tmp")
        folder.mkdir()
        temporary.mkdir()
        with patch.object(tempfile, "tempdir", str(temporary)):
            write.prepare(folder)
            yield folder


def _names(folder: Path) -> set[str]:
    """Every file, also a temporary one, without what is drawn of its name."""
    return {
        NUMBERS.sub("#", str(path.relative_to(folder.parent))) for path in folder.parent.rglob("*") if path.is_file()
    }
