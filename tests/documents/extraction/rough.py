"""A reader that does what a file tells it to, as a broken or hostile file might make a real one do."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from backends.local.documents import Document, allowance
from pipeline.errors import InputError

READS = f"{__name__}:read"


def read(name: str, data: bytes, *, max_bytes: int, source: str) -> list[Document]:
    """Do what the file says, and give its text back."""
    word, _, rest = data.decode().partition(" ")
    text = DEEDS[word](rest) if word in DEEDS else data.decode()
    if word == "documents":
        return [document(f"{source}!/{number}", "Text.") for number in range(int(rest))]
    if word == "forge":
        return [document("another.txt", "Text.")]
    return [document(source, text or "Done.")]


def document(source: str, text: str) -> Document:
    """A document of one line."""
    return Document("forged", "Title", text, source)


def _sleep(rest: str) -> None:
    time.sleep(60)


def _exit(rest: str) -> None:
    os._exit(int(rest))


def _leave(rest: str) -> None:
    sys.exit(0)


def _crash(rest: str) -> None:
    ctypes.string_at(0)


def _kill(rest: str) -> None:
    os.kill(os.getpid() if rest == "child" else os.getppid(), signal.SIGKILL)


def _allocate(rest: str) -> None:
    held = []
    while True:
        held.append(bytearray(10_000_000))


def _abort(rest: str) -> None:
    os.write(2, rest.encode())
    os.abort()


def _fail(rest: str) -> None:
    raise ZeroDivisionError(rest)


def _refuse(rest: str) -> None:
    raise InputError(rest)


def _speak(rest: str) -> None:
    sys.stdout.write(rest)
    sys.stdout.flush()
    os.write(1, rest.encode())
    os.write(2, rest.encode())


def _offspring(rest: str) -> str:
    return str(subprocess.Popen(["sleep", "60"]).pid)


def _surroundings(rest: str) -> str:
    descriptors = [number for number in range(64) if _is_open(number)]
    return json.dumps({"environ": dict(os.environ), "folder": os.getcwd(), "descriptors": descriptors})


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _time_left(rest: str) -> str:
    return str(allowance.seconds_left())


DEEDS: dict[str, Callable[[str], str | None]] = {
    "sleep": _sleep,
    "exit": _exit,
    "leave": _leave,
    "crash": _crash,
    "kill": _kill,
    "allocate": _allocate,
    "abort": _abort,
    "fail": _fail,
    "refuse": _refuse,
    "speak": _speak,
    "offspring": _offspring,
    "surroundings": _surroundings,
    "time-left": _time_left,
    "repeat": lambda rest: "x" * int(rest),
}
