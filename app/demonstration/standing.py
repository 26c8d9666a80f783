"""`Standing`: where a demonstration is, in a file of its data folder, which the dashboard reads to say so on every page.

The file makes the folder a demonstration's: without it nothing is said anywhere.
"""

import json
import time
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from app.demonstration.scenes import Cue, find_cue, make_script
from app.kit.numbers import rough_time
from pipeline.errors import InputError, StoreError
from pipeline.locks import is_held
from pipeline.whole_files import write_whole

FILE_NAME = "demonstration.json"
"""In the data folder."""

LOCK_NAME = "demonstration.lock"
"""Beside it: held for as long as a demonstration goes on."""

BEAT_S = 5.0
"""How often a demonstration that goes on says so."""

SILENT_S = 30.0
"""Without a word for as long, it has ended without saying so."""

Phase = Literal["running", "stopped", "over"]
"""Goes on; was ended before its time and can be gone on with; has come to its end."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a demonstration is."""

    phase: Phase
    """Whether it goes on."""
    minutes: float
    """How long it lasts in all."""
    stack: bool
    """Whether the AWS stack is rehearsed beside the local backend."""
    origin_s: float
    """When it would have begun had it never been interrupted, in seconds since the epoch."""
    beat_at: float
    """When this was written, in seconds since the epoch."""
    address: str = ""
    """Of its dashboard."""
    links: dict[str, str] = field(default_factory=dict)
    """What was made beforehand: addresses of pages, without a slash in front, by their words."""

    @property
    def elapsed_s(self) -> float:
        """How far it had come when this was written."""
        return self.beat_at - self.origin_s

    def has_gone_silent(self, now_s: float) -> bool:
        """Whether it claims to go on and has not said so for long."""
        return self.phase == "running" and now_s - self.beat_at > SILENT_S

    def can_resume(self) -> bool:
        """Whether it was ended before its time."""
        return self.phase != "over" and self.elapsed_s < self.minutes * 60


def check_free(folder: Path) -> None:
    """Raise InputError while a demonstration goes on in a folder."""
    if is_held(folder / LOCK_NAME):
        standing = read_standing(folder)
        where = f" at {standing.address}" if standing else "; it is getting ready"
        raise InputError(
            f"A demonstration goes on already{where}. Open it, or end it with Ctrl-C where it was started."
        )


def write_standing(folder: Path, standing: Standing) -> None:
    """Write it as a whole or not at all. Raises StoreError."""
    path = folder / FILE_NAME
    try:
        write_whole(path, json.dumps(asdict(standing)))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}). Free some space, or choose another folder."
        ) from error


def read_standing(folder: Path) -> Standing | None:
    """Where the demonstration of a data folder is; None for a folder that is none's. Cheap: pages ask at every run."""
    path = folder / FILE_NAME
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=4)
def _read(path: Path, mtime_ns: int) -> Standing:
    return Standing(**json.loads(path.read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Banner:
    """What every page of a demonstration says at its top."""

    now: str
    """What goes on."""
    next: str = ""
    """What comes next, and when; empty after the end."""


def make_banner(standing: Standing, now_s: float | None = None) -> Banner:
    """The words of the banner. now_s: seconds since the epoch."""
    now_s = time.time() if now_s is None else now_s
    if standing.phase == "over":
        return Banner("It is over. What was asked stays here; no more questions come.")
    if standing.phase == "stopped" or standing.has_gone_silent(now_s):
        return Banner("It was stopped. What was asked stays here; start it again to go on.")
    script = make_script(standing.minutes, stack=standing.stack)
    at_s = now_s - standing.origin_s
    place = find_cue(script, at_s)
    if place is None:
        return Banner("The last questions are answered.")
    now = f"Now: {script[place].scene.now}. See {script[place].scene.page}."
    left = rough_time(max(script[place].end_s - at_s, 1))
    return Banner(now, f"In {left}: {_following(script, place)}.")


def _following(script: list[Cue], place: int) -> str:
    return script[place + 1].scene.now if place + 1 < len(script) else "the end"
