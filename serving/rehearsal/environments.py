"""The two virtual environments that the rehearsal needs beside the application's own, under the ignored `.rehearsal/`.

The emulator pins another botocore than the application, and a Lambda must see nothing but its own packages. Each is made once
from a lock file with hashes and made anew when that file changes.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: its `requirements/` has the lock files, its packages are what is rehearsed."""

CACHE = ROOT / ".rehearsal"

LOCKS = {"emulator": ROOT / "requirements" / "emulator.lock", "lambda": ROOT / "requirements" / "lambda.lock"}
"""Lock files by name of the environment."""


def make_environment(name: str, *, cache: Path = CACHE, on_start: Callable[[str], None] | None = None) -> Path:
    """The Python of an environment, which is made first if it is not there or its lock file has changed.

    on_start: told, before the half minute that making takes, what is being made. Two processes may ask at once: one waits.
    Raises Unavailable with pip's last words if the packages cannot be installed.
    """
    lock = LOCKS[name]
    if not lock.is_file():
        raise Unavailable(f"{lock} is missing: run the rehearsal from a checkout of Raglass.")
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    folder, python = cache / name, cache / name / "bin" / "python"
    mark = folder / "made-from.sha256"
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / f"{name}.lock"):
        if mark.is_file() and mark.read_text() == wanted:
            return python
        if on_start:
            on_start(f"Making the {name} environment (half a minute, once)")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder)
        _install(python, lock)
        mark.write_text(wanted)
    return python


def _install(python: Path, lock: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    command = [*pip, "install", "--no-deps", "--require-hashes", "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(
            f"The packages of {lock.name} cannot be installed: {done.stderr.strip()[-400:]} "
            "Check that pip reaches its index, then run the same command again."
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
