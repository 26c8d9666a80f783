"""Files that were chosen on a page: who may send them, how much of them is held, and letting go of those whose tab is gone."""

from collections.abc import Mapping

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

KEEP_S = 60.0
"""How long a tab that lost its connection may come back to its files."""


def held_uploads() -> Mapping[str, int]:
    """Bytes of the files that are held, by session."""
    manager = _manager()
    if manager is None:
        return {}
    return {
        session: sum(len(file.data) for file in list(files.values()))
        for session, files in list(manager.file_storage.items())
    }


def claims_of(session: str) -> Mapping[str, object]:
    """What whoever opened a tab was signed in with; nothing for who was not, and of a tab that there is not."""
    manager = getattr(runtime.get_instance(), "_session_mgr", None) if runtime.exists() else None
    found = None if manager is None else manager.get_session_info(session)
    return {} if found is None else dict(found.session._user_info)


class Freeing:
    """Lets go of files whose tab has been gone for a while."""

    def __init__(self, keep_s: float = KEEP_S) -> None:
        """keep_s: as KEEP_S."""
        self._keep_s = keep_s
        self._gone_at: dict[str, float] = {}

    def look(self, now_s: float) -> list[str]:
        """Free what can be; the sessions whose files went. now_s: of a clock that only goes on."""
        manager = _manager()
        if manager is None:
            return []
        gone = [each for each in list(manager.file_storage) if not runtime.get_instance().is_active_session(each)]
        self._gone_at = {each: self._gone_at.get(each, now_s) for each in gone}
        freed = [each for each, since_s in self._gone_at.items() if now_s - since_s >= self._keep_s]
        for session in freed:
            manager.remove_session_files(session)
            del self._gone_at[session]
        return freed


def _manager() -> MemoryUploadedFileManager | None:
    if not runtime.exists():
        return None
    manager = runtime.get_instance().uploaded_file_mgr
    return manager if isinstance(manager, MemoryUploadedFileManager) else None
