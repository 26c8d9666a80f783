"""`Nursery`: the process that forks a child for each file, as it is seen from outside."""

import os
import socket
import subprocess
import sys
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backends.local.documents.extraction.requests import ENDING, KILL, Descriptors, Request

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

LINGER_S = 1.0
"""How long a child may take to end once it has said all."""

END_S = 5.0
"""How long a nursery may take to end a child, and to end."""


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

    def begin(self, request: Request, content: int, complaints: int) -> int:
        """Have a child read a file, by its descriptors. Gives that of the reply, to be closed by the caller. Raises OSError."""
        reply, theirs = os.pipe()
        try:
            request.send(self._control, Descriptors(content, theirs, complaints))
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
        """How the child ended, which has said all that it had to say; None, and the nursery is gone, where that is not to be known."""
        said = self._hear(LINGER_S)
        if said is None:
            self.kill_child()
            said = self._hear(END_S)
        if not said:
            self.close()
            return None
        status, peak = ENDING.unpack(said)
        code = os.waitstatus_to_exitcode(status)
        return Ending(max(-code, 0), max(code, 0), peak)

    def _hear(self, wait_s: float) -> bytes | None:
        """What the nursery says of a child's end: nothing where the nursery is gone, None where the child goes on."""
        self._control.settimeout(wait_s)
        try:
            said = self._control.recv(ENDING.size)
        except TimeoutError:
            return None
        except OSError:
            return b""
        finally:
            self._control.settimeout(None)
        return said if len(said) == ENDING.size else b""

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
