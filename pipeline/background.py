"""`Background`: work that goes on beside everything else from `start` to `stop`, whichever comes first and whoever calls them."""

import threading
from collections.abc import Callable


class Background:
    """Threads that run until they are told to stop. What was stopped does not start again."""

    def __init__(self, **work: Callable[[], object]) -> None:
        """work: what each thread runs, by its name with _ for -; it returns once `stopping` is set."""
        self.stopping = threading.Event()
        self._work = work
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, unless it has begun or was stopped."""
        with self._lock:
            if self._threads or self.stopping.is_set():
                return
            for name, run in self._work.items():
                thread = threading.Thread(target=run, name=f"raglass-{name.replace('_', '-')}", daemon=True)
                thread.start()
                self._threads.append(thread)

    def stop(self, timeout_s: float | None = None) -> None:
        """End after what is being worked on, or leave it after timeout_s seconds a thread."""
        self.stopping.set()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout_s)
