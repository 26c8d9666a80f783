"""`Premises`: what a visitor of a page may name of the server's own: files in folders that the operator listed, and nothing else.

The shell is the operator and may name anything.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.config import Settings
from backends.local.remote.address import WORD, is_remote
from evaluation.hub import PREFIX
from pipeline.errors import InputError

UPLOADS = Path("datasets", "uploads")
"""Where uploaded datasets are kept, in the data folder. Pages name them again."""

TEXTS = "prompts"
"""The part of a plan that holds texts and no names."""

_DRIVE = re.compile(r"[A-Za-z]:")


class Premises:
    """What the pages of a dashboard may name."""

    def __init__(self, settings: Settings) -> None:
        folders = [Path(each).expanduser() for each in settings.allowed_folders.split(os.pathsep) if each.strip()]
        self._folders = [each.resolve() for each in (settings.data_dir / UPLOADS, *folders)]
        # What the operator set may be named again: forms offer it.
        named = (settings.embedder, settings.generator, settings.reranker, settings.prompt)
        self._own = {each.strip() for each in named if each.strip()}
        self._servers = {_server_of(each) for each in self._own if is_remote(each)}

    def check_path(self, text: str) -> Path:
        """The file or folder that a visitor named. Raises InputError for one outside the folders, whether there is such a one or not."""
        try:
            path = Path(text.strip()).expanduser().resolve()
            inside = any(path.is_relative_to(folder) for folder in self._folders)
        except (OSError, RuntimeError, ValueError):
            inside = False
        if not inside:
            raise InputError(
                f"{text.strip()[:80]!r} is a place on the server, which a page may not name. Upload the file instead, use the shell, or "
                "ask who runs this dashboard to list its folder in RAGLASS_ALLOWED_FOLDERS."
            )
        if not (path.is_file() or path.is_dir()):
            raise InputError(f"There is no file or folder {text.strip()[:80]!r}. Check how it is written.")
        return path

    def check_name(self, text: str) -> None:
        """Raises InputError for a name of a dataset, a model or a prompt that is a place outside the folders, or a server of elsewhere.

        Blanks around it count for nothing, as for whoever goes by the name.
        """
        text = text.strip()
        if text in self._own:
            return
        if is_remote(text) and (server := _server_of(text)) and server not in self._servers:
            raise InputError(
                f"{text[:80]!r} names a server. A page may ask only those that RAGLASS_EMBEDDER and RAGLASS_GENERATOR name; the shell may "
                "ask any."
            )
        bare = text.removeprefix(PREFIX).strip()
        if not is_remote(text) and _is_place(bare):
            self.check_path(bare)

    def check_plan(self, plan: Mapping[str, Any]) -> None:
        """Raises InputError where a plan that a visitor made names anything that `check_name` refuses, however deep."""
        for word in words_of({name: value for name, value in plan.items() if name != TEXTS}):
            self.check_name(word)


def words_of(value: Any) -> list[str]:
    """Every text in what a plan holds, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [word for each in value.values() for word in words_of(each)]
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [word for each in value for word in words_of(each)]
    return []


def _is_place(text: str) -> bool:
    """Whether a text would be taken as a place in the file system."""
    if not text:
        return False
    if text.startswith(("/", "~", ".", "\\")) or "\\" in text or ".." in text.split("/") or _DRIVE.match(text):
        return True
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return "\0" in text


def _server_of(word: str) -> str:
    """The URL in the word for a model on another server; empty for the usual one."""
    found = WORD.fullmatch(word)
    return (found[3] or "").strip().rstrip("/") if found else ""
