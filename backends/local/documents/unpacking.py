"""How much a file may unpack to, and the parts of compressed files, never more of them than that.

What a file says about its own size is not believed: bytes are counted as they come.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import InputError

MOST_BYTES = 500_000_000
"""That one file may unpack to, with all that is in it."""

MOST_MEMBER_BYTES = 100_000_000
"""That one member may unpack to: it is held in memory as a whole."""

MOST_MEMBERS = 10_000
"""Files that are read from an archive, with those in archives in it."""

MOST_LISTED = 100_000
"""Entries in an archive's list that are looked at; each takes memory before anything is unpacked."""

MOST_RATIO = 500
"""Unpacked to packed size above which data are an attack or a blank: text packs to a tenth, a repeated row to a hundredth."""

RATIO_BYTES = 10_000_000
"""Below this size any ratio will do."""

MOST_DEPTH = 3
"""Archives and mails within one another."""

CHUNK_BYTES = 1 << 20

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
"""What the standard library raises for compressed data that are damaged, locked, or packed in a way it does not know."""


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class TooLarge(Exception):
    """Data unpack to more than is allowed. The message goes on from "it"."""


@dataclass(slots=True)
class Budget:
    """What may still be unpacked of a file, shared by all that lies in it."""

    bytes_left: int = MOST_BYTES
    """Bytes."""
    members_left: int = MOST_MEMBERS
    """Files."""
    depth: int = 0
    """Archives around what is being read."""

    def read(self, stream: _Stream, packed: int) -> bytes:
        """All of a stream that unpacks `packed` bytes. Raises TooLarge, and what the stream raises."""
        pieces: list[bytes] = []
        size = 0
        while piece := stream.read(CHUNK_BYTES):
            size += len(piece)
            self.bytes_left -= len(piece)
            if size > MOST_MEMBER_BYTES or self.bytes_left < 0:
                limit = MOST_MEMBER_BYTES if size > MOST_MEMBER_BYTES else MOST_BYTES
                raise TooLarge(f"unpacks to more than {limit / 1e6:,.0f} MB")
            if size > RATIO_BYTES and size > MOST_RATIO * packed:
                raise TooLarge(f"unpacks to more than {MOST_RATIO} times its size")
            pieces.append(piece)
        return b"".join(pieces)


def open_zip(name: str, data: bytes) -> zipfile.ZipFile:
    """An archive whose list is of bearable length. Raises InputError for a longer one, BadZipFile for what is no archive."""
    if data.count(b"PK\x01\x02") > MOST_LISTED:
        raise InputError(f"{name} holds more than {MOST_LISTED:,} files. Unpack it, and add the folder.")
    return zipfile.ZipFile(io.BytesIO(data))


def unpack_gzip(data: bytes, budget: Budget) -> bytes:
    """What a gzip file (RFC 1952) holds. Raises TooLarge, and one of BROKEN."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        return budget.read(stream, len(data))


def unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> bytes:
    """A file of an archive. Raises TooLarge, and one of BROKEN."""
    with archive.open(member) as stream:
        return budget.read(stream, member.compress_size)


def unpack_all(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every file in an archive within a budget of its own. Raises TooLarge, and one of BROKEN."""
    budget = Budget()
    for member in archive.infolist():
        yield member.filename, unpack_member(archive, member, budget)
