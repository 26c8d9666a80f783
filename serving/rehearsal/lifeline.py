"""A process that ends when the one that started it ends, however that one ended. Standard library only.

The parent holds the writing end of the child's standard input and never writes: reading ends when the parent is gone.
"""

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """Send this process SIGTERM once its standard input is closed."""
    threading.Thread(target=_wait_for_end, name="lifeline", daemon=True).start()


def _wait_for_end() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
