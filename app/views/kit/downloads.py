"""Files to take away."""

from collections.abc import Callable
from pathlib import PurePath

import streamlit as st

from metrics.spreadsheet import MARK

MIME = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
}


def show_download(
    label: str,
    content: str | Callable[[], str],
    file_name: str,
    *,
    icon: str = ":material/download:",
    key: str | None = None,
    help: str | None = None,
) -> None:
    """A button that saves the content, and does not run the page again. Its kind goes by the file name."""
    suffix = PurePath(file_name).suffix
    st.download_button(
        label,
        _marked(content) if suffix == ".csv" else content,
        file_name=file_name,
        mime=MIME[suffix],
        icon=icon,
        key=key,
        help=help,
        on_click="ignore",
    )


def _marked(content: str | Callable[[], str]) -> str | Callable[[], str]:
    """A table with what tells a spreadsheet that it is UTF-8, made only when it is asked for where it was to be."""
    if isinstance(content, str):
        return f"{MARK}{content}"
    make = content
    return lambda: f"{MARK}{make()}"
