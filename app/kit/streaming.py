"""Work in threads of its own, read as streams, and waited for at the end. A reader may go away; the work is done all the same."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from pipeline.errors import Unavailable

Item = TypeVar("Item")


class InFlight:
    """The work of one process that has begun and not ended. Threads share it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._finishing = False

    @property
    def count(self) -> int:
        """How much work is in flight."""
        return self._count

    @property
    def finishing(self) -> bool:
        """Whether no more work is taken on."""
        return self._finishing

    def stream(self, work: Callable[[Callable[[Item], None]], None], name: str) -> Iterator[Item]:
        """Start `work`, which is given a function to put items with, and yield what it puts until it ends.

        name: the thread's name. What `work` raises is raised again here, after the items that it had put. Raises Unavailable, and
        starts nothing, once the process is finishing.
        """
        ended = object()
        items: queue.SimpleQueue[object] = queue.SimpleQueue()

        def run() -> None:
            last: object = ended
            try:
                work(items.put)
            except Exception as error:  # noqa: BLE001 raised again in the reader's thread
                last = _Raised(error)
            finally:
                items.put(last)
                self._end()

        self._begin()
        # A daemon, since `finish` is what waits for it, and not for ever.
        threading.Thread(target=run, name=name, daemon=True).start()
        while (item := items.get()) is not ended:
            if isinstance(item, _Raised):
                raise item.error
            yield cast(Item, item)

    def finish(self, limit_s: float) -> int:
        """Take no more work on and wait for what is in flight, at most `limit_s` seconds; how much had not ended by then."""
        with self._changed:
            self._finishing = True
            self._changed.wait_for(lambda: not self._count, limit_s)
            return self._count

    def _begin(self) -> None:
        with self._changed:
            if self._finishing:
                raise Unavailable(
                    "This dashboard is stopping and takes no more questions. Reload the page in a moment and ask again."
                )
            self._count += 1

    def _end(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error
