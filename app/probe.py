"""`python -m app.probe`: whether the dashboard on this machine is ready. The image's health check, which has no shell and no curl.

Leaves with 0 if `/readyz` answers 200; otherwise with 1, having printed why. Standard library only, so that a look costs little.
"""

import http.client
import os
import sys
from collections.abc import Mapping

TIMEOUT_S = 14.0
"""A look at every part of a stack takes up to 12 s."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a dashboard that listens on every address is found."""


def why_not_ready(host: str, port: int) -> str | None:
    """What keeps the dashboard from answering; None if it is ready."""
    connection = http.client.HTTPConnection(EVERYWHERE.get(host, host), port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
        told = reply.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"Nobody answers on {host}, port {port} ({type(error).__name__})."
    finally:
        connection.close()
    return None if reply.status == 200 else f"/readyz answered {reply.status}: {told}"


def main(environ: Mapping[str, str] = os.environ) -> int:
    """The status to leave with."""
    problem = why_not_ready(environ.get("RAGLASS_HOST") or "127.0.0.1", int(environ.get("RAGLASS_PORT") or 8501))
    if problem:
        sys.stdout.write(f"{problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
