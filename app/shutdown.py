"""How the dashboard ends: on SIGTERM or Ctrl-C it first sees questions in flight through, while their pages are still connected.

Left alone, the server hangs up on every page at once and the process ends by the signal, with whatever was under way. The
orchestrator's patience bounds all of this: see docs/image.md for the times to give it.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def finishing_first(finish: Callable[[], object]) -> Iterator[None]:
    """While the block runs, the first signal to end starts `finish` in a thread and takes effect once that is done.

    Every further signal takes effect at once, so that a second Ctrl-C does not wait. To be entered where a server has put its own
    handlers in place. Outside the main thread, the only one that may set handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    main = threading.get_ident()
    usual = {number: signal.getsignal(number) for number in SIGNALS}
    # Plain flags: a signal may come while the handler of the one before is at work, which a lock of its own would not survive.
    asked = passed_on = False

    def finish_then_end(number: int) -> None:
        try:
            finish()
        except Exception:  # whatever it was, the signal must still take effect
            log.exception("the process ends without having finished its work")
        if not passed_on:
            # To the main thread itself: it is the one that runs handlers, and a signal that another thread took would not wake it.
            signal.pthread_kill(main, number)

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked, passed_on
        if not asked:
            asked = True
            threading.Thread(target=finish_then_end, args=(number,), name="finish", daemon=True).start()
            return
        passed_on = True
        handler = usual[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        passed_on = True
        for number, handler in usual.items():
            if signal.getsignal(number) is on_signal:
                signal.signal(number, handler)


@contextmanager
def ending_well_on_sigterm() -> Iterator[None]:
    """While the block runs, SIGTERM leaves it with status 0 and by way of every `finally`.

    The first process of a container needs this even to end at all: there a signal without a handler does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
