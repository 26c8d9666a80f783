"""The status as plain text."""

from app.kit.plain import pair_lines, printable
from app.status.readiness import Status


def status_text(status: Status) -> str:
    """The status, a part a line."""
    lines = [f"Backend {status.backend}: {'ready' if status.ready else 'not ready'}"]
    lines += [f"  {'ok ' if part.ready else 'NOT'} {part.name}: {part.detail}" for part in status.all_parts]
    lines += ["Backends", *(f"  {name}: {reason or 'installed'}" for name, reason in status.backends.items())]
    lines += ["Versions", *pair_lines(list(status.versions.items()))]
    lines += ["Settings", *pair_lines(list(status.settings.items()))]
    lines += [f"  {name} is set but is no setting of Raglass" for name in status.unknown_variables]
    return printable("\n".join(lines))
