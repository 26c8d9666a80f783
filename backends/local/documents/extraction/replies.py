"""What a child sends about a file: frames of a kind, a length and a payload, JSON or text. Whoever receives them believes nothing.

A document is a `document` frame, its text in `text` frames, its parts in `parts` frames; `end` says how it went. Frames are small, so that
taking one in holds up no other thread.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast, get_args

import orjson

from backends.local.documents.extraction.limits import ReadLimits
from backends.local.documents.types import (
    MAX_TITLE_CHARS,
    MEMBER,
    Document,
    Part,
    PartKind,
    Place,
    Unit,
    document_id_for,
)

HEAD = struct.Struct(">cI")
"""In front of a payload: its kind, and its length in bytes."""

MAX_FRAME_BYTES = 4_000_000
"""Of a payload."""

TEXT_CHARS = 250_000
"""In one frame: a megabyte at most."""

PARTS = 2_000
"""In one frame."""

MAX_DOUBTS = 100
"""Of one document."""

MAX_SAID_CHARS = 4_000
"""Of a doubt, a message or a log."""

KINDS = frozenset(get_args(PartKind))
UNITS = frozenset(get_args(Unit))


class Outcome(Enum):
    """How a child's work ended."""

    READ = "read"
    REFUSED = "refused"
    """It said why, in words for a person."""
    FAILED = "failed"
    MEMORY = "memory"
    CHARS = "chars"
    DOCUMENTS = "documents"
    PARTS = "parts"


@dataclass(frozen=True, slots=True)
class End:
    """A child's last words."""

    outcome: Outcome
    """How it went."""
    message: str = ""
    """Why it refused the file."""
    log: str = ""
    """What the readers logged, for whoever maintains them."""


class MalformedReply(Exception):
    """A child sent something that no reader of ours sends."""


Frame = tuple[bytes, bytes]
Frames = Iterator[Frame]


def frame(kind: bytes, payload: bytes) -> bytes:
    """A frame as it is sent. Raises OverflowError for a payload that is too long."""
    if len(payload) > MAX_FRAME_BYTES:
        raise OverflowError(f"{len(payload):,} bytes in one frame")
    return HEAD.pack(kind, len(payload)) + payload


def excess(documents: Iterable[Document], limits: ReadLimits) -> Outcome | None:
    """Which limit of output the documents of a file are beyond."""
    chars = parts = 0
    for count, document in enumerate(documents, start=1):
        chars += len(document.text)
        parts += len(document.parts)
        if chars > limits.chars:
            return Outcome.CHARS
        if parts > limits.parts:
            return Outcome.PARTS
        if count > limits.documents:
            return Outcome.DOCUMENTS
    return None


def sent(document: Document) -> Iterator[bytes]:
    """A document as frames."""
    head = {
        "title": document.title,
        "source": document.source,
        "doubts": [doubt[:MAX_SAID_CHARS] for doubt in document.doubts[:MAX_DOUBTS]],
    }
    yield frame(b"D", orjson.dumps(head))
    for start in range(0, len(document.text), TEXT_CHARS):
        yield frame(b"T", document.text[start : start + TEXT_CHARS].encode())
    section: tuple[str, ...] = ()
    for first in range(0, len(document.parts), PARTS):
        rows: list[list[Any]] = []
        for part in document.parts[first : first + PARTS]:
            row: list[Any] = [part.start, part.end, part.kind]
            row += [part.place.unit, part.place.number] if part.place else [None, 0]
            rows.append(row if part.section == section else [*row, list(part.section)])
            section = part.section
        yield frame(b"P", orjson.dumps(rows))


def ended(end: End) -> bytes:
    """A child's last words as a frame."""
    said = {"outcome": end.outcome.value, "message": end.message[:MAX_SAID_CHARS], "log": end.log[-MAX_SAID_CHARS:]}
    return frame(b"E", orjson.dumps(said))


def received(frames: Frames, source: str, limits: ReadLimits) -> tuple[list[Document], End]:
    """The documents of a reply, and its end; none where it did not end well.

    source: of the file; every document's is this, or lies in it. Raises MalformedReply.
    """
    documents: list[Document] = []
    sheet: _Sheet | None = None
    left = limits.reply_bytes()
    try:
        for kind, payload in frames:
            left -= len(payload) + HEAD.size
            if left < 0:
                return [], End(Outcome.PARTS)
            if kind in (b"D", b"E") and sheet is not None:
                documents.append(sheet.document())
            if kind == b"E":
                end = _end(orjson.loads(payload))
                _insist(excess(documents, limits) is None)
                return (documents if end.outcome is Outcome.READ else []), end
            if kind == b"D":
                sheet = _Sheet.begun(orjson.loads(payload), source)
                continue
            _insist(sheet is not None and kind in (b"T", b"P"))
            assert sheet is not None
            if kind == b"T":
                sheet.pieces.append(payload.decode())
            else:
                sheet.add_parts(orjson.loads(payload))
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
    ) as error:  # of JSON and UTF-8, and of taking apart what is none of ours
        raise MalformedReply(str(error)) from error
    raise MalformedReply("it broke off")


@dataclass(slots=True)
class _Sheet:
    """A document that is being received."""

    title: str
    source: str
    doubts: tuple[str, ...]
    pieces: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @classmethod
    def begun(cls, head: Any, source: str) -> "_Sheet":
        """From its first frame."""
        title, own, doubts = head["title"], head["source"], head["doubts"]
        _insist(_is_text(title, MAX_TITLE_CHARS) and title.strip() and "\n" not in title)
        _insist(isinstance(own, str) and (own == source or own.startswith(source + MEMBER)))
        _insist(isinstance(doubts, list) and len(doubts) <= MAX_DOUBTS)
        _insist(all(_is_text(doubt, MAX_SAID_CHARS) for doubt in doubts))
        return cls(title, own, tuple(doubts))

    def add_parts(self, rows: list[list[Any]]) -> None:
        """Take in a frame of parts: start, end, kind, unit, number and, where it is not that of the part before, the section."""
        for start, end, kind, unit, number, *section in rows:
            before = self.parts[-1] if self.parts else Part(0, 0)
            path = before.section
            if section:
                _insist(all(isinstance(heading, str) for heading in section[0]))
                path = tuple(section[0])
            _insist(type(start) is type(end) is type(number) is int and before.end <= start < end and kind in KINDS)
            _insist(number >= 1 if unit in UNITS else unit is None)
            place = None if unit is None else Place(cast(Unit, unit), number)
            self.parts.append(Part(start, end, kind, path, place))

    def document(self) -> Document:
        """The whole. Its id is worked out here: a child cannot take another document's."""
        text = "".join(self.pieces)
        _insist(text.strip() and (not self.parts or self.parts[-1].end <= len(text)))
        return Document(
            document_id_for(self.source, self.title, text),
            self.title,
            text,
            self.source,
            tuple(self.parts),
            self.doubts,
        )


def _end(said: Any) -> End:
    message, log = said["message"], said["log"]
    _insist(_is_text(message, MAX_SAID_CHARS) and _is_text(log, MAX_SAID_CHARS))
    return End(Outcome(said["outcome"]), message, log)


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and len(value) <= most


def _insist(holds: object) -> None:
    if not holds:
        raise MalformedReply("a field is not what it is to be")


def read_frames(read: Callable[[int], bytes]) -> Frames:
    """Frames off a pipe, until it ends. read: exactly so many bytes, or fewer at the end. Raises MalformedReply for one too long."""
    while len(head := read(HEAD.size)) == HEAD.size:
        kind, length = HEAD.unpack(head)
        _insist(length <= MAX_FRAME_BYTES)
        payload = read(length)
        if len(payload) < length:
            return
        yield kind, payload
