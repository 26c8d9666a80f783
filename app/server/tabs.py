"""What tabs leave behind is let go of: what those held that are gone, and what reruns made that points at itself.

Streamlit forgets a tab that is gone once it comes across it, which on a quiet server is never. For the rest it looks through all that
the process holds after every rerun, which with many tabs takes longer than the reruns; here it is done now and then.
"""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamlit import runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from app.server.uploads import Freeing

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""Between two looks."""


@asynccontextmanager
async def freeing_tabs() -> AsyncIterator[None]:
    """Let go of what tabs leave behind until the block is left."""
    task = asyncio.create_task(_go_on(Freeing()))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def forget_gone() -> int:
    """Drop the sessions of tabs that may not come back any more, with their state and their open files; how many.

    Streamlit keeps a session for two minutes, and drops it when the next tab is closed. To be called in the server's event loop,
    where Streamlit itself stores them.
    """
    manager = getattr(runtime.get_instance(), "_session_mgr", None) if runtime.exists() else None
    storage = getattr(manager, "_session_storage", None)
    return len(storage._cache.expire()) if isinstance(storage, MemorySessionStorage) else 0  # type: ignore[attr-defined]


async def _go_on(freeing: Freeing) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            _look(freeing)
        except Exception:  # of Streamlit, say: a task that ended would free nothing any more, and nobody would know
            log.exception("what closed tabs held could not be freed; it is tried again")
        gc.collect()


def _look(freeing: Freeing) -> None:
    freed = freeing.look(time.monotonic())
    gone = forget_gone()
    if freed or gone:
        log.info("freed the files of %d closed tab(s) and the state of %d", len(freed), gone)
