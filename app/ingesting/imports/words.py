"""What came of an import, in words and as JSON."""

from typing import Any

from app.ingesting.imports.importing import PLACES, Imported
from app.kit.numbers import count, percent
from app.kit.wording import listed

MOST_REASONS = 20
"""Reasons that are told, those first that came first."""


def progress_words(found: Imported, done_bytes: int, size_bytes: int) -> str:
    """How far it is, in a line."""
    share = done_bytes / size_bytes if size_bytes else 1.0
    return f"{percent(share)} read, {count(found.spans, 'span')} of {count(found.traces, 'trace')}"


def import_text(name: str, found: Imported, *, dry_run: bool) -> str:
    """What was read, what of it is new, and what was rejected with the reasons."""
    known = found.traces - found.new
    what = ", ".join(f"{count(pieces, 'piece')} of {export}" for export, pieces in found.formats.items())
    stored = "would be new" if dry_run else "new"
    lines = [
        f"{name}: {count(found.spans, 'span')} of {count(found.traces, 'trace')} ({what}); {found.new:,} {stored}, {known:,} known before."
    ]
    if dry_run:
        lines.append("Nothing was stored (--dry-run).")
    if found.rejected:
        lines.append(f"Rejected: {found.rejected:,}")
        lines += [f"  {_places(places)}: {why}" for why, places in list(found.reasons.items())[:MOST_REASONS]]
        if len(found.reasons) > MOST_REASONS:
            lines.append(f"  and {count(len(found.reasons) - MOST_REASONS, 'other reason')}")
    return "\n".join(lines)


def _places(places: list[str]) -> str:
    return f"{', '.join(places[:PLACES])} and others" if len(places) > PLACES else listed(places)


def import_to_dict(name: str, found: Imported, *, dry_run: bool) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "file": name,
        "formats": found.formats,
        "spans": found.spans,
        "traces": found.traces,
        "new_traces": found.new,
        "rejected": found.rejected,
        "reasons": {why: places[:PLACES] for why, places in found.reasons.items()},
        "stored": not dry_run,
    }
