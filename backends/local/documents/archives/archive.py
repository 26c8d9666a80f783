"""ZIP archives and gzip files to the documents in them. Nothing is written to disk: a path in an archive is only a name."""

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from backends.local.documents.archives.members import counted, listed, member_readings
from backends.local.documents.blocks import Reading
from backends.local.documents.extract import open_file, printable
from backends.local.documents.formats import GZIP, format_of
from backends.local.documents.signatures import kind_in_words
from backends.local.documents.unpacking import BROKEN, Budget, TooLarge, open_zip, unpack_gzip, unpack_member
from pipeline.errors import InputError

LEFT_BY_SYSTEMS = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
"""Names, in lower case, that operating systems put into archives for themselves; names with a dot in front are left out as well."""

SELF_UNPACKING_BYTES = 1_000_000
"""How far into a file an archive may begin, behind the program that unpacks it."""

_LOCKED = 0x1
"""The bit of a member's flags that says it is encrypted (APPNOTE 6.3.10, 4.4.4)."""


@dataclass(slots=True)
class _Contents:
    """What lies in an archive."""

    known: list[tuple[str, zipfile.ZipInfo]] = field(default_factory=list)
    """Path, different for each, and entry of what can be read."""
    unknown: list[str] = field(default_factory=list)
    """Paths of what is of no known format."""
    locked: list[str] = field(default_factory=list)
    """Paths of what a password protects."""
    failed: list[str] = field(default_factory=list)
    """Why members could not be read, in sentences that begin with their paths."""


def read_gzip(name: str, data: bytes, budget: Budget) -> Iterator[Reading]:
    """The documents of the one file that is packed; its name without `.gz` says its format."""
    try:
        unpacked = unpack_gzip(data, budget)
    except TooLarge as error:
        raise InputError(f"{name} was not read: it {error}. Unpack it, and add what is needed of it.") from error
    return open_file(name[: -len(GZIP)], unpacked, budget)


def read(name: str, data: bytes, budget: Budget) -> Iterator[Reading]:
    """The documents of all files of known formats, each with its path; what is left out is told with the first and the last.

    Raises InputError if there are none or it is no archive, BadZipFile if it is broken.
    """
    if b"PK" not in data[:SELF_UNPACKING_BYTES]:
        raise InputError(f"{name} is no ZIP archive but {kind_in_words(data)}. Give the file its right suffix.")
    with open_zip(name, data) as archive:
        contents = _contents(archive)
        held: Reading | None = None
        for reading in _readings(name, archive, contents, budget):
            if held is None:
                held = replace(reading, doubts=(*reading.doubts, *_left_out(name, contents)))
            else:
                yield held
                held = reading
        if held is None:
            raise InputError(_nothing(name, contents))
        yield replace(held, doubts=(*held.doubts, *counted(contents.failed)))


def _contents(archive: zipfile.ZipFile) -> _Contents:
    contents = _Contents()
    seen: Counter[str] = Counter()
    for member in archive.infolist():
        path = printable(member.filename.replace("\\", "/"))
        if member.is_dir() or any(map(_is_hidden, path.split("/"))):
            continue
        seen[path] += 1
        if (times := seen[path]) > 1:
            stem, dot, suffix = path.rpartition(".")
            path = f"{stem} ({times}){dot}{suffix}"
        if format_of(path) is None:
            contents.unknown.append(path)
        elif member.flag_bits & _LOCKED:
            contents.locked.append(path)
        else:
            contents.known.append((path, member))
    return contents


def _is_hidden(part: str) -> bool:
    return (part.startswith(".") and part.strip(".") != "") or part.lower() in LEFT_BY_SYSTEMS


def _readings(name: str, archive: zipfile.ZipFile, contents: _Contents, budget: Budget) -> Iterator[Reading]:
    """Of all members that can be read; why others cannot is added to `failed`, each sentence with the archive's name."""
    for number, (path, member) in enumerate(contents.known):
        if budget.members_left <= 0 or budget.bytes_left <= 0:
            left = len(contents.known) - number
            contents.failed.append(f"{left:,} files in {name} were not read: it is too large. Split it.")
            return
        budget.members_left -= 1
        try:
            data = unpack_member(archive, member, budget)
        except TooLarge as error:
            contents.failed.append(
                f"{path} in {name} was not read: it {error}. Unpack it, and add what is needed of it."
            )
        except BROKEN:
            contents.failed.append(
                f"{path} in {name} was not read: it is broken or packed in an unknown way. Unpack it, and add the file."
            )
        else:
            failed: list[str] = []
            yield from member_readings(path, data, budget, failed)
            contents.failed += [f"In {name}: {sentence}" for sentence in failed]


def _left_out(name: str, contents: _Contents) -> Iterator[str]:
    if contents.unknown:
        why = "was not read: its kind is" if len(contents.unknown) == 1 else "were not read: their kinds are"
        yield f"{listed(contents.unknown)} in {name} {why} not known. Save what is needed as text, and add that."
    if contents.locked:
        one = len(contents.locked) == 1
        why = "was not read: a password protects it" if one else "were not read: a password protects them"
        yield f"{listed(contents.locked)} in {name} {why}. Unpack {'it, and add the file' if one else 'them, and add the files'}."


def _nothing(name: str, contents: _Contents) -> str:
    reasons: Sequence[str] = [*_left_out(name, contents), *counted(contents.failed)]
    return f"{name} holds nothing that can be read. {' '.join(reasons) or 'Check that it was saved completely.'}"
