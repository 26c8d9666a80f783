"""A whole dashboard that is killed while applications send it traces over HTTP."""

import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from tests.otlp.sent import PROTOBUF, request, span
from tests.served_dashboard import start


def kill_server(url: str, folder: Path, after_s: float) -> list[str]:
    """Start one, send for so long, kill it: the traces whose spans it acknowledged."""
    data = folder / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    process, dashboard = start(data, RAGLASS_DATABASE_URL=url)
    acknowledged = []
    until = time.monotonic() + after_s
    try:
        while time.monotonic() < until:
            trace_id = uuid.uuid4()
            body = request(span(trace_id=trace_id.bytes)).SerializeToString()
            sent = urllib.request.Request(f"{dashboard.url}/v1/traces", body, {"Content-Type": PROTOBUF})
            try:
                with urllib.request.urlopen(sent, timeout=10):
                    acknowledged.append(trace_id.hex)
            except urllib.error.HTTPError:
                continue  # told to wait: nothing is acknowledged
    finally:
        process.kill()
        process.wait()
    return acknowledged
