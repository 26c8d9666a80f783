"""What the rehearsal's own commands share: lines printed at once, and an end that removes everything."""

import signal
import sys
from types import FrameType


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def interruptible() -> None:
    """Let SIGTERM and Ctrl-C raise KeyboardInterrupt. Ctrl-C by name, since a shell that starts us in the background has it ignored."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
