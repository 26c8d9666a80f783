"""Files to take away."""

from collections.abc import Callable
from pathlib import PurePath

import streamlit as st

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
    st.download_button(
        label,
        content,
        file_name=file_name,
        mime=MIME[PurePath(file_name).suffix],
        icon=icon,
        key=key,
        help=help,
        on_click="ignore",
    )
