"""Tabs that are gone, and what they held."""

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.session_manager import SessionInfo

from app.server import tabs
from app.server.tabs import forget_gone, freeing_tabs


def run(work: Coroutine[Any, Any, None]) -> None:
    """See it through in a thread of its own: where a browser is open, this one has a loop that goes on."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


class Session:
    """Something that can be seen to be gone."""

    def __init__(self, name: str) -> None:
        self.id = name


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where a server keeps the sessions of tabs that were closed, by a clock that the test sets."""
    made = MemorySessionStorage(ttl_seconds=120)
    made.now_s = 0.0  # type: ignore[attr-defined]
    made._cache._timer = lambda: made.now_s  # type: ignore[attr-defined]
    server = SimpleNamespace(_session_mgr=SimpleNamespace(_session_storage=made))
    monkeypatch.setattr(tabs, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: server))
    return made


@pytest.mark.slow
def test_state_of_a_tab_goes_once_it_may_not_come_back_though_no_other_is_closed(storage: Any) -> None:
    session: Any = Session("first")
    storage.save(SessionInfo(client=None, session=session, script_run_count=1))
    seen = weakref.ref(session)
    del session
    storage.now_s = 119.0
    assert forget_gone() == 0
    assert storage.get("first").session is seen()
    storage.now_s = 120.0
    assert forget_gone() == 1
    gc.collect()
    assert seen() is None


def test_without_a_server_there_is_nothing_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabs, "runtime", SimpleNamespace(exists=lambda: False))
    assert forget_gone() == 0


@pytest.mark.slow
def test_a_look_that_fails_is_told_and_neither_ends_the_looks_nor_keeps_the_server_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[float] = []

    def look(now_s: float) -> list[str]:
        looks.append(now_s)
        raise RuntimeError("dictionary changed size during iteration")

    monkeypatch.setattr(tabs, "LOOK_S", 0.01)
    monkeypatch.setattr(tabs, "Freeing", lambda: SimpleNamespace(look=look))

    async def wait() -> None:
        async with freeing_tabs():
            for _ in range(500):
                if len(looks) > 1:
                    return
                await asyncio.sleep(0.01)

    run(wait())
    assert len(looks) > 1
    assert "dictionary changed size" in caplog.text


@pytest.mark.slow
def test_what_points_at_itself_goes_without_a_rerun_that_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabs, "LOOK_S", 0.01)
    made: Any = Session("a figure")
    made.itself = made
    seen = weakref.ref(made)
    del made

    async def wait() -> None:
        async with freeing_tabs():
            for _ in range(500):
                if seen() is None:
                    return
                await asyncio.sleep(0.01)

    gc.disable()
    try:
        assert seen() is not None
        run(wait())
        assert seen() is None
    finally:
        gc.enable()
