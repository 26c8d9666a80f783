"""Files that were chosen on a page, and tabs that are gone."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from app.server import uploads
from app.server.uploads import Freeing, claims_of, held_uploads


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    """A server that holds a file of each of two tabs, one of which is open."""
    made = MemoryUploadedFileManager("/upload")
    for session in ("open", "gone"):
        made.add_file(session, UploadedFileRec("1", "a.txt", "text/plain", bytes(1000)))
    server = SimpleNamespace(uploaded_file_mgr=made, is_active_session=lambda session: session == "open")
    monkeypatch.setattr(uploads, "runtime", SimpleNamespace(exists=lambda: True, get_instance=lambda: server))
    return made


def test_what_is_held_is_told_by_session(manager: MemoryUploadedFileManager) -> None:
    assert held_uploads() == {"open": 1000, "gone": 1000}


def test_files_of_a_tab_that_is_gone_go_after_a_while(manager: MemoryUploadedFileManager) -> None:
    freeing = Freeing(keep_s=60)
    assert freeing.look(0) == freeing.look(59) == []
    assert freeing.look(60) == ["gone"]
    assert held_uploads() == {"open": 1000}


def test_tab_that_came_back_has_its_while_anew(
    manager: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeing = Freeing(keep_s=60)
    freeing.look(0)
    server = uploads.runtime.get_instance()
    monkeypatch.setattr(server, "is_active_session", lambda _: True)
    assert freeing.look(50) == []
    monkeypatch.setattr(server, "is_active_session", lambda session: session == "open")
    assert freeing.look(70) == []
    assert freeing.look(130) == ["gone"]


def test_without_a_server_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "runtime", SimpleNamespace(exists=lambda: False))
    assert held_uploads() == {}
    assert Freeing().look(0) == []


def test_a_tab_is_its_visitors_and_another_is_nobodys(
    manager: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = SimpleNamespace(session=SimpleNamespace(_user_info={"is_logged_in": True, "email": "ada@example.com"}))
    server = uploads.runtime.get_instance()
    monkeypatch.setattr(server, "_session_mgr", SimpleNamespace(get_session_info={"open": tab}.get), raising=False)
    assert claims_of("open") == {"is_logged_in": True, "email": "ada@example.com"}
    assert claims_of("other") == {}
