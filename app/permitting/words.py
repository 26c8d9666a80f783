"""Who is let in, and who changed what, in words."""

from collections.abc import Sequence

from app.kit.plain import one_line, printable
from app.kit.wording import when
from app.permitting.acting import require
from app.permitting.roles import Role
from metrics.audit import AuditEntry, AuditLog

AUDIT_HEADS = ("When", "Who", "Did", "To what")
"""Of a table of changes."""

NOTHING = "Nothing was changed since changes are noted."


def read_changes(log: AuditLog, limit: int) -> list[AuditEntry]:
    """The newest changes, the newest first. Takes an admin. Raises NotPermitted, InputError, StoreError."""
    require(Role.ADMIN)
    return log.newest(limit)


def change_rows(entries: Sequence[AuditEntry]) -> list[tuple[str, str, str, str]]:
    """Changes as rows, under AUDIT_HEADS."""
    return [(when(each.at), each.who, each.did, one_line(each.subject)) for each in entries]


def changes_text(entries: Sequence[AuditEntry]) -> str:
    """Changes as a plain table."""
    if not entries:
        return NOTHING
    rows = change_rows(entries)
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ("  ".join([*(f"{row[place]:<{widths[place]}}" for place in range(3)), row[3]]).rstrip() for row in rows)
    return printable("\n".join(lines))
