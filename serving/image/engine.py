"""The seam between the trial and what builds and runs images: what an engine is, whichever it is."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import Unavailable

LAST_WORDS = 2000
"""How many characters of a failed command's output are shown."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an image says of itself, and what it weighs."""

    user: str
    """Who its process runs as."""
    entrypoint: tuple[str, ...]
    """What is started, without a shell."""
    health: tuple[str, ...]
    """The command that tells whether it is healthy."""
    size_bytes: int
    """All its files, unpacked."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ran in a container of its own."""

    status: int
    """It left with this."""
    output: str
    """It wrote this to standard output."""
    errors: str = ""
    """It, or the engine, wrote this to standard error."""

    def json(self) -> Any:
        """Its output as JSON. Raises Unavailable with what it said instead."""
        try:
            return json.loads(self.output)
        except json.JSONDecodeError:
            raise Unavailable(
                f"A command in the container left with status {self.status} and no JSON: {(self.output + self.errors)[-LAST_WORDS:]}"
            ) from None


class Container(Protocol):
    """A running container."""

    def is_running(self) -> bool:
        """Whether its process has not ended."""

    def terminate(self) -> None:
        """Send its process SIGTERM."""

    def wait(self, timeout_s: float) -> int | None:
        """The status that its process left with; None if it has not ended in that time."""

    def log(self) -> str:
        """What its process has written so far."""


class Engine(Protocol):
    """Builds images and runs them: as the user that the image names, with a root that cannot be written, without capabilities,
    on the network of this machine. What it made is gone once it is closed."""

    name: str

    def build(self, target: str) -> str:
        """Build a target of the Dockerfile; the image's reference. Raises Unavailable with the end of the build's output."""

    def facts(self, image: str) -> Facts:
        """What an image says of itself."""

    def volume(self) -> str:
        """A new volume for `/data`, empty but for what the image has there."""

    def start(self, image: str, volume: str, environ: Mapping[str, str]) -> Container:
        """Run an image as it is meant to be run."""

    def run(self, image: str, volume: str, environ: Mapping[str, str], command: Sequence[str]) -> Done:
        """Run a command in place of the image's own, and wait for it."""

    def close(self) -> None:
        """End and remove all that it made."""


def call(command: Sequence[str], *, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command writes to standard output. Raises Unavailable with its last words if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environ, cwd=cwd, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-LAST_WORDS:]
        raise Unavailable(f"`{' '.join(command[:4])} …` left with status {done.returncode}: {said}")
    return done.stdout


def read_json(command: Sequence[str]) -> object:
    """What a command writes to standard output, as JSON."""
    return json.loads(call(command))
