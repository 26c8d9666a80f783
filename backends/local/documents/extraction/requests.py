"""What is asked of a nursery: a file to read, by open descriptors and a line of JSON."""

import socket
import struct
from dataclasses import asdict, dataclass
from typing import NamedTuple, Self

import orjson

from backends.local.documents.extraction.limits import ReadLimits

READ = b"R"
"""A file is to be read. With it come a request's descriptors; then a length, and the request."""

KILL = b"K"
"""The child is to end, whatever it does."""

LENGTH = struct.Struct(">I")

ENDING = struct.Struct(">iQ")
"""What a nursery says once a child is gone: its status as `waitpid` has it, and the most memory that it held, in bytes."""


class Descriptors(NamedTuple):
    """What a child works with."""

    content: int
    """The file."""
    reply: int
    """The pipe that the reply goes into."""
    complaints: int
    """Where standard error goes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One file to read."""

    name: str
    """The file's name."""
    source: str
    """The source of its documents."""
    room: str
    """A folder for temporary files, gone with the child."""
    seconds: float
    """How long it may take."""
    limits: ReadLimits
    """What else it may take."""

    def send(self, control: socket.socket, descriptors: Descriptors) -> None:
        """Ask for it."""
        said = orjson.dumps(asdict(self))
        socket.send_fds(control, [READ], descriptors)
        control.sendall(LENGTH.pack(len(said)) + said)

    @classmethod
    def receive(cls, control: socket.socket) -> tuple[Self, Descriptors] | None:
        """The next request, with its descriptors; None once nobody can ask any more."""
        try:
            while True:
                what, descriptors, _, _ = socket.recv_fds(control, 1, len(Descriptors._fields))
                if what == READ:
                    break
                if not what:
                    return None
            (length,) = LENGTH.unpack(_exactly(control, LENGTH.size))
            said = orjson.loads(_exactly(control, length))
        except (ConnectionError, EOFError):  # Who asked is gone, perhaps with something unread.
            return None
        return cls(**{**said, "limits": ReadLimits(**said["limits"])}), Descriptors(*descriptors)


def _exactly(control: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = control.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
