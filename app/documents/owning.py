"""Whose a document is: of whoever sent its file. Nobody else but an admin removes it, or puts another file in its place."""

from typing import TYPE_CHECKING

from app.permitting.acting import did_last, own_refusal, record, require_own, who
from app.permitting.roles import Role

if TYPE_CHECKING:
    from backends.local.documents import DocumentLibrary

SENT = "sent a document"
"""What is noted of a file that somebody sent."""

WHAT = "This document was sent"


def note_sender(path: str) -> None:
    """Note that who is acting sent a file."""
    record(SENT, path)


def may_remove_all() -> bool:
    """Whether who is acting may remove whatever anybody sent."""
    return who().role >= Role.ADMIN


def require_sender(path: str) -> None:
    """Raises NotPermitted unless who is acting sent the file, or is an admin."""
    if not may_remove_all():
        require_own(did_last(SENT, path), WHAT)


def refusal_of(path: str) -> str:
    """Why who is acting, who is no admin, may not remove a file's documents; empty if they may."""
    return own_refusal(did_last(SENT, path), WHAT, who())


def file_of(library: "DocumentLibrary", document_id: str) -> str:
    """The file that a document lies in; empty for none."""
    found = library.summaries([document_id])
    return found[0].file if found else ""
