"""`Nursery`: the process that forks a child for each file, as it is seen from outside."""

import os
import socket
import subprocess
import sys
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backends.local.documents.extraction.requests import ENDING, KILL, Request

ROOT = Path(__file__).parents[4]
"""Where this program's packages lie."""

KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "LD_LIBRARY_PATH",
    "TESSDATA_PREFIX",
    "PYTHONDONTWRITEBYTECODE",
)
"""What a reader, or tesseract, may need of the environment; and all that begins with `LC_`. Nothing that could be a secret."""

END_S = 5.0
"""How long a nursery has to say how a child ended, once it has."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended."""

    signal: int
    """What ended it; 0 where it ended itself."""
    code: int
    """What it left with."""
    peak_bytes: int
    """The most memory that it held."""


class Nursery:
    """A nursery process. It ends when it is closed, or with this process."""

    def __init__(self, reads: str) -> None:
        """Start it. reads: `module:function`, what a child calls. Raises OSError."""
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __package__, reads],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(),
                cwd=ROOT,
                start_new_session=True,
            )
        self._end = weakref.finalize(self, _end, self._control, self._process)

    def begin(self, request: Request, content: int) -> int:
        """Have a child read a file. content: its descriptor. Gives that of the reply, to be closed by the caller. Raises OSError."""
        reply, theirs = os.pipe()
        try:
            request.send(self._control, content, theirs)
        except OSError:
            os.close(reply)
            raise
        finally:
            os.close(theirs)
        return reply

    def kill_child(self) -> None:
        """End the child at work, if there still is one."""
        with suppress(OSError):
            self._control.sendall(KILL)

    def ending(self) -> Ending | None:
        """How the last child ended; None, and the nursery is gone, where it does not say so in time."""
        self._control.settimeout(END_S)
        said = b""
        try:
            while len(said) < ENDING.size and (piece := self._control.recv(ENDING.size - len(said))):
                said += piece
        except OSError:
            said = b""
        finally:
            self._control.settimeout(None)
        if len(said) < ENDING.size:
            self.close()
            return None
        status, peak = ENDING.unpack(said)
        code = os.waitstatus_to_exitcode(status)
        return Ending(max(-code, 0), max(code, 0), peak)

    def close(self) -> None:
        """End it, and the child at work."""
        self._end()


def _end(control: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    control.close()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """What a nursery is told of the environment."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT_VARIABLES or name.startswith("LC_")}
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    paths = [str(ROOT), *(os.path.abspath(path) for path in given)]
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"}
    return {**kept, **single, "PYTHONPATH": os.pathsep.join(paths)}
