"""The nursery: forks a child for each file, sees to its end, and tells how it was.

    python -m backends.local.documents.extraction MODULE:FUNCTION < SOCKET

The function is what a child calls (`extract.read_documents`). There are no threads here, so that forking is safe, and no secrets. It ends
with whoever holds the other end of the socket.
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import cast

from backends.local.documents.extraction import child
from backends.local.documents.extraction.requests import ENDING, KILL, Descriptors, Request
from backends.local.documents.formats import format_of


def main() -> None:
    """Serve until there is nobody left to ask."""
    module, function = sys.argv[1].split(":")
    read = cast(child.Read, getattr(importlib.import_module(module), function))
    with socket.socket(fileno=0) as control:
        while (asked := Request.receive(control)) is not None:
            request, descriptors = asked
            _load_reader(request.name)
            status, peak = _raise_child(control, request, read, descriptors)
            with suppress(ConnectionError):  # Nobody may be left to be told; the next request says so.
                control.sendall(ENDING.pack(status, peak))


def _load_reader(name: str) -> None:
    """Load what reads such a file, so that this child and all later ones have it. One that cannot be loaded fails in the child."""
    kind = format_of(name)
    if kind is not None:
        with suppress(Exception):
            importlib.import_module(f"backends.local.documents.{kind.reader.split(':')[0]}")
    gc.collect()
    gc.freeze()  # or the first collection in a child would copy every page of it


def _raise_child(
    control: socket.socket, request: Request, read: child.Read, descriptors: Descriptors
) -> tuple[int, int]:
    """Fork a child, and wait for its end or bring it about. Its status, and the most memory that it held, in bytes."""
    ends, life = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(OSError):
            os.setpgid(0, 0)
        child.live(request, read, descriptors, life)
    for descriptor in (*descriptors, life):
        os.close(descriptor)
    with suppress(OSError):
        os.setpgid(pid, pid)  # Whichever of the two comes first: the group is there before anyone can want it ended.
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(ends, select.POLLIN)
    alone = False
    while not any(descriptor == ends for descriptor, _ in poll.poll()):
        said = _heard(control)
        alone = not said
        if alone or said == KILL:
            _end_group(pid)
            break
    os.close(ends)
    _end_group(pid)  # and what the child may have started
    _, status, used = os.wait4(pid, 0)
    if alone:
        sys.exit()
    return status, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _heard(control: socket.socket) -> bytes:
    """What was said; nothing once whoever could say it is gone."""
    try:
        return control.recv(1)
    except ConnectionError:
        return b""


def _end_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
