"""The status in words, for the page and as plain text."""

from app.kit.plain import pair_lines, printable
from app.kit.wording import listed
from app.status.readiness import Status
from backends.registry import AWS, ENDPOINT


def headline(status: Status) -> str:
    """Whether all is well, in a sentence; the names of the parts that are not."""
    wanting = [part.name for part in status.wanting]
    if not status.ready:
        return f"Not ready: {listed(wanting)}. What to do stands below."
    can = f"{status.backend} can answer, and traces are stored"
    if wanting:
        return f"{can}. Not well: {listed(wanting)}. What to do stands below."
    return f"All is well: {can}."


def backends_heading(status: Status) -> str:
    """How many backends can be used here."""
    usable = sum(reason is None for reason in status.backends.values())
    return f"Backends: {usable} of {len(status.backends)} can be chosen here"


def unknown_words(name: str) -> str:
    """A variable that is set and that nothing reads."""
    return f"{name} is set, and is no setting of Raglass. Look for a typing error."


def backend_words(status: Status) -> dict[str, str]:
    """Of every known backend whether it can be used, as far as that is known: of those elsewhere, only the one looked at was asked."""
    return {name: reason or _usable(name, status) for name, reason in status.backends.items()}


def _usable(name: str, status: Status) -> str:
    if name == status.backend:
        return "ready" if status.backend_ready else "not ready: see its parts"
    if name == AWS or name.startswith(ENDPOINT):
        return f"set up, and not tried here: raglass status --backend {name} does"
    return "installed"


def status_text(status: Status) -> str:
    """The status, a part a line."""
    lines = [headline(status)]
    lines += [f"  {'ok ' if part.ready else 'NOT'} {part.name}: {part.detail}" for part in status.all_parts]
    lines += ["Backends", *(f"  {name}: {words}" for name, words in backend_words(status).items())]
    lines += ["Versions", *pair_lines(list(status.versions.items()))]
    lines += ["Settings", *pair_lines(list(status.settings.items()))]
    lines += [f"  {unknown_words(name)}" for name in status.unknown_variables]
    return printable("\n".join(lines))
