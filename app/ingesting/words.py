"""What is received, in words."""

from collections.abc import Sequence

from app.config import Settings
from app.ingesting.receiving import Received
from app.kit.plain import printable
from app.kit.wording import when
from metrics.keys import Key
from pipeline.types import PartReadiness

TRACES_PATH = "/v1/traces"
"""Where spans are sent (OTLP/HTTP)."""

MAX_SENDER_CHARS = 100
"""Characters of a sender that are shown."""


def receiving_part(settings: Settings, received: Received, waiting: int, *, keys_needed: bool) -> PartReadiness:
    """Where to send spans, and what came so far, as a part of the status."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    parts = [f"OTLP at http://{host}:{settings.port}{TRACES_PATH}, {'with a key' if keys_needed else 'no key needed'}"]
    if received == Received() and not waiting:
        parts.append("nothing came since this process began")
    else:
        parts.append(
            f"spans stored {received.spans:,}, rejected {received.rejected:,}; requests refused {received.refused:,}, waiting {waiting:,}"
        )
    if received.last_at:
        parts.append(f"last from {received.last_sender[:MAX_SENDER_CHARS]}, {when(received.last_at)}")
    return PartReadiness("receiving", True, "; ".join(parts))


def keys_text(keys: Sequence[Key]) -> str:
    """Keys as a table, the oldest first."""
    if not keys:
        return "There are no keys. `raglass keys create NAME --scope ingest` makes one."
    rows = [("id", "scope", "made", "last used", "name")]
    for key in keys:
        used = "never" if key.last_used_at is None else when(key.last_used_at)
        ended = "" if key.revoked_at is None else f" (revoked {when(key.revoked_at)})"
        rows.append((key.key_id, key.scope, when(key.created_at), used, key.name + ended))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return printable("\n".join(lines))
