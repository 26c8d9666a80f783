"""A process that ends when the one that started it ends, however that one ended. Standard library only.

The parent holds the writing end of the child's standard input and never writes: reading ends when the parent is gone.
"""

import os
import signal
import threading


def end_with_parent() -> None:
    """Send this process SIGTERM once its standard input is closed."""
    threading.Thread(target=_wait_for_end, name="lifeline", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(
        0, 4096
    ):  # Not sys.stdin: its lock, held here while the interpreter shuts down, would be a fatal error.
        pass
    os.kill(os.getpid(), signal.SIGTERM)
