"""What explanations scored, kept with their traces. Refuses to know what is in it."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from metrics.payloads import deflate
from metrics.tables import explanations


def keep(connection: Connection, trace_id: str, kind: str, data: Mapping[str, Any]) -> None:
    """Replace what was kept of this kind."""
    payload = deflate(json.dumps(data).encode())
    connection.execute(delete(explanations).where(explanations.c.trace_id == trace_id, explanations.c.kind == kind))
    connection.execute(insert(explanations).values(trace_id=trace_id, kind=kind, payload=payload))


def read(connection: Connection, trace_id: str) -> dict[str, dict[str, Any]]:
    """What was kept, by kind. A damaged row is passed over: it can be scored again."""
    found: dict[str, dict[str, Any]] = {}
    rows = select(explanations.c.kind, explanations.c.payload).where(explanations.c.trace_id == trace_id)
    for kind, payload in connection.execute(rows):
        try:
            data = json.loads(zlib.decompress(payload))
        except (zlib.error, ValueError):
            continue
        if isinstance(data, dict):
            found[kind] = data
    return found
