"""Server-sent events (the WHATWG HTML standard, section 9.2.6) out of the bytes of a body as they come."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.errors import BadResponse

MAX_EVENT_CHARS = 4_000_000
"""A longer event is not one that a stream of tokens would have."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event."""

    name: str
    """Its type; `message` where the stream does not say."""
    data: str
    """Its data lines, joined."""


def read_events(parts: Iterable[bytes], what: str) -> Iterator[ServerEvent]:
    """The events of a stream, each as soon as it is whole. What comes after the last empty line is none.

    what: what streams, for the message. Raises BadResponse for an event that does not end.
    """
    name, data = "", list[str]()
    size = 0
    for line in _lines(parts, what):
        if not line:
            if data:
                yield ServerEvent(name or "message", "\n".join(data))
            name, data, size = "", [], 0
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
            size += len(value)
            if size > MAX_EVENT_CHARS:
                raise _endless(what)
        elif field == "event":
            name = value


def _lines(parts: Iterable[bytes], what: str) -> Iterator[str]:
    """Lines that end with CR, LF or both, wherever the bytes are cut."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    rest, after_cr = "", False
    for part in parts:
        text = decoder.decode(part)
        if not text:
            continue
        if after_cr and text.startswith("\n"):
            text = text[1:]
        after_cr = text.endswith("\r") if text else False
        *lines, rest = (rest + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from lines
        if len(rest) > MAX_EVENT_CHARS:
            raise _endless(what)


def _endless(what: str) -> BadResponse:
    return BadResponse(
        f"{what} streamed an event of more than {MAX_EVENT_CHARS:,} characters. Check that it sends server-sent events; "
        "otherwise leave `stream` out."
    )
