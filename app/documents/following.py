"""Following a source: what of it is new, changed, renamed, moved or gone since it was last read. Looks and changes nothing."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.documents.outcome import Change
from app.documents.reading import content_of, readers
from backends.local.documents import (
    DocumentLibrary,
    KnownFile,
    PassedOver,
    Source,
    find_files,
    path_key,
)
from pipeline.errors import InputError

SAME_MOMENT_S = 2.0
"""A file that was changed this shortly before it was read may have been changed after that without another time to show for it."""


class SourceMissing(Exception):
    """A source is not there as a whole."""


@dataclass(frozen=True, slots=True)
class FileToRead:
    """A file that is to be read."""

    path: Path
    """Where it is."""
    file: KnownFile
    """What is known of it."""
    change: Change
    """What it is, as far as can be told before."""
    before: str | None = None
    """The path that it had, whose documents are to go."""


@dataclass(slots=True)
class Plan:
    """What is to be done about a source."""

    source: Source
    """Which."""
    read: list[FileToRead] = field(default_factory=list)
    """Files to read."""
    moved: list[FileToRead] = field(default_factory=list)
    """Files of which nothing but the path is new, so that they need not be read."""
    noted: list[KnownFile] = field(default_factory=list)
    """Files whose content is what it was, of which something else is to be noted: a time, the source they belong to."""
    gone: list[str] = field(default_factory=list)
    """Files that are no more and gave documents."""
    dropped: list[str] = field(default_factory=list)
    """Files that are no more and gave none."""
    unchanged: int = 0
    """Files that are as they were."""
    passed_over: list[PassedOver] = field(default_factory=list)
    """Files that are not read."""
    left: set[str] = field(default_factory=set)
    """Other sources that are not there, files of which were found here."""


def settle_source(
    library: DocumentLibrary, path: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
) -> Source:
    """The source at a path, with new patterns where some are given. Raises InputError for a path at which nothing is or ever was."""
    try:
        root = path.expanduser().resolve()
        there = root.is_file() or root.is_dir()
    except (OSError, ValueError, RuntimeError):  # no path, or a link to itself: `find_files` says what is wrong
        root, there = path, False
    if path_key(root) != str(root):
        raise InputError(f"{path_key(root)} has a name that cannot be kept. Rename it, and try again.")
    known = library.sources.get(str(root))
    if known is None:
        if not there:
            find_files(path)
        known = Source(str(root))
    return replace(known, included=include or known.included, excluded=exclude or known.excluded)


def look(library: DocumentLibrary, source: Source, check: Callable[[], None] = lambda: None) -> Plan:
    """Compare what lies at a source with what is known of it.

    check: called at every file; what it raises ends the looking.
    Raises SourceMissing if the source is known and is not there, InputError if it is not known and nothing is there.
    """
    return _Look(library, source, check).plan


def reconcile(plans: Sequence[Plan]) -> None:
    """Settle what several sources have to say of one file: it moves once, and what moved is not gone."""
    taken: set[str | None] = {each.before for plan in plans for each in plan.read if each.before is not None}
    for plan in plans:
        moved = plan.moved
        plan.moved = []
        for each in moved:
            if each.before in taken:
                plan.read.append(replace(each, change="new", before=None))
            else:
                plan.moved.append(each)
                taken.add(each.before)
    for plan in plans:
        plan.gone = [path for path in plan.gone if path not in taken]


class _Look:
    """One look at a source."""

    def __init__(self, library: DocumentLibrary, source: Source, check: Callable[[], None]) -> None:
        self._library, self._source, self._check = library, source, check
        self._known = library.sources.files()
        self._doubtful = library.doubtful_files()
        self._readers = {doubtful: readers(doubtful=doubtful) for doubtful in (False, True)}
        self._roots = {each.root: each for each in library.sources.all()}
        self.plan = Plan(source)
        found = self._find()
        self._compare(found)

    def _find(self) -> list[Path]:
        """The files at the source; none where it was a single file that is gone."""
        root, known = Path(self._source.root), self._source.root in self._roots
        single = self._source.root in self._known
        try:
            device = os.stat(root.parent if single and not root.exists() else root).st_dev
        except OSError as error:
            if known:
                raise SourceMissing from error
            device = None
        if known and single and not root.exists():
            self._refuse_other_device(device)
            return []
        found = find_files(root, self._source.included, self._source.excluded)
        if known and not found.files:
            self._refuse_other_device(device)
        self.plan.source = replace(self._source, device=device)
        self.plan.passed_over += found.passed_over
        return list(found.files)

    def _refuse_other_device(self, device: int | None) -> None:
        """An empty place on another file system than before is where a disk would be, were it there."""
        if self._source.device is not None and device != self._source.device:
            raise SourceMissing

    def _compare(self, paths: Iterable[Path]) -> None:
        fresh: list[tuple[Path, KnownFile]] = []
        here = {path_key(path): path for path in paths}
        for key, path in here.items():
            self._check()
            before = self._known.get(key)
            now = self._now(key, path)
            if before is None:
                fresh.append((path, now))
            else:
                self._compare_one(path, before, now)
        own = {file.path for file in self._known.values() if self._belongs(file)}
        vanished = own - set(here)
        followed = self._follow_names(fresh, vanished, here)
        self._settle_gone(vanished - followed)

    def _now(self, key: str, path: Path) -> KnownFile:
        """What can be known of a file without reading it. One that cannot even be looked at is left to the reading to complain of."""
        try:
            stat = path.stat()
        except OSError:
            return KnownFile(key, self._source.root)
        return KnownFile(key, self._source.root, stat.st_size, stat.st_mtime_ns)

    def _belongs(self, file: KnownFile) -> bool:
        """Whether a file is this source's: noted so, or noted for none and lying in its folder, as version 1 kept them."""
        if file.root is not None:
            return file.root == self._source.root
        return os.path.isabs(file.path) and Path(file.path).is_relative_to(self._source.root)

    def _compare_one(self, path: Path, before: KnownFile, now: KnownFile) -> None:
        """A file that is known: as it was, or to be read again."""
        plan = self.plan
        if before.removed and before.path != self._source.root:
            plan.passed_over.append(PassedOver(path, "removed"))
            return
        now = replace(now, root=before.root or self._source.root)
        again = before.removed or before.problem is not None or before.reader != self._reader(before)
        same = (before.size, before.modified_ns) == (now.size, now.modified_ns)
        if not again and same and not _at_the_same_moment(before):
            plan.unchanged += 1
            if before.root is None:
                plan.noted.append(replace(before, root=now.root))
        elif not again and before.size == now.size and _content(path) == before.content:
            plan.unchanged += 1
            plan.noted.append(replace(before, root=now.root, modified_ns=now.modified_ns, read_at=time.time()))
        else:
            plan.read.append(FileToRead(path, now, "new" if before.removed else "changed"))

    def _reader(self, file: KnownFile) -> str:
        return self._readers[file.path in self._doubtful]

    def _follow_names(
        self, fresh: list[tuple[Path, KnownFile]], vanished: set[str], here: Mapping[str, Path]
    ) -> set[str]:
        """Settle files that were not here before: new ones, and known ones under another path. Returns the paths that those had."""
        sizes = {now.size for _, now in fresh}
        lost: dict[str, list[KnownFile]] = {}
        lost_sizes: set[int | None] = set()
        for file in self._known.values():
            if file.size in sizes and file.content and self._is_lost(file, vanished, here):
                lost.setdefault(file.content, []).append(file)
                lost_sizes.add(file.size)
        followed: set[str] = set()
        for path, now in fresh:
            self._check()
            same = lost.get(_content(path) or "", []) if now.size in lost_sizes else []
            before = min(same, key=lambda file: (Path(file.path).name != path.name, file.path), default=None)
            if before is None:
                self.plan.read.append(FileToRead(path, now, "new"))
                continue
            same.remove(before)
            followed.add(before.path)
            change: Change = "renamed" if self._belongs(before) else "moved"
            same_name = Path(before.path).name == path.name and before.problem is None
            if same_name and before.reader == self._reader(before):
                moved = replace(before, path=now.path, root=now.root, modified_ns=now.modified_ns)
                self.plan.moved.append(FileToRead(path, moved, change, before.path))
            else:
                self.plan.read.append(FileToRead(path, now, change, before.path))
        self._leave_moved_folders(followed)
        return followed

    @staticmethod
    def _is_lost(file: KnownFile, vanished: set[str], here: Mapping[str, Path]) -> bool:
        """Whether a file of a source is no more where it was."""
        if file.root is None or file.removed or file.path in here:
            return False
        return file.path in vanished or not os.path.lexists(file.path)

    def _leave_moved_folders(self, followed: set[str]) -> None:
        """A folder that moved here leaves nothing behind that contradicts it: a file that also changed takes its old self's place."""
        roots = {root for path in followed if (root := self._known[path].root) and root != self._source.root}
        for root in roots:
            if os.path.lexists(root):
                continue
            self.plan.left.add(root)
            files = [file for file in self._known.values() if file.root == root]
            if 2 * sum(file.path in followed for file in files) < len(files):
                continue
            old = {os.path.relpath(file.path, root): file.path for file in files if file.path not in followed}
            for number, each in enumerate(self.plan.read):
                before = old.get(os.path.relpath(each.path, self._source.root))
                if each.change == "new" and before is not None:
                    self.plan.read[number] = replace(each, change="changed", before=before)

    def _settle_gone(self, paths: set[str]) -> None:
        """Files that are gone, or belong to another source that holds them still."""
        for path in sorted(paths):
            file = self._known[path]
            other = next((root for root in self._roots if root != self._source.root and _holds(root, path)), None)
            if other is not None and os.path.isfile(path):
                self.plan.noted.append(replace(file, root=other))
            else:
                (self.plan.dropped if file.removed else self.plan.gone).append(path)


def _holds(root: str, path: str) -> bool:
    return Path(path).is_relative_to(root)


def _at_the_same_moment(file: KnownFile) -> bool:
    return file.modified_ns is not None and file.read_at - file.modified_ns / 1e9 < SAME_MOMENT_S


def _content(path: Path) -> str | None:
    """Hash of a file's bytes; None where it cannot be read, which the reading will say."""
    try:
        return content_of(path)
    except InputError:
        return None
