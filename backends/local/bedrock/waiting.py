"""Taking what another thread reads, for no longer than there is time: boto3 takes a time-out for each read of a socket, not for a reply."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from backends.aws.calls import timed_out

Item = TypeVar("Item")


class _End:
    """That nothing follows, and why: an error, or None where all was well."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


def within(stage: str, seconds: float, what: str, make: Callable[[], Iterator[Item]]) -> Iterator[Item]:
    """Yield what `make` yields, made in a thread of its own; Timeout once so many seconds have passed. Errors are raised here.

    A thread that is too late goes on until its socket's own time-out, and what it still reads is dropped. what: who is asked, for messages.
    """
    found: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
    left = threading.Event()

    def run() -> None:
        try:
            for item in make():
                if left.is_set():
                    break
                found.put(item)
        except Exception as error:  # noqa: BLE001 it is raised where it is waited for
            found.put(_End(error))
        else:
            found.put(_End(None))

    ends = time.monotonic() + seconds
    threading.Thread(target=run, name="raglass-bedrock", daemon=True).start()
    try:
        while True:
            try:
                item = found.get(timeout=max(ends - time.monotonic(), 0.001))
            except queue.Empty:
                raise timed_out(stage, seconds, what) from None
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        left.set()
