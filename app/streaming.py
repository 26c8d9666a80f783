"""Work in a thread of its own, read as a stream. The reader may go away; the work is done all the same."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

Item = TypeVar("Item")


def stream(work: Callable[[Callable[[Item], None]], None], name: str) -> Iterator[Item]:
    """Start `work`, which is given a function to put items with, and yield what it puts until it ends.

    name: the thread's name. What `work` raises is raised again here, after the items that it had put.
    """
    ended = object()
    items: queue.SimpleQueue[object] = queue.SimpleQueue()

    def run() -> None:
        try:
            work(items.put)
        except Exception as error:  # noqa: BLE001 raised again in the reader's thread
            items.put(_Raised(error))
        else:
            items.put(ended)

    threading.Thread(target=run, name=name).start()
    while (item := items.get()) is not ended:
        if isinstance(item, _Raised):
            raise item.error
        yield cast(Item, item)


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error
