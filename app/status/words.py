"""The status as plain text."""

from app.kit.plain import pair_lines, printable
from app.status.readiness import Status
from backends.registry import AWS, ENDPOINT


def backend_words(status: Status) -> dict[str, str]:
    """Of every known backend whether it can be used, as far as that is known: of those elsewhere, only the one looked at was asked."""
    return {name: reason or _usable(name, status) for name, reason in status.backends.items()}


def _usable(name: str, status: Status) -> str:
    if name == status.backend:
        return "ready" if status.backend_ready else "not ready: see its parts"
    if name == AWS or name.startswith(ENDPOINT):
        return f"set up, and not tried; `raglass status --backend {name}` tries it"
    return "installed"


def status_text(status: Status) -> str:
    """The status, a part a line."""
    lines = [f"Backend {status.backend}: {'ready' if status.ready else 'not ready'}"]
    lines += [f"  {'ok ' if part.ready else 'NOT'} {part.name}: {part.detail}" for part in status.all_parts]
    lines += ["Backends", *(f"  {name}: {words}" for name, words in backend_words(status).items())]
    lines += ["Versions", *pair_lines(list(status.versions.items()))]
    lines += ["Settings", *pair_lines(list(status.settings.items()))]
    lines += [f"  {name} is set but is no setting of Raglass" for name in status.unknown_variables]
    return printable("\n".join(lines))
